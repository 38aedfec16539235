import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { waveCounts } from '../../test-support/wave-counts.ts';
import { isOpen, parseWindows } from '../time/index.ts';
import { judgeWave, USUAL_STOP, type WaveBounds, type WaveStanding, type WaveVerdict } from './judge-wave.ts';
import { CANDIDATE_STATES, type SubjectState } from './subject-state.ts';
import type { WaveCounts } from './wave.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const START = Date.parse('2026-05-05T00:00:00Z');
const MOST_MINUTES = 20 * 24 * 60;

/** A wave and its workers, minute by minute: which of them fails, when nobody works, and when somebody mends the handler. */
const worlds = fc.record({
  total: fc.integer({ min: 1, max: 400 }),
  perMinute: fc.integer({ min: 1, max: 20 }),
  /** Of 100 validations. */
  failing: fc.integer({ min: 0, max: 15 }),
  failingWhenMended: fc.integer({ min: 0, max: 4 }),
  /** So long after a pause; null where nobody comes. */
  mendAfterMs: fc.option(fc.integer({ min: 0, max: 6 * HOUR })),
  watchMs: fc.constantFrom(0, HOUR, 24 * HOUR),
  killed: fc.record({ from: fc.nat({ max: 6 * 60 }), minutes: fc.nat({ max: 90 }) }),
  conflicts: fc.nat({ max: 2 }),
  dice: fc.infiniteStream(fc.integer({ min: 0, max: 99 })),
});
type World = typeof worlds extends fc.Arbitrary<infer Value> ? Value : never;

const bounds: WaveBounds = { windows: parseWindows('02:00-04:00 UTC') ?? [], stop: USUAL_STOP, budgetMs: null };

interface Playing {
  standing: WaveStanding;
  states: SubjectState[];
  validatedAt: number[];
  validated: number;
  invalid: number;
  toRevalidate: number[];
}

interface Minute {
  readonly at: number;
  readonly standing: WaveStanding;
  readonly counts: WaveCounts;
  /** How many were begun in this minute. */
  readonly begun: number;
}

function play(world: World): { readonly minutes: readonly Minute[]; readonly end: WaveVerdict | null } {
  const playing: Playing = {
    standing: { permit: 'selected', pause: null, total: world.total, movedAt: START, undoBegunAt: null },
    states: Array.from({ length: world.total }, () => 'pending'),
    validatedAt: [],
    validated: 0,
    invalid: 0,
    toRevalidate: [],
  };
  const minutes: Minute[] = [];
  for (let minute = 0; minute < MOST_MINUTES; minute += 1) {
    const at = START + minute * MINUTE;
    const isKilled = minute >= world.killed.from && minute < world.killed.from + world.killed.minutes;
    const before = playing.standing;
    const begun = isKilled ? 0 : work(playing, world, at);
    const counts = countsOf(playing, world);
    minutes.push({ at, standing: before, counts, begun });
    const verdict = judgeWave(playing.standing, bounds, { wave: 'w', at: at + MINUTE, counts, isIdle: !isKilled });
    if (verdict.kind === 'finish' || verdict.kind === 'undone') return { minutes, end: verdict };
    follow(playing, verdict, at + MINUTE);
  }
  return { minutes, end: null };
}

/** What workers do in a minute; says how many they began. */
function work(playing: Playing, world: World, at: number): number {
  const { standing, states } = playing;
  const room = world.perMinute;
  if (standing.permit === 'undoing') {
    const migrated = states.flatMap((state, at) => (CANDIDATE_STATES.includes(state) ? [at] : []));
    for (const subject of migrated.slice(Math.min(world.conflicts, migrated.length)).slice(0, room)) {
      states[subject] = 'rolled-back';
    }
    return 0;
  }
  states.forEach((state, subject) => {
    if (state === 'validated' && at - (playing.validatedAt[subject] ?? at) >= world.watchMs) states[subject] = 'done';
  });
  if (standing.pause?.cause === 'failures') mend(playing, world, at);
  for (const subject of playing.toRevalidate.splice(0, room)) validate(playing, world, { subject, at, isMended: true });
  if (standing.permit !== 'open') return 0;
  const pending = states.flatMap((state, subject) => (state === 'pending' ? [subject] : [])).slice(0, room);
  for (const subject of pending) validate(playing, world, { subject, at, isMended: false });
  return pending.length;
}

function mend(playing: Playing, { mendAfterMs }: World, at: number): void {
  const { pause } = playing.standing;
  if (pause === null || pause.revalidating !== null || mendAfterMs === null || at - pause.at < mendAfterMs) return;
  playing.toRevalidate = playing.states.flatMap((state, subject) => (state === 'failed' ? [subject] : []));
  playing.validated = 0;
  playing.invalid = 0;
  playing.standing = { ...playing.standing, pause: { ...pause, revalidating: playing.toRevalidate.length } };
}

function validate(
  playing: Playing,
  { dice, failing, failingWhenMended }: World,
  { subject, at, isMended }: { readonly subject: number; readonly at: number; readonly isMended: boolean },
): void {
  const fails = (dice.next().value ?? 0) < (isMended ? failingWhenMended : failing);
  playing.validated += 1;
  playing.invalid += fails ? 1 : 0;
  playing.states[subject] = fails ? 'failed' : 'validated';
  playing.validatedAt[subject] = at;
}

function follow(playing: Playing, verdict: WaveVerdict, at: number): void {
  const { standing } = playing;
  if (verdict.kind === 'open' || verdict.kind === 'resume') {
    playing.standing = { ...standing, permit: 'open', pause: null, movedAt: at };
  } else if (verdict.kind === 'pause') {
    playing.standing = { ...standing, permit: 'paused', pause: { at, cause: verdict.cause, revalidating: null } };
  } else if (verdict.kind === 'roll-back') {
    playing.standing = { ...standing, permit: 'undoing', pause: null, undoBegunAt: at };
  }
}

function countsOf({ states, validated, invalid, standing }: Playing, { conflicts }: World): WaveCounts {
  const byState: Partial<Record<SubjectState, number>> = {};
  for (const state of states) byState[state] = (byState[state] ?? 0) + 1;
  const onCandidate = CANDIDATE_STATES.reduce((sum, state) => sum + (byState[state] ?? 0), 0);
  const inConflict = standing.permit === 'undoing' ? Math.min(conflicts, onCandidate) : 0;
  return waveCounts(byState, { validated, invalid, conflicts: inConflict });
}

describe('a wave that is played with failing validations, dead workers and nights', () => {
  test('never works outside its window, nor beyond its stop rule [PX-6, PX-9]', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { minutes } = play(world);
        for (const [index, { at, begun }] of minutes.entries()) {
          if (begun === 0) continue;
          expect(isOpen(bounds.windows, at)).toBe(true);
          const before = minutes[index - 1]?.counts;
          if (before === undefined) continue;
          const of = Math.max(before.validated, Math.min(world.total, 20));
          expect(before.invalid / of).toBeLessThanOrEqual(0.05);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('always ends: finished with few failures, or taken back with nobody on the candidate but conflicts [PX-7, PX-8, PX-9]', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { minutes, end } = play(world);
        const counts = minutes.at(-1)?.counts;
        if (counts === undefined || end === null) throw new Error('the wave never ended');
        const { byState, conflicts } = counts;
        const onCandidate = CANDIDATE_STATES.reduce((sum, state) => sum + byState[state], 0);
        if (end.kind === 'undone') expect(onCandidate).toBe(conflicts);
        else expect(byState.done + byState.failed).toBe(world.total);
      }),
      { numRuns: 60 },
    );
  });
});
