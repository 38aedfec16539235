import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { flagAt, givenMigrations, givenSides } from '../../test-support/given-migration.ts';
import type { ActionSides, ActionStep } from './action.ts';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import type { RepairQueue } from './repair-queue.ts';
import { notSent } from './side-call.ts';

const WHO = { userId: 'user-1' };

interface Order {
  readonly id: number;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** An action of three steps on either side, that notes what is done and taken back, and fails where it is told to. */
function given(options: { readonly stage?: 'live' | 'shadow'; readonly queue?: RepairQueue } = {}) {
  const world = givenMigrations(flagAt(options.stage ?? 'live', { deadlineMs: 1_000, breakAbove: 10_000 }));
  const log: string[] = [];
  const keys: string[] = [];
  const fails = new Map<string, Error>();
  const hangs = new Set<string>();
  const stepsOf = (side: string): ActionStep<Order>[] =>
    ['reserve', 'charge', 'ship'].map((name) => ({
      name,
      do: async ({ id }, _results, { idempotencyKey }) => {
        log.push(`${side} ${name}`);
        keys.push(idempotencyKey);
        const failure = fails.get(name);
        if (hangs.has(name)) await new Promise(() => undefined);
        if (failure !== undefined) throw failure;
        return `${name} ${id}`;
      },
      undo: async (_order, results, { idempotencyKey }) => {
        log.push(`${side} undo ${name} of ${String(results[name])}`);
        keys.push(idempotencyKey);
        const failure = fails.get(`undo ${name}`);
        if (failure !== undefined) throw failure;
      },
    }));
  const sides: ActionSides<Order> = { legacy: stepsOf('legacy'), candidate: stepsOf('candidate') };
  const queue = options.queue ?? memoryRepairQueue();
  const migration = world.migrations.define('moved', {
    read: givenSides('sync', { candidate: new Error('down') }),
    repairs: queue,
  });
  const order = migration.action('order', sides);
  return { ...world, log, keys, fails, hangs, queue, migration, order, sides };
}

describe('an action of several writes [CV-9]', () => {
  test.each([
    ['live', 'candidate'],
    ['shadow', 'legacy'],
  ] as const)('at %s is done by %s alone, each step under a key of its own', async (stage, side) => {
    const { order, log, keys, migration } = given({ stage });
    expect(await order(WHO, { id: 7 }, { idempotencyKey: 'k' })).toEqual({
      reserve: 'reserve 7',
      charge: 'charge 7',
      ship: 'ship 7',
    });
    expect(log).toEqual([`${side} reserve`, `${side} charge`, `${side} ship`]);
    expect(keys).toEqual(['k/reserve/do', 'k/charge/do', 'k/ship/do']);
    expect(migration.health().pendingRepairs).toBe(0);
  });

  test('is taken back in reverse order when a step fails, that step too', async () => {
    const { order, log, keys, fails, migration } = given();
    const error = new Error('refused');
    fails.set('charge', error);
    const failed = order(WHO, { id: 7 }, { idempotencyKey: 'k' });
    await expect(failed).rejects.toMatchObject({ code: 'cancelled', cause: error });
    await expect(failed).rejects.toThrow(/step 'charge' failed: refused; all of it was taken back/);
    expect(log).toEqual([
      'candidate reserve',
      'candidate charge',
      'candidate undo charge of undefined',
      'candidate undo reserve of reserve 7',
    ]);
    expect(keys.slice(2)).toEqual(['k/charge/undo', 'k/reserve/undo']);
    expect(migration.health().pendingRepairs).toBe(0);
  });

  test('takes nothing back of a step that was not sent', async () => {
    const { order, log, fails } = given();
    fails.set('charge', notSent(new Error('no pool')));
    await expect(order(WHO, { id: 7 })).rejects.toThrow('no pool');
    expect(log.slice(2)).toEqual(['candidate undo reserve of reserve 7']);
  });

  test('is taken back when a step passes the deadline', async () => {
    const { order, log, hangs } = given();
    hangs.add('ship');
    const failed = expect(order(WHO, { id: 7 })).rejects.toThrow('not answered within 1000 ms');
    await vi.advanceTimersByTimeAsync(1_100);
    await failed;
    expect(log.slice(3)).toHaveLength(3);
  });

  test('repeats from the queue what could not be taken back, in order, and nothing that was', async () => {
    const { order, log, fails, migration } = given();
    fails.set('ship', new Error('refused'));
    fails.set('undo charge', new Error('away'));
    await expect(order(WHO, { id: 7 })).rejects.toThrow(/taking it back failed as well \(away\) and is repeated/);
    expect(migration.health().pendingRepairs).toBe(1);
    log.length = 0;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(new Set(log)).toEqual(new Set(['candidate undo charge of charge 7']));
    fails.clear();
    log.length = 0;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log).toEqual(['candidate undo charge of charge 7', 'candidate undo reserve of reserve 7']);
    expect(migration.health().pendingRepairs).toBe(0);
  });

  test('is not begun where it cannot be noted', async () => {
    const { order, log, migration } = given({ queue: memoryRepairQueue(0) });
    await expect(order(WHO, { id: 7 })).rejects.toMatchObject({ code: 'limit-exceeded' });
    expect(log).toEqual([]);
    expect(migration.health()).toMatchObject({ pendingRepairs: 0, failedRepairs: 0 });
  });

  test('is taken back when its end cannot be noted: a later life would take it back anyway', async () => {
    const queue = memoryRepairQueue();
    const { order, log } = given({ queue: { ...queue, done: () => Promise.reject(new Error('disk full')) } });
    await expect(order(WHO, { id: 7 })).rejects.toThrow('disk full');
    expect(log.slice(3)).toHaveLength(3);
  });

  test('that a dead program had begun is taken back by the next one', async () => {
    const queue = memoryRepairQueue();
    const before = given({ queue });
    before.hangs.add('charge');
    const lost = before.order(WHO, { id: 7 }, { idempotencyKey: 'k' });
    lost.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(10);
    expect(before.log).toEqual(['candidate reserve', 'candidate charge']);
    const after = given({ queue });
    await vi.advanceTimersByTimeAsync(100);
    expect(after.log).toEqual(['ship', 'charge', 'reserve'].map((name) => `candidate undo ${name} of undefined`));
    expect(after.keys).toEqual(['k/ship/undo', 'k/charge/undo', 'k/reserve/undo']);
    expect(after.migration.health().pendingRepairs).toBe(0);
  });

  test('asked for twice under one key at once is done once', async () => {
    const { order, log } = given();
    const both = await Promise.all([1, 2].map(() => order(WHO, { id: 7 }, { idempotencyKey: 'k' })));
    expect(both[0]).toBe(both[1]);
    expect(log).toHaveLength(3);
  });

  test('is not begun again while an earlier one of its key is still taken back', async () => {
    const { order, fails } = given();
    fails.set('charge', new Error('refused'));
    fails.set('undo reserve', new Error('away'));
    await expect(order(WHO, { id: 7 }, { idempotencyKey: 'k' })).rejects.toThrow('refused');
    fails.clear();
    await expect(order(WHO, { id: 7 }, { idempotencyKey: 'k' })).rejects.toThrow(
      /an earlier one of this key is still taken back/,
    );
    expect(await order(WHO, { id: 7 }, { idempotencyKey: 'other' })).toMatchObject({ ship: 'ship 7' });
  });

  test('goes to legacy as a whole while the breaker is open, and stays where a pin says', async () => {
    const { order, log, migration } = given();
    const pin = migration.pin(WHO);
    for (let n = 0; n < 20; n += 1) migration.read(WHO, n);
    await order(WHO, { id: 7 }, { pin });
    expect(new Set(log.map((entry) => entry.split(' ')[0]))).toEqual(new Set(['legacy']));
  });

  test('counts as a request of the subject’s arm', async () => {
    const { order, fails, telemetry } = given();
    await order(WHO, { id: 1 });
    fails.set('ship', new Error('refused'));
    await expect(order(WHO, { id: 2 })).rejects.toThrow();
    expect(telemetry().moved.candidate).toMatchObject({ requests: 2, errors: 1 });
  });

  test.each<[string, string, Partial<ActionSides<Order>>, RegExp]>([
    ['no name', '', {}, /its name must be/],
    ['no steps', 'a', { legacy: [] }, /its legacy side must be a list of steps/],
    [
      'steps of one name',
      'a',
      {
        candidate: [
          { name: 'x', do: () => 1 },
          { name: 'x', do: () => 1 },
        ],
      },
      /names that differ/,
    ],
  ])('with %s is refused', (_what, name, sides, reason) => {
    const { migration, sides: usable } = given();
    expect(() => migration.action(name, { ...usable, ...sides })).toThrow(reason);
  });
});
