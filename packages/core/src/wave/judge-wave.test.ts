import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { waveCounts } from '../../test-support/wave-counts.ts';
import { parseWindows } from '../time/index.ts';
import { judgeWave, SILENT_AFTER_MS, USUAL_STOP, type WaveBounds, type WaveStanding } from './judge-wave.ts';
import type { WaveCounts } from './wave.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const atNight = Date.parse('2026-05-05T03:00:00Z');
const byDay = Date.parse('2026-05-05T04:00:00Z');
const night = parseWindows('02:00-04:00 UTC') ?? [];
const bounds: WaveBounds = { windows: night, stop: USUAL_STOP, budgetMs: 15 * MINUTE };
const open: WaveStanding = { permit: 'open', pause: null, total: 50, movedAt: atNight, undoBegunAt: null };

function judge(standing: Partial<WaveStanding>, counts: WaveCounts, at = atNight, isIdle = false) {
  return judgeWave({ ...open, ...standing }, bounds, { wave: 'pilot', at, counts, isIdle });
}
const pausedFor = (cause: 'failures' | 'person' | 'window', since: number, revalidating: number | null = null) =>
  ({ permit: 'paused', pause: { at: since, cause, revalidating } }) as const;

describe('judgeWave() in its windows', () => {
  const half = waveCounts({ pending: 20, validated: 30 }, { validated: 30 });

  test('opens a wave when its window does, and says what it waits for until then [PX-6, ALL-6]', () => {
    expect(judge({ permit: 'selected' }, half).kind).toBe('open');
    expect(judge({ permit: 'selected' }, half, byDay)).toEqual({
      kind: 'stay',
      waiting: 'its window opens at 2026-05-06T02:00:00.000Z',
    });
  });

  test('pauses a wave that runs out of window, and goes on the next night [PX-6]', () => {
    expect(judge({}, half, byDay)).toMatchObject({ kind: 'pause', cause: 'window' });
    expect(judge(pausedFor('window', byDay), half, byDay).kind).toBe('stay');
    expect(judge(pausedFor('window', byDay), half, atNight + 24 * HOUR).kind).toBe('resume');
  });

  test('watches on by day when only watches are left, and finishes when they are over [PX-7]', () => {
    const watched = waveCounts({ validated: 10, done: 39, failed: 1 }, { validated: 50, invalid: 1 });
    expect(judge({}, watched, byDay)).toEqual({ kind: 'stay', waiting: '10 of 50 are still being watched' });
    const over = waveCounts({ done: 49, failed: 1 }, { validated: 50, invalid: 1 });
    expect(judge({}, over, byDay, true)).toEqual({ kind: 'finish', reason: '49 of 50 are done, 1 failed' });
  });

  test('says that nothing moves, and never that it is well [ALL-6]', () => {
    const verdict = judge({}, half, atNight + SILENT_AFTER_MS);
    expect(verdict.kind === 'stay' && verdict.waiting).toMatch(/nothing has moved for 5m.*is a worker running/);
  });
});

