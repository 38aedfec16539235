import type { Arm, MigrationSetting, MigrationStage } from '@theseus/core/flag';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { flagAt, givenMigrations, givenSides, turns } from '../../test-support/given-migration.ts';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import { notSent } from './side-call.ts';

type Fails = 'none' | 'legacy' | 'candidate' | 'both';
type Row = readonly [MigrationStage, Fails, calls: string, outcome: string];

const L = 'legacy';
const C = 'candidate';
const WHO = { userId: 'user-1' };

function failuresOf(fails: Fails): Partial<Record<Arm, Error>> {
  const sides = fails === 'none' ? [] : fails === 'both' ? [L, C] : [fails];
  return Object.fromEntries(sides.map((side) => [side, new Error(side)]));
}

/** What a call gave or threw, in words. */
async function outcomeOf(call: () => unknown): Promise<string> {
  try {
    return String(await call());
  } catch (error) {
    return `threw ${(error as Error).message}`;
  }
}

/** Which sides are called, in which order, and what the caller gets. */
const READS: readonly Row[] = [
  ['off', 'none', 'legacy', L],
  ['off', 'legacy', 'legacy', 'threw legacy'],
  ['off', 'candidate', 'legacy', L],
  ['off', 'both', 'legacy', 'threw legacy'],
  ['dualwrite', 'none', 'legacy', L],
  ['dualwrite', 'legacy', 'legacy', 'threw legacy'],
  ['dualwrite', 'candidate', 'legacy', L],
  ['dualwrite', 'both', 'legacy', 'threw legacy'],
  ['shadow', 'none', 'legacy candidate', L],
  ['shadow', 'legacy', 'legacy', 'threw legacy'],
  ['shadow', 'candidate', 'legacy candidate', L],
  ['shadow', 'both', 'legacy', 'threw legacy'],
  ['live', 'none', 'candidate legacy', C],
  ['live', 'legacy', 'candidate legacy', C],
  ['live', 'candidate', 'candidate legacy', L],
  ['live', 'both', 'candidate legacy', 'threw legacy'],
  ['rampdown', 'none', 'candidate', C],
  ['rampdown', 'legacy', 'candidate', C],
  ['rampdown', 'candidate', 'candidate legacy', L],
  ['rampdown', 'both', 'candidate legacy', 'threw legacy'],
  ['complete', 'none', 'candidate', C],
  ['complete', 'legacy', 'candidate', C],
  ['complete', 'candidate', 'candidate', 'threw candidate'],
  ['complete', 'both', 'candidate', 'threw candidate'],
];

