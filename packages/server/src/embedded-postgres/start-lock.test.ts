import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownIdentity } from './process-identity.ts';
import { takeStartLock } from './start-lock.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-start-lock-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function leaveLock(text: string): Promise<void> {
  await writeFile(join(folder, 'start.lock'), text);
}

describe('takeStartLock()', () => {
  it('lets one in at a time, and everybody in the end', async () => {
    let inside = 0;
    let most = 0;
    const enter = async (): Promise<void> => {
      const release = await takeStartLock(folder);
      inside += 1;
      most = Math.max(most, inside);
      await readdir(folder);
      inside -= 1;
      await release();
    };
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  it('lets one in at a time when all of them find the lock of a dead process', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await leaveLock(JSON.stringify({ pid, began: '1', token: 'dead' }));
    let inside = 0;
    let most = 0;
    const enter = async (): Promise<void> => {
      const release = await takeStartLock(folder);
      inside += 1;
      most = Math.max(most, inside);
      await readdir(folder);
      inside -= 1;
      await release();
    };
    await Promise.all(Array.from({ length: 8 }, enter));
    expect(most).toBe(1);
  });

  it.each([
    ['a torn file', '{"pid":'],
    ['an empty file', ''],
    ['a process id that now is another process', JSON.stringify({ pid: process.pid, began: 'long ago', token: 'old' })],
  ])('takes over the lock of %s', async (_, text) => {
    await leaveLock(text);
    const release = await takeStartLock(folder, 2_000);
    await release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('names the process that holds it when the wait is over', async () => {
    await leaveLock(JSON.stringify({ ...(await ownIdentity()), token: 'alive' }));
    await expect(takeStartLock(folder, 0)).rejects.toMatchObject({
      code: 'folder-in-use',
      message: expect.stringContaining(`process ${process.pid} is still starting PostgreSQL`),
    });
  });
});
