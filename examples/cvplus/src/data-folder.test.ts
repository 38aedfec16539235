import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createDataFolder } from './data-folder.ts';

let parent: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'theseus-data-folder-'));
});

afterEach(() => rm(parent, { recursive: true, force: true }));

/** As a demo that has ended leaves it. No process has this id: it is beyond what any system gives. */
async function leaveFolder(name: string, pid = 2 ** 30): Promise<void> {
  await mkdir(join(parent, name));
  await writeFile(join(parent, name, 'demo.pid'), String(pid));
}

it('keeps only the last run', async () => {
  await leaveFolder('demo-1');
  await leaveFolder('demo-9');
  const folder = await createDataFolder([parent], { keep: false });
  expect(folder.path).toBe(join(parent, 'demo-10'));
  expect(await readdir(parent)).toEqual(['demo-10']);
  expect(await readdir(folder.path)).toEqual(expect.arrayContaining(['backups', 'front', 'logs']));
});

it('leaves alone what it was asked to keep, what still runs, and what is not its own', async () => {
  await leaveFolder('demo-1');
  await writeFile(join(parent, 'demo-1', 'keep'), '');
  await leaveFolder('demo-2', process.ppid);
  await mkdir(join(parent, 'postgres'));
  await createDataFolder([parent], { keep: true });
  expect((await readdir(parent)).toSorted()).toEqual(['demo-1', 'demo-2', 'demo-3', 'postgres']);
  expect(await readdir(join(parent, 'demo-3'))).toContain('keep');
});

it('removes a database that was placed elsewhere only when both sides say that it belongs to the folder', async () => {
  const instance = 'ab'.repeat(16);
  for (const [name, owner] of [
    ['demo-1', 'demo-1'],
    ['demo-2', 'demo-7'],
  ] as const) {
    await leaveFolder(name);
    const home = join(parent, `placed-${name}`, instance);
    await mkdir(join(home, 'postgres'), { recursive: true });
    await writeFile(join(home, 'owner'), join(parent, owner));
    await writeFile(
      join(parent, name, 'postgres.json'),
      JSON.stringify({ instance, port: null, stagedData: join(home, 'postgres') }),
    );
  }
  await createDataFolder([parent], { keep: false });
  expect(await readdir(join(parent, 'placed-demo-1'))).toEqual([]);
  expect(await readdir(join(parent, 'placed-demo-2'))).toEqual([instance]);
});

it('goes to the next parent when one cannot be written', async () => {
  await writeFile(join(parent, 'file'), '');
  const folder = await createDataFolder([join(parent, 'file', 'inside'), join(parent, 'spare')], { keep: false });
  expect(folder.path).toBe(join(parent, 'spare', 'demo-1'));
  await expect(createDataFolder([join(parent, 'file', 'inside')], { keep: false })).rejects.toThrow('no folder');
});