describe.each(['sync', 'async'] as const)('a read with %s sides [CV-2] [CO-5]', (mode) => {
  async function read(row: Row, setting: Partial<MigrationSetting> = {}, fallback = true) {
    const [stage, fails] = row;
    const sides = givenSides(mode, failuresOf(fails));
    const { migrations } = givenMigrations(flagAt(stage, setting, { fallback }));
    const migration = migrations.define('moved', { read: sides });
    let before: string[] = [];
    const outcome = await outcomeOf(() => {
      const answer = migration.read(WHO, 'asked');
      before = [...sides.calls];
      return answer;
    });
    await migration.close();
    return { outcome, calls: sides.calls.join(' '), before, health: migration.health(), migration };
  }

  test.each(READS)('at %s where %s fails calls %s: %s', async (...row) => {
    const [, , calls, outcome] = row;
    expect(await read(row)).toMatchObject({ calls, outcome });
  });

  test.each(READS)('at %s where %s fails never calls legacy instead where the flag forbids it', async (...row) => {
    const [stage, fails, calls, outcome] = row;
    const isFailing = (stage === 'live' || stage === 'rampdown') && fails !== 'none' && fails !== 'legacy';
    const expected = isFailing ? { calls: C, outcome: 'threw candidate' } : { calls, outcome };
    expect(await read(row, {}, false)).toMatchObject(expected);
  });

  test.each(['shadow', 'live'] as const)(
    'at %s calls the other side only once the caller has its answer',
    async (stage) => {
      const { before, calls } = await read([stage, 'none', '', '']);
      expect(before).toHaveLength(1);
      expect(calls.split(' ')).toHaveLength(2);
    },
  );

  test.each([
    ['shadow', C, 'none', 'candidate legacy', C],
    ['shadow', C, 'candidate', 'candidate', 'threw candidate'],
    ['live', L, 'none', 'legacy candidate', L],
    ['live', L, 'legacy', 'legacy', 'threw legacy'],
    ['dualwrite', C, 'none', 'legacy', L],
    ['rampdown', L, 'none', 'candidate', C],
  ] as const)(
    'at %s prefers %s where the flag says so, and %s fails',
    async (stage, preferred, fails, calls, outcome) => {
      expect(await read([stage, fails, '', ''], { read: preferred })).toMatchObject({ calls, outcome });
    },
  );

  test('counts the calls of both sides', async () => {
    const { health } = await read(['live', 'candidate', '', '']);
    expect(health).toMatchObject({
      candidate: { requests: 1, errors: 1, p50Ms: expect.any(Number) },
      legacy: { requests: 1, errors: 0, p99Ms: expect.any(Number) },
    });
  });

  test('compares no more reads than the flag says, by chance', async () => {
    expect(await read(['shadow', 'none', '', ''], { compared: 0 })).toMatchObject({ calls: L });
    // Chance is 0.5 here.
    expect(await read(['shadow', 'none', '', ''], { compared: 50_000 })).toMatchObject({ calls: L });
    expect(await read(['shadow', 'none', '', ''], { compared: 50_001 })).toMatchObject({ calls: 'legacy candidate' });
  });
});

/** With a candidate that is idempotent; `kept` is what waits for repair afterwards. */
const WRITES: readonly (readonly [...Row, kept: string])[] = [
  ['off', 'none', 'legacy', L, ''],
  ['off', 'legacy', 'legacy', 'threw legacy', ''],
  ['off', 'candidate', 'legacy', L, ''],
  ['dualwrite', 'none', 'legacy candidate', L, ''],
  ['dualwrite', 'legacy', 'legacy', 'threw legacy', ''],
  ['dualwrite', 'candidate', 'legacy candidate', L, C],
  ['dualwrite', 'both', 'legacy', 'threw legacy', ''],
  ['shadow', 'none', 'legacy candidate', L, ''],
  ['shadow', 'legacy', 'legacy', 'threw legacy', ''],
  ['shadow', 'candidate', 'legacy candidate', L, C],
  ['shadow', 'both', 'legacy', 'threw legacy', ''],
  ['live', 'none', 'candidate legacy', C, ''],
  ['live', 'legacy', 'candidate legacy', C, L],
  ['live', 'candidate', 'candidate legacy', L, C],
  ['live', 'both', 'candidate legacy', 'threw legacy', ''],
  ['rampdown', 'none', 'candidate legacy', C, ''],
  ['rampdown', 'legacy', 'candidate legacy', C, L],
  ['rampdown', 'candidate', 'candidate legacy', L, C],
  ['rampdown', 'both', 'candidate legacy', 'threw legacy', ''],
  ['complete', 'none', 'candidate', C, ''],
  ['complete', 'legacy', 'candidate', C, ''],
  ['complete', 'candidate', 'candidate', 'threw candidate', ''],
];

