import { describe, expect, test } from 'vitest';
import { waveCounts } from '../../test-support/wave-counts.ts';
import { parseWindows } from '../time/index.ts';
import { waveEnd } from './wave-end.ts';
import { waveLine } from './wave-line.ts';

const HOUR = 3_600_000;
const night = parseWindows('02:00-04:00 UTC') ?? [];
const at = Date.parse('2026-05-05T02:30:00Z');
const rest = { left: 36_000, perSecond: 2, windows: night, watchMs: 24 * HOUR };

describe('waveEnd()', () => {
  test('counts only the time in windows, night by night, and the last watch [PX-6, PX-7]', () => {
    // Five hours of work: 1.5 in the first night, 2 in the second, 1.5 in the third.
    expect(waveEnd(rest, at)).toEqual({
      validatedAt: Date.parse('2026-05-07T03:30:00Z'),
      at: Date.parse('2026-05-08T03:30:00Z'),
      openings: 3,
    });
  });

  test('begins with the next opening while its window is closed [PX-6]', () => {
    const end = waveEnd({ ...rest, left: 7_200, watchMs: 0 }, Date.parse('2026-05-05T12:00:00Z'));
    expect(end).toEqual({
      validatedAt: Date.parse('2026-05-06T03:00:00Z'),
      at: Date.parse('2026-05-06T03:00:00Z'),
      openings: 1,
    });
  });

  test('goes through without windows', () => {
    expect(waveEnd({ ...rest, windows: [], watchMs: 0 }, at)?.validatedAt).toBe(at + 5 * HOUR);
  });

  test.each([
    ['at no pace', { ...rest, perSecond: 0 }],
    ['at a pace that nobody knows', { ...rest, perSecond: Number.NaN }],
    ['beyond a thousand nights', { ...rest, left: 1e9 }],
  ])('says nothing %s', (_name, slow) => {
    expect(waveEnd(slow, at)).toBeNull();
  });

  test('ends with the last watch where nobody is left', () => {
    expect(waveEnd({ ...rest, left: 0, perSecond: 0 }, at)).toEqual({
      validatedAt: at,
      at: at + 24 * HOUR,
      openings: 0,
    });
  });
});

describe('waveLine()', () => {
  const counts = waveCounts({ pending: 17, validated: 31, failed: 2 }, { perSecond: 18.3 });
  const progress = { wave: 'pilot', at, counts, isIdle: false };

  test('says how far a wave is, how fast, and when it ends', () => {
    const end = waveEnd({ left: 17, perSecond: 18.3, windows: night, watchMs: 0 }, at);
    expect(waveLine(progress, 'open', end)).toBe('pilot 31 of 50 · 2 failed · 18/s · ends about 2026-05-05 02:30 UTC');
    expect(waveLine(progress, 'open', waveEnd(rest, at))).toContain('2026-05-08 03:30 UTC, over 3 windows');
  });

  test('names no pace and no end where nothing moves', () => {
    expect(waveLine(progress, 'paused', null)).toBe('pilot 31 of 50 · paused · 2 failed');
    const undoing = { ...progress, counts: waveCounts({ 'rolled-back': 48, done: 2 }, { conflicts: 2 }) };
    expect(waveLine(undoing, 'undoing', null)).toBe(
      'pilot 2 of 50 · being taken back · 48 rolled back · 2 wait for a person',
    );
  });
});
