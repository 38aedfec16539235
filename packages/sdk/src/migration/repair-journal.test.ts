import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryRepairQueue } from './memory-repair-queue.ts';
import { openRepairJournal } from './repair-journal.ts';
import type { Repair, RepairQueue } from './repair-queue.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'theseus-repairs-'));
  path = join(folder, 'sub', 'orders.repairs');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function repairOf(id: string, more: Partial<Repair> = {}): Repair {
  return {
    id,
    flag: 'moved',
    operation: 'main',
    kind: 'write',
    side: 'candidate',
    key: 'user-1',
    idempotencyKey: `key-${id}`,
    payload: { text: `ü\n${id}` },
    ...more,
  };
}

/** All that waits, in the order in which it would be done. */
async function drained(queue: RepairQueue): Promise<Repair[]> {
  const repairs: Repair[] = [];
  for (let next = queue.take(0, () => true); next !== undefined; next = queue.take(0, () => true)) {
    repairs.push(next.repair);
    await queue.done(next.repair.id);
  }
  return repairs;
}

describe.each(['memory', 'journal'] as const)('a queue of repairs in %s', (kind) => {
  const open = async (limit = 100): Promise<RepairQueue> =>
    kind === 'memory' ? memoryRepairQueue(limit) : openRepairJournal(path, { limit });

  test('keeps the order of each line, and lines apart', async () => {
    const queue = await open();
    await queue.add(repairOf('1'));
    await queue.add(repairOf('2', { key: 'user-2' }));
    await queue.add(repairOf('3'));
    expect(queue.take(0, () => true)?.repair.id).toBe('1');
    expect(queue.take(0, ({ key }) => key !== 'user-1')?.repair.id).toBe('2');
    await queue.failed('1', { kind: 'again', retryAtMs: 50 });
    expect(queue.take(0, () => true)?.repair.id).toBe('2');
    expect(queue.take(49, ({ key }) => key === 'user-1')).toBeUndefined();
    expect(queue.nextDueMs(({ key }) => key === 'user-1')).toBe(50);
    expect(queue.take(50, ({ key }) => key === 'user-1')).toMatchObject({ attempts: 1, repair: { id: '1' } });
    await queue.done('1');
    expect(queue.first({ flag: 'moved', side: 'candidate', key: 'user-1' })?.repair.id).toBe('3');
    expect(queue.first({ flag: 'moved', side: 'legacy', key: 'user-1' })).toBeUndefined();
    await queue.close();
  });

  test('keeps for a person what was given up, out of the way of what follows', async () => {
    const queue = await open();
    await queue.add(repairOf('1'));
    await queue.add(repairOf('2'));
    await queue.add(repairOf('3'), { givenUp: true });
    await queue.failed('1', { kind: 'given-up' });
    expect(queue.take(0, () => true)?.repair.id).toBe('2');
    expect(queue.size()).toEqual({ pending: 1, failed: 2 });
    expect(queue.size('other')).toEqual({ pending: 0, failed: 0 });
    expect(queue.givenUp().map(({ id }) => id)).toEqual(['3', '1']);
    await queue.done('1');
    expect(queue.size('moved')).toEqual({ pending: 1, failed: 1 });
    await queue.close();
  });

  test('takes no more than it has room for', async () => {
    const queue = await open(2);
    const added = await Promise.allSettled(['1', '2', '3'].map((id) => queue.add(repairOf(id))));
    expect(added.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    await expect(queue.add(repairOf('4'))).rejects.toMatchObject({ code: 'limit-exceeded' });
    await queue.done('1');
    await queue.add(repairOf('4'));
    await queue.close();
  });

  test('keeps what was written, not what became of the object since', async () => {
    const queue = await open();
    const payload = { at: new Date(0), list: [1] };
    await queue.add(repairOf('1', { payload }));
    payload.list.push(2);
    expect(queue.take(0, () => true)?.repair.payload).toEqual({ at: '1970-01-01T00:00:00.000Z', list: [1] });
    await queue.close();
  });
});

describe('a journal of repairs', () => {
  test('gives back after a restart what was not done, in order', async () => {
    const queue = await openRepairJournal(path);
    await Promise.all(['1', '2', '3', '4', '5'].map((id) => queue.add(repairOf(id))));
    await queue.done('2');
    await queue.failed('1', { kind: 'again', retryAtMs: 1e12, payload: { rest: 1 } });
    await queue.failed('4', { kind: 'given-up' });
    await queue.close();
    const again = await openRepairJournal(path);
    expect(again.size()).toEqual({ pending: 3, failed: 1 });
    expect(again.givenUp()).toEqual([repairOf('4')]);
    expect(await drained(again)).toEqual([repairOf('1', { payload: { rest: 1 } }), repairOf('3'), repairOf('5')]);
    await again.close();
  });

  test('is for its owner’s eyes only', async () => {
    const queue = await openRepairJournal(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await queue.close();
  });

  test('loses nothing that was acknowledged and invents nothing, wherever it is cut', async () => {
    const step = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'done', 'given-up'),
      at: fc.nat(),
      key: fc.constantFrom('a', 'b'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.uint8Array({ maxLength: 6 }),
        async (steps, share, noise) => {
          rmSync(folder, { recursive: true, force: true });
          const queue = await openRepairJournal(path);
          // After each step: how long the file is, and what would have to be there.
          const states = [{ bytes: statSync(path).size, waiting: [] as string[], givenUp: [] as string[] }];
          for (const [n, { kind, at, key }] of steps.entries()) {
            const last = states.at(-1) ?? { waiting: [], givenUp: [] };
            const state = { bytes: 0, waiting: [...last.waiting], givenUp: [...last.givenUp] };
            const id = kind === 'add' ? `${key}${n}` : state.waiting[at % (state.waiting.length || 1)];
            if (id === undefined) continue;
            if (kind === 'add') await queue.add(repairOf(id, { key, payload: 'x'.repeat(at % 3_000) }));
            else if (kind === 'done') await queue.done(id);
            else await queue.failed(id, { kind: 'given-up' });
            if (kind === 'add') state.waiting.push(id);
            else state.waiting.splice(state.waiting.indexOf(id), 1);
            if (kind === 'given-up') state.givenUp.push(id);
            states.push({ ...state, bytes: statSync(path).size });
          }
          await queue.close();
          const whole = readFileSync(path);
          const cut = Math.round(share * whole.length);
          // What is torn may end in anything but a line that is whole.
          const torn = Buffer.concat([
            whole.subarray(0, cut),
            Buffer.from(noise).map((byte) => (byte === 0x0a ? 0 : byte)),
          ]);
          const lineEnds = cut === 0 || whole[cut - 1] === 0x0a;
          if (cut === 0) return;
          writeFileSync(path, lineEnds ? torn : whole.subarray(0, cut));
          const expected = states.findLast(({ bytes }) => bytes <= cut) ?? states[0];
          const again = await openRepairJournal(path);
          expect(
            again
              .givenUp()
              .map(({ id }) => id)
              .sort(),
          ).toEqual([...(expected?.givenUp ?? [])].sort());
          expect((await drained(again)).map(({ id }) => id).sort()).toEqual([...(expected?.waiting ?? [])].sort());
          // What was torn is gone: the next one can be read.
          await again.add(repairOf('next'));
          await again.close();
          const third = await openRepairJournal(path);
          expect((await drained(third)).map(({ id }) => id)).toEqual(['next']);
          await third.close();
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  test('is written anew when it has grown, with all that waits', async () => {
    const queue = await openRepairJournal(path, { compactFromBytes: 4_000 });
    for (let n = 0; n < 300; n += 1) {
      await queue.add(repairOf(`${n}`));
      if (n % 10 !== 0) await queue.done(`${n}`);
    }
    await queue.failed('0', { kind: 'given-up' });
    expect(statSync(path).size).toBeLessThan(15_000);
    await queue.close();
    const again = await openRepairJournal(path);
    expect(again.givenUp()).toEqual([repairOf('0')]);
    expect((await drained(again)).map(({ id }) => Number(id))).toEqual(
      Array.from({ length: 29 }, (_, n) => (n + 1) * 10),
    );
    await again.close();
    expect(readdirSync(join(folder, 'sub'))).toEqual(['orders.repairs']);
  });

  test('refuses what was damaged otherwise than by a cut, and says where', async () => {
    const queue = await openRepairJournal(path);
    await queue.add(repairOf('1'));
    await queue.add(repairOf('2'));
    await queue.close();
    writeFileSync(path, readFileSync(path, 'utf8').replace('key-1', 'key-7'));
    await expect(openRepairJournal(path)).rejects.toThrow(/line 2, at byte \d+, is broken and others follow/);
    // It is left as it was, and free for whoever mends it.
    expect(readFileSync(path, 'utf8')).toContain('key-7');
    expect(readdirSync(join(folder, 'sub'))).toEqual(['orders.repairs']);
  });

  test.each(['notes\n', 'precious', `${'x'.repeat(200)}\n`])(
    'does not take another file for its own: %j',
    async (text) => {
      writeFileSync(join(folder, 'file'), text);
      await expect(openRepairJournal(join(folder, 'file'))).rejects.toThrow(/not of the format theseus-repairs\/1/);
      expect(readFileSync(join(folder, 'file'), 'utf8')).toBe(text);
    },
  );

  test('refuses a repair that is too large or no JSON, and goes on', async () => {
    const queue = await openRepairJournal(path);
    await expect(queue.add(repairOf('1', { payload: 'x'.repeat(300_000) }))).rejects.toMatchObject({
      code: 'limit-exceeded',
    });
    await expect(queue.add(repairOf('2', { payload: 5n }))).rejects.toThrow(/BigInt/);
    await queue.add(repairOf('3'));
    expect(queue.size()).toEqual({ pending: 1, failed: 0 });
    await queue.close();
    await expect(queue.add(repairOf('4'))).rejects.toMatchObject({ code: 'invalid-state' });
  });
});

describe('the lock of a journal', () => {
  test('keeps a second one out, and is gone when the first is closed', async () => {
    const queue = await openRepairJournal(path);
    await expect(openRepairJournal(path)).rejects.toThrow(`process ${process.pid} on ${hostname()} uses it`);
    await queue.close();
    await (await openRepairJournal(path)).close();
  });

  test.each([
    ['a process that is dead', { token: 't', host: hostname(), pid: 2 ** 22 + 1, began: '' }],
    ['a process whose id another has now', { token: 't', host: hostname(), pid: process.pid, began: 'long ago' }],
    ['nobody who can be told', 'torn'],
  ])('is taken over from %s', async (_who, holder) => {
    await (await openRepairJournal(path)).close();
    writeFileSync(`${path}.lock`, typeof holder === 'string' ? holder : JSON.stringify(holder));
    await (await openRepairJournal(path)).close();
  });

  test('is not taken from another host that gave a sign of life', async () => {
    await (await openRepairJournal(path)).close();
    writeFileSync(`${path}.lock`, JSON.stringify({ token: 't', host: 'elsewhere', pid: 1, began: '' }));
    await expect(openRepairJournal(path)).rejects.toThrow('process 1 on elsewhere uses it');
  });

  test('stops whoever it was taken from', async () => {
    const queue = await openRepairJournal(path);
    writeFileSync(`${path}.lock`, JSON.stringify({ token: 'other', host: hostname(), pid: 1, began: '' }));
    await expect(queue.add(repairOf('1'))).rejects.toMatchObject({ code: 'folder-in-use' });
    await queue.close();
    expect(readFileSync(`${path}.lock`, 'utf8')).toContain('other');
  });
});