describe.each(['sync', 'async'] as const)('a write with %s sides [CV-2]', (mode) => {
  async function write(
    stage: MigrationStage,
    failures: Partial<Record<Arm, Error>>,
    options: { readonly idempotent?: boolean; readonly fallback?: boolean } = {},
  ) {
    const { idempotent = true, fallback = true } = options;
    const sides = givenSides(mode, failures);
    const { migrations } = givenMigrations(flagAt(stage, {}, { fallback }));
    const queue = memoryRepairQueue();
    const migration = migrations.define('moved', {
      read: sides,
      write: { legacy: { run: sides.legacy, idempotent }, candidate: { run: sides.candidate, idempotent } },
      repairs: queue,
    });
    const outcome = await outcomeOf(() => migration.write(WHO, { n: 1 }));
    const kept = queue.take(Number.MAX_VALUE, () => true)?.repair;
    const size = queue.size();
    await migrations.close();
    return { outcome, calls: sides.calls.join(' '), kept, size };
  }

  test.each(WRITES)(
    'at %s where %s fails calls %s: %s; %s waits for repair',
    async (stage, fails, calls, outcome, kept) => {
      const result = await write(stage, failuresOf(fails));
      expect(result).toMatchObject({ calls, outcome });
      expect(result.kept?.side ?? '').toBe(kept);
      if (kept !== '')
        expect(result.kept).toMatchObject({ key: 'user-1', payload: { n: 1 }, idempotencyKey: 'instance-1' });
    },
  );

  test('keeps a second write that may have been done, and must not be done twice, for a person', async () => {
    const result = await write('dualwrite', { candidate: new Error('lost') }, { idempotent: false });
    expect(result).toMatchObject({ outcome: L, kept: undefined, size: { pending: 0, failed: 1 } });
  });

  test('repeats a second write that was not sent even where it is not idempotent', async () => {
    const result = await write('dualwrite', { candidate: notSent(new Error('no pool')) }, { idempotent: false });
    expect(result).toMatchObject({ outcome: L, size: { pending: 1, failed: 0 } });
  });

  test.each([
    ['what may have been written and is not idempotent', new Error('lost'), { idempotent: false }],
    ['where the flag forbids it', new Error('lost'), { fallback: false }],
  ])('writes to legacy instead of the candidate never %s', async (_what, error, options) => {
    expect(await write('live', { candidate: error }, options)).toMatchObject({
      calls: C,
      outcome: 'threw lost',
      size: { pending: 0, failed: 0 },
    });
  });

  test('writes to legacy instead of the candidate what was not sent', async () => {
    expect(await write('live', { candidate: notSent(new Error('no pool')) }, { idempotent: false })).toMatchObject({
      calls: 'candidate legacy',
      outcome: L,
      kept: { side: C },
    });
  });
});

