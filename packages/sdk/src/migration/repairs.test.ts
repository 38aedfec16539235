import type { MigrationSetting, MigrationStage } from '@theseus/core/flag';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { flagAt, givenMigrations } from '../../test-support/given-migration.ts';
import { LogGate } from '../log-gate.ts';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import type { Repair, RepairQueue } from './repair-queue.ts';
import { type Repaired, Repairs } from './repairs.ts';
import type { WriteCall } from './side-call.ts';

interface Put {
  readonly id: string;
  readonly value: number;
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Two stores that keep the last value of each key and every write in its order, and can be made to fail. */
function given(
  stage: MigrationStage,
  options: { queue?: RepairQueue; setting?: Partial<MigrationSetting>; idempotent?: boolean } = {},
) {
  const world = givenMigrations(flagAt(stage, options.setting));
  const queue = options.queue ?? memoryRepairQueue();
  const store = () => ({
    values: new Map<string, number>(),
    keys: new Map<string, string[]>(),
    isDown: false,
    takesMs: 0,
  });
  const stores = { legacy: store(), candidate: store() };
  const side =
    (of: 'legacy' | 'candidate') =>
    async ({ id, value }: Put, { idempotencyKey }: WriteCall) => {
      const own = stores[of];
      if (own.takesMs > 0) await new Promise((resolve) => setTimeout(resolve, own.takesMs));
      if (own.isDown) throw new Error(`${of} is down`);
      const done = own.keys.get(id) ?? [];
      if (done.includes(idempotencyKey)) return;
      own.keys.set(id, [...done, idempotencyKey]);
      own.values.set(id, value);
    };
  const { idempotent = true } = options;
  const migration = world.migrations.define('moved', {
    read: {
      legacy: (id: string) => stores.legacy.values.get(id),
      candidate: (id: string) => stores.candidate.values.get(id),
    },
    write: {
      legacy: { run: side('legacy'), idempotent },
      candidate: { run: side('candidate'), idempotent },
      key: ({ id }: Put) => id,
    },
    repairs: queue,
  });
  const put = (id: string, value: number, idempotencyKey?: string) =>
    migration.write({ userId: 'user-1' }, { id, value }, { idempotencyKey });
  return { ...world, queue, stores, migration, put };
}

describe('repairs [CV-2]', () => {
  test('are repeated until the side has them, with the key the caller gave', async () => {
    const { stores, put, migration, telemetry } = given('dualwrite');
    stores.candidate.isDown = true;
    await put('a', 1, 'caller-key');
    expect(migration.health()).toMatchObject({ pendingRepairs: 1, failedRepairs: 0 });
    expect(telemetry().moved.repairs).toEqual({ pending: 1, failed: 0 });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(migration.health().pendingRepairs).toBe(1);
    stores.candidate.isDown = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stores.candidate.keys.get('a')).toEqual(['caller-key']);
    expect(migration.health().pendingRepairs).toBe(0);
    expect(telemetry().moved.repairs).toEqual({ pending: 0, failed: 0 });
  });

  test('wait longer after each failure, by chance, and never more than a minute', async () => {
    const { stores, put, migration } = given('dualwrite');
    stores.candidate.isDown = true;
    await put('a', 1);
    const began = migration.health().candidate.requests;
    await vi.advanceTimersByTimeAsync(600_000);
    // Half of 0.5, 1, 2, 4, 8, 16, 32, 60, 60 … seconds, as chance is 0.5 here.
    const attempts = migration.health().candidate.requests - began;
    expect(attempts).toBeGreaterThan(20);
    expect(attempts).toBeLessThan(30);
  });

  test('are followed by later writes of the same key, and overtaken by those of others', async () => {
    const { stores, put } = given('dualwrite');
    stores.candidate.isDown = true;
    await put('a', 1, 'a1');
    stores.candidate.isDown = false;
    // The store is well again, and the first write still waits.
    await put('a', 2, 'a2');
    await put('b', 1, 'b1');
    expect(stores.candidate.keys.get('a')).toBeUndefined();
    expect(stores.candidate.keys.get('b')).toEqual(['b1']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stores.candidate.keys.get('a')).toEqual(['a1', 'a2']);
    expect(stores.candidate.values.get('a')).toBe(2);
  });

  test('are done before a write by which it is decided how the operation ends', async () => {
    const { stores, put, become, migration } = given('dualwrite');
    stores.candidate.isDown = true;
    await put('a', 1, 'a1');
    stores.candidate.isDown = false;
    become(flagAt('complete'));
    await put('a', 2, 'a2');
    expect(stores.candidate.keys.get('a')).toEqual(['a1', 'a2']);
    expect(migration.health().pendingRepairs).toBe(0);
  });

  test('that fail again keep a newer write from the side, so that it cannot be undone by them', async () => {
    const { stores, put, become, migration } = given('dualwrite');
    stores.candidate.isDown = true;
    await put('a', 1);
    become(flagAt('complete'));
    await expect(put('a', 2)).rejects.toThrow(/lacks earlier writes of the same key/);
    await expect(put('b', 2)).rejects.toThrow('candidate is down');
    expect(migration.health().pendingRepairs).toBe(1);
  });

  test('keep writes of one key in the order in which they were decided, however long each takes', async () => {
    const { stores, put } = given('dualwrite');
    stores.candidate.takesMs = 100;
    const first = put('a', 1, 'a1');
    await vi.advanceTimersByTimeAsync(10);
    stores.candidate.takesMs = 1;
    const second = put('a', 2, 'a2');
    await vi.advanceTimersByTimeAsync(500);
    await Promise.all([first, second]);
    expect(stores.candidate.keys.get('a')).toEqual(['a1', 'a2']);
  });

  test('that might do a write twice are left to a person', async () => {
    const { stores, put, migration, queue } = given('dualwrite', { idempotent: false });
    stores.candidate.isDown = true;
    await put('a', 1);
    stores.candidate.isDown = false;
    await vi.advanceTimersByTimeAsync(600_000);
    expect(stores.candidate.values.size).toBe(0);
    expect(migration.health()).toMatchObject({ pendingRepairs: 0, failedRepairs: 1 });
    // Which they then take out of the queue.
    await queue.done(queue.givenUp()[0]?.id ?? '');
    expect(migration.health().failedRepairs).toBe(0);
  });

  test('that cannot be kept do not fail the operation, and are counted as failed and told of', async () => {
    const { stores, put, migration, messages, telemetry } = given('dualwrite', { queue: memoryRepairQueue(1) });
    stores.candidate.isDown = true;
    await put('a', 1);
    await put('b', 1);
    expect(migration.health()).toMatchObject({ pendingRepairs: 1, failedRepairs: 1 });
    expect(telemetry().moved.repairs).toEqual({ pending: 1, failed: 1 });
    expect(messages()).toContainEqual(expect.stringContaining('Cannot keep a write of the flag'));
  });

  test('that cannot be kept leave nothing acknowledged that is missing where it is read', async () => {
    const { stores, put } = given('live', { queue: memoryRepairQueue(0) });
    stores.candidate.isDown = true;
    await expect(put('a', 1)).rejects.toThrow('candidate is down');
  });

  test('left by an earlier life of the program are reported and done at once', async () => {
    const queue = memoryRepairQueue();
    const before = given('dualwrite', { queue });
    before.stores.candidate.isDown = true;
    await before.put('a', 1, 'a1');
    await before.migrations.close();
    const after = given('dualwrite', { queue });
    expect(after.telemetry().moved.repairs).toEqual({ pending: 1, failed: 0 });
    await vi.advanceTimersByTimeAsync(100);
    expect(after.stores.candidate.keys.get('a')).toEqual(['a1']);
  });

  test('wait for the operation that knows how to do them', async () => {
    const queue = memoryRepairQueue();
    const payload = { id: 'a', value: 1 };
    await queue.add({
      id: '1',
      flag: 'moved',
      operation: 'gone',
      kind: 'write',
      side: 'candidate',
      key: 'a',
      idempotencyKey: 'k',
      payload,
    });
    const { stores, migration } = given('dualwrite', { queue });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(stores.candidate.values.size).toBe(0);
    expect(migration.health().pendingRepairs).toBe(1);
  });

  test('are given up after so many attempts, and hold up nothing behind them', async () => {
    const queue = memoryRepairQueue();
    const messages: string[] = [];
    const repairs = new Repairs({
      queue,
      log: new LogGate(({ message }) => messages.push(message)),
      random: () => 0.5,
      now: () => performance.now(),
      attemptsMost: 3,
    });
    const attempted: string[] = [];
    const handler = async ({ idempotencyKey }: Repair): Promise<Repaired> => {
      attempted.push(idempotencyKey);
      if (idempotencyKey === 'poison') throw new Error('never');
      return { kind: 'done' };
    };
    repairs.handle('moved', 'main', handler, () => undefined);
    const common = {
      flag: 'moved',
      operation: 'main',
      kind: 'write',
      side: 'candidate',
      key: 'a',
      payload: 1,
    } as const;
    await repairs.add({ ...common, idempotencyKey: 'poison' });
    await repairs.add({ ...common, idempotencyKey: 'next' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(attempted).toEqual(['poison', 'poison', 'poison', 'next']);
    expect(repairs.size('moved')).toEqual({ pending: 0, failed: 1 });
    expect(messages.at(-1)).toMatch(/kept for a person: never/);
    await repairs.close();
  });

  test('come to an end at which both stores agree, whatever fails when', async () => {
    const step = fc.record({
      id: fc.constantFrom('a', 'b'),
      down: fc.constantFrom('none', 'none', 'legacy', 'candidate', 'both'),
      stage: fc.constantFrom<MigrationStage>('dualwrite', 'shadow', 'live', 'rampdown'),
      waitMs: fc.constantFrom(0, 0, 10, 2_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { stores, put, become, migration, migrations } = given('dualwrite');
        const acknowledged = new Map<string, number>();
        const uncertain = new Set<string>();
        for (const [value, { id, down, stage, waitMs }] of steps.entries()) {
          become(flagAt(stage));
          stores.legacy.isDown = down === 'legacy' || down === 'both';
          stores.candidate.isDown = down === 'candidate' || down === 'both';
          try {
            await put(id, value, `${value}`);
            acknowledged.set(id, value);
            uncertain.delete(id);
          } catch {
            uncertain.add(id);
          }
          await vi.advanceTimersByTimeAsync(waitMs);
        }
        stores.legacy.isDown = false;
        stores.candidate.isDown = false;
        await vi.advanceTimersByTimeAsync(300_000);
        expect(migration.health()).toMatchObject({ pendingRepairs: 0, failedRepairs: 0 });
        expect(stores.candidate.values).toEqual(stores.legacy.values);
        for (const [id, value] of acknowledged)
          if (!uncertain.has(id)) expect(stores.legacy.values.get(id)).toBe(value);
        for (const own of [stores.legacy, stores.candidate]) {
          for (const keys of own.keys.values())
            expect(keys.map(Number)).toEqual(keys.map(Number).sort((one, other) => one - other));
        }
        await migrations.close();
      }),
      { numRuns: 100 },
    );
  });
});
