import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openRepairJournal, type RepairQueue } from '@theseus/sdk';
import { expect, it } from 'vitest';

const SDK = new URL('../../packages/sdk/dist/migration/index.js', import.meta.url).href;
const KILLS = 5;
/** What has to wait before the program is killed, in each of its lives. */
const MORE_EACH_LIFE = 60;

/** Adds repairs and does every third one, and says so on stdout once the journal has acknowledged it. */
function programOf(path: string, life: number): string {
  return `
    const { openRepairJournal } = await import(${JSON.stringify(SDK)});
    const queue = await openRepairJournal(${JSON.stringify(path)}, { compactFromBytes: 8_000 });
    const side = { flag: 'moved', operation: 'main', kind: 'write', side: 'candidate' };
    const one = async (id, isDone) => {
      await queue.add({ id, ...side, key: id, idempotencyKey: id, payload: 'x'.repeat(100) });
      console.log('+' + id);
      if (!isDone) return;
      console.log('?' + id);
      await queue.done(id);
      console.log('-' + id);
    };
    for (let n = 0; ; n += 3) {
      await Promise.all([0, 1, 2].map((at) => one('${life}-' + (n + at), at === 2)));
    }`;
}

async function idsOf(queue: RepairQueue): Promise<Set<string>> {
  const ids = new Set<string>();
  queue.take(0, ({ id }) => {
    ids.add(id);
    return false;
  });
  await queue.close();
  return ids;
}

it(`a journal of repairs killed ${KILLS} times keeps all it acknowledged and invents nothing [CV-2]`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-journal-'));
  const path = join(folder, 'orders.repairs');
  const added = new Set<string>();
  const done = new Set<string>();
  const perhapsDone = new Set<string>();
  try {
    for (let life = 1; life <= KILLS; life += 1) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', programOf(path, life)], {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      for await (const line of createInterface({ input: child.stdout })) {
        const into = line.startsWith('+') ? added : line.startsWith('-') ? done : perhapsDone;
        into.add(line.slice(1));
        if (added.size - done.size >= life * MORE_EACH_LIFE) child.kill('SIGKILL');
      }
      const found = await idsOf(await openRepairJournal(path));
      for (const id of added) if (!perhapsDone.has(id)) expect(found, id).toContain(id);
      for (const id of done) expect(found, id).not.toContain(id);
      // Three at once may have been kept without having been told of.
      expect([...found].filter((id) => !added.has(id)).length).toBeLessThanOrEqual(3 * life);
    }
    expect(added.size - done.size).toBeGreaterThanOrEqual(KILLS * MORE_EACH_LIFE);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
