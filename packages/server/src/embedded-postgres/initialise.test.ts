import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataFolder, locateDataFolder } from './data-folder.ts';
import { initialiseDataFolder } from './initialise.ts';

let folder: string;
let data: DataFolder;

beforeEach(async () => {
  folder = await realpath(await mkdtemp('/var/tmp/theseus-initialise-'));
  await chmod(folder, 0o755);
  data = await locateDataFolder(folder, [], () => undefined);
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function initdb(script: string): Promise<string> {
  const path = join(folder, 'initdb');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('initialiseDataFolder()', () => {
  it('shows the last lines of an initdb that failed, and leaves nothing of it', async () => {
    const program = await initdb(
      'for n in 1 2 3 4 5 6 7; do echo "line $n"; done; echo "could not extend file: No space left on device" >&2; exit 1',
    );
    await expect(initialiseDataFolder(folder, data, program)).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringMatching(/DATABASE_URL:\nline 3\n[\s\S]*No space left on device$/),
    });
    expect((await readdir(folder)).sort()).toEqual(['initdb', 'postgres-password']);
    expect((await locateDataFolder(folder, [], () => undefined)).complete).toBe(false);
  });

  it('removes the remains of one that was cut off, and only those', async () => {
    await mkdir(join(folder, 'postgres.unfinished-0123', 'cluster'), { recursive: true });
    await writeFile(join(folder, 'postgres.unfinished-0123', 'cluster', 'PG_VERSION'), '18\n');
    await writeFile(join(folder, 'of-somebody-else'), '');
    await initialiseDataFolder(folder, data, await initdb('exit 0'));
    expect((await readdir(folder)).sort()).toEqual(['initdb', 'of-somebody-else', 'postgres', 'postgres-password']);
    expect((await locateDataFolder(folder, [], () => undefined)).complete).toBe(true);
  });

  it('hands the password over in a file that only the user of PostgreSQL may read', async () => {
    const program = await initdb(`for argument in "$@"; do
      case "$argument" in
        --pwfile=*) file="\${argument#--pwfile=}" ;;
        --pgdata=*) cluster="\${argument#--pgdata=}" ;;
      esac
    done
    echo "$@" > "$cluster/arguments"; cat "$file" > "$cluster/password"; ls -ln "$file" > "$cluster/mode"; id -u > "$cluster/user"`);
    await initialiseDataFolder(folder, data, program);
    const read = (name: string): Promise<string> => readFile(join(data.path, name), 'utf8');
    const password = await readFile(join(folder, 'postgres-password'), 'utf8');
    expect(await read('password')).toBe(password);
    expect(await read('arguments')).not.toContain(password.trim());
    expect(await read('mode')).toMatch(/^-rw-------/);
    const user = Number(await read('user'));
    expect(user).toBeGreaterThan(0);
    expect((await stat(data.path)).uid).toBe(user);
  });
});
