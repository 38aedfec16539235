import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flagAt, givenMigrations, givenSides, turns } from '../../test-support/given-migration.ts';
import { Breaker, isBreakerState } from './breaker.ts';

const TENTH = 10_000;
const WHO = { userId: 'user-1' };

/** A breaker after these results, one a millisecond: x is a failure. */
function after(results: string, random = 0): Breaker {
  const breaker = new Breaker(() => random);
  for (const [at, result] of [...results].entries()) {
    breaker.record(result === 'x' ? 'failed' : 'answered', TENTH, at, at);
  }
  return breaker;
}

describe('Breaker', () => {
  test.each([
    ['x'.repeat(19), 'closed'],
    ['x'.repeat(20), 'open'],
    [`${'.'.repeat(18)}xx`, 'closed'],
    [`${'.'.repeat(17)}xxx`, 'open'],
    ['.'.repeat(90) + 'x'.repeat(10), 'closed'],
    ['.'.repeat(89) + 'x'.repeat(11), 'open'],
    // Only the last hundred count.
    [`x${'.'.repeat(100)}${'x'.repeat(10)}`, 'closed'],
  ])('after %s is %s: more than a tenth, of at least twenty [CO-5] [QA-15]', (results, phase) => {
    expect(after(results).phase).toBe(phase);
  });

  test('lets nobody through while it rests, then one probe at a time, and closes after three', () => {
    const breaker = after('x'.repeat(20));
    expect(breaker.admits(500)).toBe(false);
    for (const nowMs of [600, 700, 800]) {
      expect(breaker.admits(nowMs)).toBe(true);
      expect(breaker.admits(nowMs)).toBe(false);
      breaker.record('answered', TENTH, nowMs, nowMs + 1);
    }
    expect(breaker.phase).toBe('closed');
    // It has forgotten what it opened for.
    for (let n = 0; n < 19; n += 1) breaker.record('failed', TENTH, 900, 900);
    expect(breaker.phase).toBe('closed');
  });

  test('rests longer after each failed probe, from a second to a minute, with jitter that never takes more than half', () => {
    for (const [random, share] of [
      [0, 0.5],
      [0.999, 0.9995],
    ] as const) {
      const breaker = after('x'.repeat(20), random);
      let nowMs = 19;
      const rests: number[] = [];
      for (let opening = 0; opening < 8; opening += 1) {
        const beganMs = nowMs;
        while (!breaker.admits(nowMs)) nowMs += 1;
        rests.push(nowMs - beganMs);
        breaker.record('failed', TENTH, nowMs, nowMs);
      }
      const bounds = [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => Math.ceil(seconds * 1000 * share));
      expect(rests).toEqual(bounds);
    }
  });

  test('hears nothing of calls that began before it opened', () => {
    const breaker = after('x'.repeat(20));
    expect(breaker.admits(2000)).toBe(true);
    for (let n = 0; n < 5; n += 1) breaker.record('answered', TENTH, 10, 2001);
    expect(breaker.phase).toBe('half-open');
    breaker.record('answered', TENTH, 2000, 2002);
    expect(breaker.admits(2003)).toBe(true);
  });

  test('forgets a probe that never ends', () => {
    const breaker = after('x'.repeat(20));
    expect(breaker.admits(2_000)).toBe(true);
    expect(breaker.admits(31_999)).toBe(false);
    expect(breaker.admits(32_000)).toBe(true);
  });

  test('goes on from its state as if it had never stopped [CV-7]', () => {
    const call = fc.record({ isFailed: fc.boolean(), waitMs: fc.integer({ min: 0, max: 3000 }) });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 150 }), fc.array(call, { maxLength: 150 }), (before, then) => {
        const one = new Breaker(() => 0);
        let nowMs = play(one, before, 0).nowMs;
        const state = JSON.parse(JSON.stringify(one.toState(nowMs)));
        expect(isBreakerState(state)).toBe(true);
        const other = new Breaker(() => 0);
        // A probe under way is the one thing that does not outlive its program.
        fc.pre(state.phase !== 'half-open');
        other.restore(state, nowMs + 1_000_000);
        const log = play(one, then, nowMs).admitted;
        nowMs += 1_000_000;
        expect(play(other, then, nowMs).admitted).toEqual(log);
      }),
    );
  });

  test.each([
    null,
    {},
    { phase: 'ajar', results: [], restLeftMs: 0, openings: 0 },
    { phase: 'open', results: [2], restLeftMs: 0, openings: 0 },
    { phase: 'open', results: Array(101).fill(0), restLeftMs: 0, openings: 0 },
    { phase: 'open', results: [], restLeftMs: 1e9, openings: 0 },
    { phase: 'open', results: [], restLeftMs: 0, openings: -1 },
  ])('knows that %j is no state of it [CV-7]', (state) => {
    expect(isBreakerState(state)).toBe(false);
  });
});