describe('deadlines and the fastest', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  /** Sides that answer after so many milliseconds, or never; a negative number fails. */
  function slow(legacyMs: number, candidateMs: number) {
    const calls: string[] = [];
    const signals: AbortSignal[] = [];
    const side = (of: Arm, ms: number) => (_payload: unknown, call: { signal: AbortSignal }) => {
      calls.push(of);
      signals.push(call.signal);
      return new Promise<string>((resolve, reject) => {
        const end = () => (ms < 0 ? reject(new Error(of)) : resolve(of));
        if (Number.isFinite(ms)) setTimeout(end, Math.abs(ms));
      });
    };
    return { calls, signals, legacy: side(L, legacyMs), candidate: side(C, candidateMs) };
  }

  async function after(stage: MigrationStage, setting: Partial<MigrationSetting>, sides: ReturnType<typeof slow>) {
    const { migrations } = givenMigrations(flagAt(stage, setting));
    const migration = migrations.define('moved', { read: sides });
    const began = performance.now();
    const ended = outcomeOf(() => migration.read(WHO, 1)).then(
      (outcome) => `${outcome} after ${performance.now() - began}`,
    );
    await vi.advanceTimersByTimeAsync(20_000);
    return { outcome: await ended, calls: sides.calls.join(' '), differences: migration.differences(), migration };
  }

  const NEVER = Number.POSITIVE_INFINITY;
  const LATE = 'threw The legacy side has not answered within 100 ms after 100';

  test.each<[MigrationStage, Partial<MigrationSetting>, number, number, string]>([
    ['off', { deadlineMs: 100 }, NEVER, 1, LATE],
    ['shadow', { deadlineMs: 100 }, NEVER, 1, LATE],
    ['shadow', { deadlineMs: 100 }, 20, NEVER, 'legacy after 20'],
    ['live', { deadlineMs: 100 }, 20, NEVER, 'legacy after 120'],
    ['live', { deadlineMs: 100 }, NEVER, 20, 'candidate after 20'],
    ['live', {}, NEVER, 20, 'candidate after 20'],
    ['live', { deadlineMs: 100 }, NEVER, NEVER, LATE.replace('100 ms after 100', '100 ms after 200')],
    ['shadow', { read: 'fastest' }, 30, 10, 'candidate after 10'],
    ['shadow', { read: 'fastest' }, 10, 30, 'legacy after 10'],
    ['live', { read: 'fastest' }, -10, 30, 'candidate after 30'],
    ['live', { read: 'fastest' }, 30, -10, 'legacy after 30'],
    ['live', { read: 'fastest' }, -10, -30, 'threw candidate after 30'],
    ['shadow', { read: 'fastest' }, -10, -30, 'threw legacy after 30'],
    ['shadow', { read: 'fastest', deadlineMs: 100 }, NEVER, NEVER, LATE],
  ])(
    'at %s with %j, legacy in %d ms and the candidate in %d: %s [CV-2]',
    async (stage, setting, legacyMs, candidateMs, expected) => {
      expect((await after(stage, setting, slow(legacyMs, candidateMs))).outcome).toBe(expected);
    },
  );

  test('a shadow that does not answer ends by the flag’s deadline, or after 5 s, and is counted [CV-14]', async () => {
    for (const setting of [{ deadlineMs: 100 }, {}]) {
      const { differences, migration } = await after('shadow', setting, slow(1, NEVER));
      expect(differences).toMatchObject({ compared: 0, timedOut: 1, shadowFailed: 0 });
      await migration.close();
    }
  });

  test('a shadow that answers or fails after its deadline is counted once [CV-14]', async () => {
    for (const lateMs of [150, -150]) {
      const { differences, migration } = await after('shadow', { deadlineMs: 100 }, slow(1, lateMs));
      expect(differences).toMatchObject({ compared: 0, timedOut: 1, shadowFailed: 0 });
      expect(migration.health().candidate).toMatchObject({ requests: 1, errors: 1 });
    }
  });

  test('the fastest compares the other answer when it comes [CV-14]', async () => {
    const { differences, calls } = await after('live', { read: 'fastest' }, slow(30, 10));
    expect(calls).toBe('legacy candidate');
    expect(differences).toMatchObject({ compared: 1, different: 1, paths: [{ path: '$', kind: 'changed' }] });
  });

  test('tells a side by its signal that nobody waits for it any more', async () => {
    const sides = slow(1, NEVER);
    await after('live', { deadlineMs: 100 }, sides);
    expect(sides.signals[0]?.aborted).toBe(true);
    expect(sides.signals[1]?.aborted).toBe(false);
  });
});

test('a flag that says nothing of a migration is off for legacy and live for the candidate, and is compared by nobody [QA-15]', async () => {
  const { migration: _, ...plain } = flagAt('live');
  const sides = givenSides('async');
  const { migrations, become } = givenMigrations({ ...plain, exposure: 0 });
  const migration = migrations.define('moved', { read: sides });
  expect(migration.stage(WHO)).toBe('off');
  expect(await migration.read(WHO, 1)).toBe(L);
  become(plain);
  expect(migration.stage(WHO)).toBe('live');
  expect(await migration.read(WHO, 1)).toBe(C);
  await turns();
  expect(sides.calls).toEqual([L, C]);
});

test('a flag that nobody knows is off, and nothing is counted of it', async () => {
  const { migrations, telemetry } = givenMigrations(undefined);
  const migration = migrations.define('moved', { read: givenSides('sync') });
  expect(migration.read(WHO, 1)).toBe(L);
  expect(telemetry()).toEqual({});
});