describe('judgeWave() by its stop rules', () => {
  const failing = waveCounts({ pending: 10, validated: 37, failed: 3 }, { validated: 40, invalid: 3 });

  test.each([
    [0, 40, 'stay'],
    [1, 1, 'stay'],
    [2, 2, 'pause'],
    [2, 40, 'stay'],
    [3, 40, 'pause'],
  ])('with %i of %i validations failed: %s, at once above 5 %% [PX-9]', (invalid, validated, kind) => {
    expect(judge({}, waveCounts({ pending: 10 }, { validated, invalid })).kind).toBe(kind);
  });

  test('takes a share of a small wave as it is [PX-9]', () => {
    expect(judge({ total: 10 }, waveCounts({ pending: 9 }, { validated: 1, invalid: 1 })).kind).toBe('pause');
  });

  test('stays paused until those that failed are validated again, and 98 % of them are valid [PX-9]', () => {
    const asked = pausedFor('failures', atNight, 100);
    expect(judge(pausedFor('failures', atNight), failing).kind).toBe('stay');
    expect(judge(asked, waveCounts({ pending: 1 }, { validated: 0, invalid: 0 })).kind).toBe('stay');
    expect(judge(asked, waveCounts({ pending: 1 }, { validated: 99, invalid: 0 })).kind).toBe('stay');
    expect(judge(asked, waveCounts({ pending: 1 }, { validated: 100, invalid: 3 })).kind).toBe('stay');
    expect(judge(asked, waveCounts({ pending: 1 }, { validated: 100, invalid: 2 }))).toEqual({
      kind: 'resume',
      reason: '98 of 100 are valid now, at least 98 %',
    });
  });

  test('waits for its window with what it has proven by day [PX-6, PX-9]', () => {
    const proven = waveCounts({ pending: 1 }, { validated: 100, invalid: 0 });
    expect(judge(pausedFor('failures', byDay, 100), proven, byDay)).toMatchObject({ kind: 'pause', cause: 'window' });
  });

  test('takes the wave back when its failures are unresolved for 4 h, in a window or not [PX-9]', () => {
    const paused = pausedFor('failures', atNight);
    expect(judge(paused, failing, atNight + 4 * HOUR - 1)).toMatchObject({ kind: 'stay' });
    expect(judge(paused, failing, atNight + 4 * HOUR).kind).toBe('roll-back');
  });

  test('finds failures that show after its window has closed [PX-9]', () => {
    expect(judge(pausedFor('window', byDay), failing, byDay)).toMatchObject({ kind: 'pause', cause: 'failures' });
  });

  test('leaves to a person what a person has paused', () => {
    expect(judge(pausedFor('person', atNight), failing, atNight + 24 * HOUR).kind).toBe('stay');
  });

  test('never resumes a wave by which its window is closed, nor one whose failures nobody has mended [PX-6, PX-9]', () => {
    const numbers = fc.record({
      validated: fc.nat({ max: 200 }),
      invalid: fc.nat({ max: 200 }),
      pending: fc.nat({ max: 50 }),
    });
    const moments = fc.integer({ min: atNight, max: atNight + 48 * HOUR });
    const asked = fc.option(fc.integer({ min: 1, max: 200 }));
    fc.assert(
      fc.property(numbers, moments, asked, ({ pending, validated, invalid }, at, revalidating) => {
        const counts = waveCounts({ pending }, { validated, invalid: Math.min(invalid, validated) });
        const verdict = judge(pausedFor('failures', atNight, revalidating), counts, at);
        if (verdict.kind !== 'resume') return;
        expect(revalidating).not.toBeNull();
        expect(counts.invalid).toBeLessThanOrEqual(validated * 0.02);
        const hour = new Date(at).getUTCHours();
        expect(pending === 0 || hour === 2 || hour === 3).toBe(true);
      }),
    );
  });
});

describe('judgeWave() while a wave is taken back', () => {
  const undoing = { permit: 'undoing', undoBegunAt: atNight } as const;

  test('is undone when nobody is left on the candidate, by day as by night [PX-8]', () => {
    expect(judge(undoing, waveCounts({ done: 1, 'rolled-back': 49 }), byDay).kind).toBe('stay');
    const back = waveCounts({ 'rolled-back': 50 });
    expect(judge(undoing, back, atNight + MINUTE).kind).toBe('stay');
    expect(judge(undoing, back, atNight + MINUTE, true)).toEqual({
      kind: 'undone',
      conflicts: 0,
      reason: '50 are taken back in 1m',
    });
  });

  test('says that it took longer than its budget [PX-8]', () => {
    const verdict = judge(undoing, waveCounts({ 'rolled-back': 50 }), atNight + 16 * MINUTE, true);
    expect(verdict).toMatchObject({ reason: '50 are taken back in 16m, over its budget of 15m' });
  });

  test('says when nothing moves, and so nobody is taken back [PX-8, ALL-6]', () => {
    const verdict = judge(undoing, waveCounts({ done: 50 }), atNight + 16 * MINUTE);
    expect(verdict.kind === 'stay' && verdict.waiting).toMatch(/^nothing has moved for 16m.*, over its budget of 15m$/);
  });

  test('leaves to a person whoever changed their data since', () => {
    const counts = waveCounts({ 'rolled-back': 48, done: 2 }, { conflicts: 2 });
    expect(judge(undoing, counts, atNight + MINUTE, true)).toEqual({
      kind: 'undone',
      conflicts: 2,
      reason: '48 are taken back in 1m, 2 changed since and wait for a person',
    });
  });
});