function play(breaker: Breaker, calls: readonly { isFailed: boolean; waitMs: number }[], fromMs: number) {
  let nowMs = fromMs;
  const admitted: boolean[] = [];
  for (const { isFailed, waitMs } of calls) {
    nowMs += waitMs;
    const isAdmitted = breaker.admits(nowMs);
    admitted.push(isAdmitted);
    if (isAdmitted) breaker.record(isFailed ? 'failed' : 'answered', TENTH, nowMs, nowMs);
  }
  return { nowMs, admitted };
}

describe('a migration with a breaker', () => {
  const broken = { candidate: new Error('down') };

  function given(stage: 'live' | 'shadow' | 'complete', fallback = true) {
    const sides = givenSides('sync', broken);
    const world = givenMigrations(flagAt(stage, { breakAbove: TENTH }, { fallback }));
    const migration = world.migrations.define('moved', {
      read: sides,
      write: { legacy: sides.legacy, candidate: sides.candidate },
    });
    const readOften = (times: number) => {
      for (let n = 0; n < times; n += 1) migration.read(WHO, n);
    };
    return { ...world, sides, migration, readOften };
  }

  test('takes readers to legacy at once while it is open, and counts that as the candidate’s failure [CO-5] [QA-15]', () => {
    const { migration, sides, readOften, telemetry } = given('live');
    readOften(20);
    expect(migration.health().breaker).toBe('open');
    sides.calls.length = 0;
    expect(migration.read(WHO, 1)).toBe('legacy');
    expect(sides.calls).toEqual(['legacy']);
    expect(migration.health()).toMatchObject({ candidate: { requests: 20, errors: 20 }, legacy: { requests: 21 } });
    expect(telemetry().moved.candidate).toMatchObject({ requests: 21, errors: 21, fallbacks: 21 });
  });

  test('writes to legacy what the candidate does not get, and keeps it for the candidate', async () => {
    const { migration, sides, readOften, migrations } = given('live');
    readOften(20);
    sides.calls.length = 0;
    expect(await migration.write(WHO, 1)).toBe('legacy');
    expect(sides.calls).toEqual(['legacy']);
    expect(migration.health().pendingRepairs).toBe(1);
    await migrations.close();
  });

  test('spares a candidate in the shadow, and says how many reads were not compared [CV-14]', async () => {
    const { migration, sides, readOften } = given('shadow');
    readOften(20);
    await turns();
    expect(migration.health().breaker).toBe('open');
    sides.calls.length = 0;
    readOften(5);
    await turns();
    expect(sides.calls).toEqual(Array(5).fill('legacy'));
    expect(migration.differences()).toMatchObject({ shadowFailed: 20, dropped: 5 });
  });

  test.each(['complete', 'live'] as const)(
    'keeps nobody from the candidate at %s where nothing else may answer',
    (stage) => {
      const { migration } = given(stage, stage === 'complete');
      for (let n = 0; n < 30; n += 1) expect(() => migration.read(WHO, n)).toThrow('down');
    },
  );

  test('is saved before a move and restored after it, with the health of both sides [CV-7]', () => {
    const { migration, readOften } = given('live');
    readOften(25);
    const saved = JSON.parse(JSON.stringify(migration.snapshot()));
    const other = given('live');
    other.migration.restore(saved);
    expect(other.migration.health()).toEqual(migration.health());
    other.sides.calls.length = 0;
    other.readOften(1);
    expect(other.sides.calls).toEqual(['legacy']);
  });

  test.each([
    [null, /format/],
    [{ format: 'theseus-migration/2' }, /theseus-migration\/1/],
    [{ flag: 'other' }, /that of 'other'/],
    [{ breaker: {} }, /breaker is damaged/],
    [{ legacy: { requests: 1, errors: 2, latency: [] } }, /health/],
    [{ candidate: { requests: 1, errors: 0, latency: [1] } }, /health/],
  ])('is left as it is by %j [CV-7]', (change, reason) => {
    const { migration, readOften } = given('live');
    readOften(3);
    const before = migration.snapshot();
    expect(() => migration.restore(change === null ? null : { ...before, ...change })).toThrow(reason);
    expect(migration.snapshot()).toEqual(before);
  });
});
