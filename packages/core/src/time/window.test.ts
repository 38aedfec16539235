import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterOpenMs, closesAt, isOpen, nextOpening, openedAt, openMsBetween, parseWindows } from './window.ts';

const at = (text: string): number => Date.parse(text);

function windowOf(text: string) {
  const windows = parseWindows(text);
  if (windows === null) throw new Error(`not a window: ${text}`);
  return windows;
}

describe('parseWindows()', () => {
  it.each<[string, object[]]>([
    ['02:00-04:00 UTC', [{ days: [], fromMinute: 120, toMinute: 240, zone: 'UTC' }]],
    ['Mon,Wed,Fri 10:00-12:00 UTC', [{ days: [1, 3, 5], fromMinute: 600 }]],
    ['Mon-Fri 09:00-12:00, 14:00-16:00 Europe/Berlin', [{ days: [1, 2, 3, 4, 5], toMinute: 720 }, { fromMinute: 840 }]],
    ['Sat-Mon UTC', [{ days: [1, 6, 7], fromMinute: 0, toMinute: 1440 }]],
    ['weekends 22:00-02:00 UTC; weekdays 02:00-03:00 UTC', [{ days: [6, 7] }, { days: [1, 2, 3, 4, 5] }]],
    ['monday 10:00-11:00 UTC', [{ days: [1] }]],
  ])('reads %s [PX-6]', (text, windows) => expect(parseWindows(text)).toMatchObject(windows));

  it.each([
    '',
    'UTC',
    'Someday 02:00-04:00 UTC',
    'Mon- 02:00-04:00 UTC',
    '02:00-04:00, UTC',
    '02:00-04:00 UTC;',
    '02:00-04:00',
    '2-4 UTC',
    '25:00-26:00 UTC',
    '02:60-04:00 UTC',
    '02:00-02:00 UTC',
    '02:00-04:00 Mars/Base',
  ])('refuses %j', (text) => expect(parseWindows(text)).toBeNull());
});

describe('isOpen()', () => {
  it('is always so without windows', () => expect(isOpen([], 0)).toBe(true));

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
    // 2 March 2026 is a Monday.
    ['Mon,Wed,Fri 10:00-12:00 UTC', '2026-03-02T11:00:00Z', true],
    ['Mon,Wed,Fri 10:00-12:00 UTC', '2026-03-03T11:00:00Z', false],
    // The window belongs to the day on which it opens.
    ['Fri 22:00-02:00 UTC', '2026-03-07T01:00:00Z', true],
    ['Sat 22:00-02:00 UTC', '2026-03-07T01:00:00Z', false],
    ['02:00-03:00, 14:00-15:00 UTC', '2026-03-02T14:30:00Z', true],
  ])('%s at %s is %s', (text, moment, inside) => expect(isOpen(windowOf(text), at(moment))).toBe(inside));
});

describe('nextOpening()', () => {
  it.each([
    ['02:00-04:00 UTC', '2026-03-01T12:00:00Z', '2026-03-02T02:00:00Z'],
    ['02:00-04:00 UTC', '2026-03-01T03:00:00Z', '2026-03-01T03:00:00Z'],
    ['Mon 10:00-12:00 UTC', '2026-03-02T12:00:00Z', '2026-03-09T10:00:00Z'],
    ['02:00-03:00, 14:00-15:00 UTC', '2026-03-02T04:00:00Z', '2026-03-02T14:00:00Z'],
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
          const windows = [{ days: [], fromMinute, toMinute, zone }];
          const opening = nextOpening(windows, moment);
          expect(opening).toBeGreaterThanOrEqual(moment);
          expect(isOpen(windows, opening)).toBe(true);
          expect(openedAt(windows, opening)).toBeLessThanOrEqual(opening);
          expect(closesAt(windows, opening)).toBeGreaterThan(opening);
        },
      ),
    );
  });
});

describe('closesAt() and openedAt()', () => {
  it.each<[string, string, string | null, string | null]>([
    ['02:00-04:00 UTC', '2026-03-02T03:00:00Z', '2026-03-02T02:00:00Z', '2026-03-02T04:00:00Z'],
    ['02:00-04:00 UTC', '2026-03-02T05:00:00Z', null, null],
    ['22:00-24:00 UTC; 00:00-02:00 UTC', '2026-03-02T23:00:00Z', '2026-03-02T22:00:00Z', '2026-03-03T02:00:00Z'],
    ['daily UTC', '2026-03-02T23:00:00Z', '2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z'],
    ['Mon-Fri UTC', '2026-03-03T23:00:00Z', '2026-03-03T00:00:00Z', '2026-03-04T00:00:00Z'],
  ])('%s around %s', (text, moment, opened, closes) => {
    const windows = windowOf(text);
    expect(openedAt(windows, at(moment))).toBe(opened === null ? null : at(opened));
    expect(closesAt(windows, at(moment))).toBe(closes === null ? null : at(closes));
  });
});

describe('openMsBetween() and afterOpenMs()', () => {
  const HOUR = 3_600_000;

  it.each<[string, string, string, number]>([
    ['02:00-04:00 UTC', '2026-03-02T00:00:00Z', '2026-03-02T01:00:00Z', 0],
    ['02:00-04:00 UTC', '2026-03-02T03:00:00Z', '2026-03-04T03:00:00Z', 4],
    ['daily UTC', '2026-03-02T03:00:00Z', '2026-04-20T03:00:00Z', 49 * 24],
    ['22:00-24:00 UTC; 00:00-02:00 UTC', '2026-03-02T23:00:00Z', '2026-03-04T01:00:00Z', 6],
    // The night in which clocks go forward has an hour less between 01:00 and 04:00.
    ['01:00-04:00 Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-30T12:00:00Z', 5],
    ['Mon-Fri 08:00-10:00 UTC', '2026-03-02T00:00:00Z', '2026-05-04T00:00:00Z', 9 * 10],
  ])('%s between %s and %s', (text, from, to, hours) => {
    expect(openMsBetween(windowOf(text), at(from), at(to))).toBe(hours * HOUR);
  });

  it('counts all the time where there are no windows, and none backwards', () => {
    expect(openMsBetween([], 1_000, 5_000)).toBe(4_000);
    expect(openMsBetween([], 5_000, 1_000)).toBe(0);
    expect(afterOpenMs([], 1_000, 5_000)).toBe(6_000);
  });

  it('finds the moment after which so much open time has passed, whatever was asked before', () => {
    const texts = ['02:00-04:00 UTC', 'Mon,Wed,Fri 22:00-03:00 Europe/Berlin', 'weekends America/New_York'];
    fc.assert(
      fc.property(
        fc.constantFrom(...texts),
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
        fc.integer({ min: 1, max: 200 * HOUR }),
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
        (text, from, ms, other) => {
          const windows = windowOf(text);
          isOpen(windows, other);
          const end = afterOpenMs(windows, from, ms);
          expect(openMsBetween(windows, from, end)).toBe(ms);
          expect(openMsBetween(windows, from, end - 1)).toBe(ms - 1);
          expect(afterOpenMs(windowOf(text), from, ms)).toBe(end);
        },
      ),
    );
  });
});
