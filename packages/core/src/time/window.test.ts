import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isInsideWindow, nextOpening, parseWindow } from './window.ts';

const at = (text: string): number => Date.parse(text);

function windowOf(text: string) {
  const window = parseWindow(text);
  if (window === null) throw new Error(`not a window: ${text}`);
  return window;
}

describe('parseWindow()', () => {
  it.each([
    '',
    '02:00-04:00',
    '2-4 UTC',
    '25:00-26:00 UTC',
    '02:60-04:00 UTC',
    '02:00-02:00 UTC',
    '02:00-04:00 Mars/Base',
  ])('refuses %j', (text) => expect(parseWindow(text)).toBeNull());
});

describe('isInsideWindow()', () => {
  it.each([
    ['02:00-04:00 UTC', '2026-03-01T01:59:59Z', false],
    ['02:00-04:00 UTC', '2026-03-01T02:00:00Z', true],
    ['02:00-04:00 UTC', '2026-03-01T03:59:59Z', true],
    ['02:00-04:00 UTC', '2026-03-01T04:00:00Z', false],
    ['22:00-02:00 UTC', '2026-03-01T23:00:00Z', true],
    ['22:00-02:00 UTC', '2026-03-01T01:00:00Z', true],
    ['22:00-02:00 UTC', '2026-03-01T02:00:00Z', false],
    ['22:00-24:00 UTC', '2026-03-01T23:59:59Z', true],
    ['09:00-10:00 Europe/Berlin', '2026-07-01T07:30:00Z', true],
    ['09:00-10:00 Europe/Berlin', '2026-12-01T07:30:00Z', false],
  ])('%s at %s is %s', (text, moment, inside) => expect(isInsideWindow(windowOf(text), at(moment))).toBe(inside));
});

describe('nextOpening()', () => {
  it.each([
    ['02:00-04:00 UTC', '2026-03-01T12:00:00Z', '2026-03-02T02:00:00Z'],
    ['02:00-04:00 UTC', '2026-03-01T03:00:00Z', '2026-03-01T03:00:00Z'],
    // The clocks go forward at 02:00 in Berlin: a window inside the lost hour opens an hour later by the wall.
    ['02:15-02:45 Europe/Berlin', '2026-03-29T00:00:00Z', '2026-03-29T01:15:00Z'],
    // They go back at 03:00: the window opens at the first 02:00.
    ['02:00-04:00 Europe/Berlin', '2026-10-24T22:30:00Z', '2026-10-25T00:00:00Z'],
  ])('%s after %s is %s', (text, moment, opening) => {
    expect(new Date(nextOpening(windowOf(text), at(moment))).toISOString()).toBe(new Date(at(opening)).toISOString());
  });

  it('is always inside the window and never in the past', () => {
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata');
    fc.assert(
      fc.property(
        zones,
        fc.nat(1439),
        fc.nat(1439),
        fc.integer({ min: 1.7e12, max: 1.9e12 }),
        (zone, fromMinute, toMinute, moment) => {
          fc.pre(Math.abs(fromMinute - toMinute) > 120);
          const window = { fromMinute, toMinute, zone };
          const opening = nextOpening(window, moment);
          expect(opening).toBeGreaterThanOrEqual(moment);
          expect(isInsideWindow(window, opening)).toBe(true);
        },
      ),
    );
  });
});
