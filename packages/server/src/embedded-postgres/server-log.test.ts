import { mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openServerLog, readTail } from './server-log.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-log-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('openServerLog()', () => {
  it('appends to a small log, and reads only what was written since', async () => {
    await writeFile(join(folder, 'postgres.log'), 'of an earlier start\n');
    const log = await openServerLog(folder);
    await log.file.appendFile('one\ntwo\n');
    await log.file.close();
    expect(await readTail(log.path, log.offset)).toBe('one\ntwo');
  });

  it("writes through no link, which could lead root to what is not its folder's", async () => {
    const precious = join(folder, 'precious');
    await writeFile(precious, 'precious');
    await symlink(precious, join(folder, 'postgres.log'));
    await expect(openServerLog(folder)).rejects.toThrow(expect.objectContaining({ code: 'ELOOP' }));
  });

  it('puts a log of more than 10 MB aside, keeping two files at most', async () => {
    for (let start = 0; start < 3; start += 1) {
      const log = await openServerLog(folder);
      await log.file.close();
      await truncate(log.path, 11 * 1024 * 1024);
    }
    const last = await openServerLog(folder);
    await last.file.close();
    expect((await readdir(folder)).sort()).toEqual(['postgres.log', 'postgres.log.1']);
    expect((await stat(last.path)).size).toBe(0);
    expect(last.offset).toBe(0);
  });
});
