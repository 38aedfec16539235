import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closeServer, listen } from './http-listening.ts';
import { seededRandom } from './seeded-random.ts';
import { createServiceServer } from './service-server.ts';

const run = promisify(execFile);

let server: http.Server;
let service: string;
let folder: string;

beforeEach(async () => {
  server = createServiceServer({
    service: 'circuit-breaker',
    arm: 'legacy',
    random: seededRandom(1),
    delay: (callback) => callback(),
  });
  service = await listen(server);
  folder = await mkdtemp(join(tmpdir(), 'theseus-breakers-'));
});

afterEach(async () => {
  await closeServer(server);
  await rm(folder, { recursive: true, force: true });
});

async function script(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [join(import.meta.dirname, '../ops', `${name}.mjs`), ...args]);
  return stdout.trim();
}

async function state(): Promise<unknown> {
  return (await fetch(`${service}/state`)).json();
}

async function putState(value: unknown): Promise<void> {
  await fetch(`${service}/state`, { method: 'PUT', body: JSON.stringify(value) });
}

async function save(): Promise<string> {
  const id = /^saved as (\S+)$/.exec(await script('save-breakers', service, folder))?.[1];
  if (id === undefined) throw new Error('no id was printed');
  return id;
}

it("brings the breakers' states back to what they were when they were saved", async () => {
  await putState({ mail: { status: 'open', count: 2 }, search: { status: 'half-open', count: 0 } });
  const before = await state();
  const id = await save();
  await putState({ mail: { status: 'closed', count: 1 } });
  expect(await state()).not.toEqual(before);
  expect(await script('verify-breakers', folder, id)).toContain('holds 4 breakers');
  await script('restore-breakers', service, folder, id);
  expect(await state()).toEqual(before);
});

it('leaves a second backup beside the first when it is run twice', async () => {
  const ids = [await save(), await save()];
  expect((await readdir(folder)).toSorted()).toEqual(ids.map((id) => `${id}.json`).toSorted());
});

it('neither verifies nor restores a backup that was changed or is not one', async () => {
  const id = await save();
  const path = join(folder, `${id}.json`);
  await writeFile(path, (await readFile(path, 'utf8')).replace('"closed"', '"open"'));
  await expect(script('verify-breakers', folder, id)).rejects.toThrow('is damaged');
  await expect(script('restore-breakers', service, folder, id)).rejects.toThrow('is damaged');
  await expect(script('restore-breakers', service, folder, '../../etc/passwd')).rejects.toThrow(
    'is not the id of a backup',
  );
});
