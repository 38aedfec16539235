import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, cp, lstat, mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canEnter, isRoot, spawnOptions } from './account.ts';
import { type BinariesRequest, findPackage, prepareBinaries } from './binaries.ts';

const NOBODY = { uid: 65_534, gid: 65_534 };
const run = promisify(execFile);
let home: string;
let packageRoot: string;

beforeEach(async () => {
  home = await realpath(await mkdtemp('/var/tmp/theseus-binaries-'));
  await chmod(home, 0o755);
  packageRoot = join(home, 'installed', 'package');
  await mkdir(join(home, 'folder'));
});

afterEach(async () => {
  await chmod(join(packageRoot, 'native', 'lib'), 0o755).catch(() => undefined);
  await rm(home, { recursive: true, force: true });
});

/** An installation whose install script was not run. */
async function installWithoutScripts(): Promise<void> {
  const from = findPackage();
  const links = (
    JSON.parse(await readFile(join(from, 'native', 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  ).map(({ target }) => join(from, target));
  await mkdir(packageRoot, { recursive: true });
  const filter = (source: string): boolean =>
    !links.includes(source) && !source.endsWith('.a') && !source.includes(`${sep}pgxs`);
  await cp(from, packageRoot, { recursive: true, filter });
}

function request(changes: Partial<BinariesRequest> = {}): BinariesRequest {
  return {
    packageRoot,
    account: null,
    folder: join(home, 'folder'),
    systemFolders: [join(home, 'system')],
    ...changes,
  };
}

describe('findPackage()', () => {
  it.each([
    ['win32', 'x64'],
    ['linux', 'ia32'],
    ['freebsd', 'x64'],
  ])('asks for DATABASE_URL on %s-%s', (platform, arch) => {
    expect(() => findPackage(platform, arch)).toThrow(
      expect.objectContaining({
        code: 'postgres-unavailable',
        message: expect.stringMatching(/^[^\n]*DATABASE_URL[^\n]*$/),
      }),
    );
  });

  it('asks for DATABASE_URL when npm left the package of the platform out', () => {
    const other = `${process.platform === 'linux' ? 'darwin' : 'linux'}`;
    expect(() => findPackage(other, process.arch)).toThrow(
      /not installed: install without --omit=optional; set DATABASE_URL/,
    );
  });
});

describe('prepareBinaries()', { timeout: 30_000 }, () => {
  it('makes the links of an installation whose scripts were not run', async () => {
    await installWithoutScripts();
    const { initdb, postgres } = await prepareBinaries(request());
    expect(postgres).toBe(join(packageRoot, 'native', 'bin', 'postgres'));
    for (const program of [initdb, postgres])
      expect((await run(program, ['--version'])).stdout).toMatch(/PostgreSQL\) 18/);
  });

  it.skipIf(!isRoot())('copies binaries to where the user that runs them can reach them, once', async () => {
    await installWithoutScripts();
    await chmod(join(home, 'installed'), 0o700);
    const first = await prepareBinaries(request({ account: NOBODY }));
    expect(first.postgres.startsWith(join(home, 'system', 'binaries'))).toBe(true);
    expect((await run(first.postgres, ['--version'], spawnOptions(NOBODY))).stdout).toMatch(/PostgreSQL\) 18/);
    expect((await stat(first.postgres)).mode & 0o022).toBe(0);
    const { ino } = await lstat(first.postgres);
    expect(await prepareBinaries(request({ account: NOBODY }))).toEqual(first);
    expect((await lstat(first.postgres)).ino).toBe(ino);
  });

  it('says in one line that binaries are missing, and what to do', async () => {
    await mkdir(packageRoot, { recursive: true });
    await expect(prepareBinaries(request())).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringMatching(/^[^\n]*bin\/postgres is missing or unreadable; set DATABASE_URL[^\n]*$/),
    });
  });

  it('names musl when the loader of the binaries is missing', async () => {
    const bin = join(packageRoot, 'native', 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, 'postgres'), '#!/lib/no-such-loader.so\n', { mode: 0o755 });
    await expect(prepareBinaries(request())).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringMatching(/Alpine.*DATABASE_URL/),
    });
  });
});

describe('an ordinary user with a read-only installation whose scripts were not run', () => {
  it('is served by a copy in the folder', { timeout: 60_000 }, async ({ skip }) => {
    const script = fileURLToPath(new URL('start-in-child.mjs', import.meta.url));
    const account = isRoot() ? NOBODY : null;
    skip(
      !(await canEnter(account, fileURLToPath(new URL('.', import.meta.url)))),
      'the user may not enter this checkout',
    );
    await installWithoutScripts();
    await chmod(join(packageRoot, 'native', 'lib'), 0o555);
    const folder = join(home, 'folder', '.theseus');
    if (account) await chown(join(home, 'folder'), account.uid, account.gid);

    const child = spawn(process.execPath, [script, folder, packageRoot], {
      ...spawnOptions(account),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const answer = JSON.parse(line) as { kind: string; connectionString: string };
    expect(answer).toMatchObject({ kind: 'started', tookOver: false, dataFolder: join(folder, 'postgres') });
    const client = new Client({ connectionString: answer.connectionString });
    await client.connect();
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect((await stat(join(folder, 'binaries'))).isDirectory()).toBe(true);
    child.stdin.end();
    expect(await exit).toEqual([0, null]);
  });
});
