import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readCredentials, writeCredentials } from './credentials-file.ts';

const CREDENTIALS = { url: 'http://127.0.0.1:4400', operatorToken: 'ths_op_x', sdkToken: 'ths_sdk_x' };
const SOMEBODY = 12_345;
const isRoot = process.getuid?.() === 0;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-credentials-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeCredentials()', () => {
  it('is for the eyes of its owner only, and leaves nothing else behind', async () => {
    await writeCredentials(folder, CREDENTIALS);
    expect(await readCredentials(folder)).toEqual(CREDENTIALS);
    expect((await stat(join(folder, 'credentials.json'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['credentials.json']);
  });

  it('writes through no link that somebody has laid', async () => {
    const precious = join(folder, 'precious');
    await writeFile(precious, 'precious');
    await symlink(precious, join(folder, `credentials.json.${process.pid}`));
    await symlink(precious, join(folder, 'credentials.json'));
    await writeCredentials(folder, CREDENTIALS);
    expect(await readFile(precious, 'utf8')).toBe('precious');
    expect(await readCredentials(folder)).toEqual(CREDENTIALS);
  });

  it.runIf(isRoot)('gives them to whose folder it is when root starts the server there', async () => {
    await chown(folder, SOMEBODY, SOMEBODY);
    await chmod(folder, 0o755);
    await writeCredentials(folder, CREDENTIALS);
    expect((await stat(join(folder, 'credentials.json'))).uid).toBe(SOMEBODY);
  });
});
