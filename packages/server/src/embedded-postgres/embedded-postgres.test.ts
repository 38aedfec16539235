import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  access,
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { findPackage } from './binaries.ts';
import { type EmbeddedPostgres, type Surroundings, startEmbeddedPostgres } from './embedded-postgres.ts';
import { isAlive } from './process-identity.ts';

const isRoot = process.getuid?.() === 0;
let home: string;
let folder: string;
let surroundings: Surroundings;
let started: EmbeddedPostgres[];
let children: ChildProcess[];
let lines: string[];

beforeEach(async () => {
  home = await realpath(await mkdtemp('/var/tmp/theseus-test-'));
  await chmod(home, 0o755);
  folder = join(home, 'project', '.theseus');
  surroundings = { packageRoot: () => findPackage(), systemFolders: [join(home, 'system')] };
  [started, children, lines] = [[], [], []];
});

afterEach(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await Promise.all(started.map((postgres) => postgres.stop()));
  await rm(home, { recursive: true, force: true });
});

async function start(path = folder): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ folder: path, log: (line) => lines.push(line) }, surroundings);
  started.push(postgres);
  return postgres;
}

async function query(postgres: { connectionString: string }, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: postgres.connectionString });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat();
  } finally {
    await client.end();
  }
}

interface ChildAnswer {
  readonly kind: 'started' | 'refused';
  readonly connectionString: string;
  readonly dataFolder: string;
  readonly code?: string;
  readonly message?: string;
}

async function startInChild(path = folder): Promise<{ child: ChildProcess; answer: ChildAnswer }> {
  const script = fileURLToPath(new URL('start-in-child.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, answer: JSON.parse(line) as ChildAnswer };
}

async function kill(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function postmasterPid(postgres: { dataFolder: string }): Promise<number> {
  return Number.parseInt(await readFile(join(postgres.dataFolder, 'postmaster.pid'), 'utf8'), 10);
}

describe('startEmbeddedPostgres()', { timeout: 30_000 }, () => {
  it('makes a database with safe settings, on loopback only, and keeps its data over a stop', async () => {
    const first = await start();
    expect(first.tookOver).toBe(false);
    expect(
      await query(
        first,
        `select current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes'),
           current_setting('listen_addresses'), current_setting('unix_socket_directories'), current_setting('server_encoding'),
           datcollate, current_user::text, current_database()::text
         from pg_database where datname = current_database()`,
      ),
    ).toEqual(['on', 'on', 'on', '127.0.0.1', '', 'UTF8', 'C', 'theseus', 'theseus']);
    await query(first, 'create table kept as select 42 as n');
    await first.stop();
    await first.stop();

    const second = await start();
    expect(second.tookOver).toBe(false);
    expect(second.connectionString).toBe(first.connectionString);
    expect(await query(second, 'select n from kept')).toEqual([42]);
  });

  it('asks for the password, and writes it nowhere but in one private file', async () => {
    const postgres = await start();
    const { password } = new URL(postgres.connectionString);
    await expect(
      query({ connectionString: postgres.connectionString.replace(password, 'guess') }, 'select 1'),
    ).rejects.toThrow(/password authentication failed/);
    expect(await readFile(join(postgres.dataFolder, 'pg_hba.conf'), 'utf8')).not.toMatch(/^[^#]*\b(trust|md5|peer)\b/m);

    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
    const holders: string[] = [];
    for (const path of texts) if ((await readFile(path)).includes(password)) holders.push(path);
    expect(holders).toEqual([join(folder, 'postgres-password')]);
    expect((await stat(join(folder, 'postgres-password'))).mode & 0o777).toBe(0o600);
    expect((await stat(postgres.dataFolder)).mode & 0o777).toBe(0o700);
    expect(lines.join('\n')).not.toContain(password);
  });

  it('refuses a second server on the folder and leaves the first one alone', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'folder-in-use',
      message: expect.stringMatching(
        new RegExp(`^Cannot serve ${folder}: another Theseus server \\(process ${process.pid}\\)[^\n]+$`),
      ),
    });
    const { answer } = await startInChild();
    expect(answer).toMatchObject({ kind: 'refused', code: 'folder-in-use' });
    expect(await query(first, 'select 1')).toEqual([1]);
  });

  it('lets exactly one of two servers win that start at once on a new folder', async () => {
    const both = await Promise.all([startInChild(), startInChild()]);
    expect(both.map(({ answer }) => answer.kind).sort()).toEqual(['refused', 'started']);
    expect(both.find(({ answer }) => answer.kind === 'refused')?.answer.code).toBe('folder-in-use');
    const winner = both.find(({ answer }) => answer.kind === 'started');
    if (!winner) throw new Error('no winner');
    expect(await query(winner.answer, 'select 1')).toEqual([1]);
    await kill(winner.child);
    expect((await start()).tookOver).toBe(true);
  });

  it('takes over the server that a killed process left behind, with its data', async () => {
    const { child, answer } = await startInChild();
    await query(answer, 'create table kept as select 7 as n');
    const pid = await postmasterPid(answer);
    await kill(child);
    expect(await isAlive(pid)).toBe(true);

    const postgres = await start();
    expect(postgres.tookOver).toBe(true);
    expect(postgres.connectionString).toBe(answer.connectionString);
    expect(await postmasterPid(postgres)).toBe(pid);
    expect(await query(postgres, 'select n from kept')).toEqual([7]);
    await postgres.stop();
    expect(await isAlive(pid)).toBe(false);
  });

  it('goes on when a process was killed while it made the database', async () => {
    const script = fileURLToPath(new URL('start-in-child.mjs', import.meta.url));
    const child = spawn(process.execPath, [script, folder], { stdio: ['pipe', 'ignore', 'inherit'] });
    children.push(child);
    await vi.waitFor(
      async () => {
        const names = await readdir(folder);
        expect(names.some((name) => name.startsWith('postgres.unfinished-'))).toBe(true);
      },
      { timeout: 10_000, interval: 5 },
    );
    await kill(child);
    const postgres = await start();
    expect(await query(postgres, 'select 1')).toEqual([1]);
    expect((await readdir(folder)).filter((name) => /unfinished|start\.lock/.test(name))).toEqual([]);
  });

  it('starts a server that was killed again on the same port, so that pools go on', async () => {
    const postgres = await start();
    await query(postgres, 'create table kept as select 1 as n');
    const pool = new Pool({ connectionString: postgres.connectionString, max: 2 });
    pool.on('error', () => undefined);
    const restarts = (): number => lines.filter((line) => line.startsWith('PostgreSQL serves')).length;
    for (const round of [1, 2]) {
      await pool.query('insert into kept values (2)');
      const pid = await postmasterPid(postgres);
      process.kill(pid, 'SIGKILL');
      await vi.waitFor(() => expect(restarts()).toBe(round), { timeout: 30_000 });
      await vi.waitFor(() => pool.query('select 1'), { timeout: 30_000 });
      expect(await postmasterPid(postgres)).not.toBe(pid);
    }
    expect((await pool.query('select n from kept order by n')).rows.map(({ n }) => n)).toEqual([1, 2, 2]);
    await pool.end();
    await expect(start()).rejects.toMatchObject({ code: 'folder-in-use' });
  }, 60_000);

  it('recovers a database whose server and owner were both killed', async () => {
    const { child, answer } = await startInChild();
    await query(answer, 'create table kept as select 9 as n');
    const pid = await postmasterPid(answer);
    // The owner goes first, or it would start the server again.
    await kill(child);
    process.kill(pid, 'SIGKILL');
    const postgres = await start();
    expect(postgres.tookOver).toBe(false);
    expect(await query(postgres, 'select n from kept')).toEqual([9]);
  });

  it('starts over a stale postmaster.pid whose process id now is another program', async () => {
    const first = await start();
    const pidFile = await readFile(join(first.dataFolder, 'postmaster.pid'), 'utf8');
    await first.stop();
    await writeFile(join(first.dataFolder, 'postmaster.pid'), pidFile.replace(/^\d+/, String(process.ppid)));
    const second = await start();
    expect(second.tookOver).toBe(false);
    expect(await query(second, 'select 1')).toEqual([1]);
  });

  it('moves to another port when its own is taken', async () => {
    const first = await start();
    await first.stop();
    const taken = Number(new URL(first.connectionString).port);
    const server = createServer().listen(taken, '127.0.0.1');
    await once(server, 'listening');
    try {
      const second = await start();
      expect(Number(new URL(second.connectionString).port)).not.toBe(taken);
      expect(await query(second, 'select 1')).toEqual([1]);
    } finally {
      server.close();
    }
  });

  it('touches no data that it did not finish writing', async () => {
    await mkdir(join(folder, 'postgres'), { recursive: true });
    await writeFile(join(folder, 'postgres', 'PG_VERSION'), '18\n');
    await expect(start()).rejects.toMatchObject({
      code: 'postgres-unavailable',
      message: expect.stringContaining('move it away'),
    });
    expect(await readFile(join(folder, 'postgres', 'PG_VERSION'), 'utf8')).toBe('18\n');
  });

  it('says what is wrong with a folder it cannot use', async () => {
    await writeFile(join(home, 'file'), '');
    await expect(start(join(home, 'file'))).rejects.toMatchObject({ code: 'postgres-unavailable' });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'postgres.json'), '{"instance":');
    await expect(start()).rejects.toMatchObject({
      code: 'corrupt-record',
      message: expect.stringContaining('postgres.json'),
    });
  });
});

describe.skipIf(!isRoot)(
  'startEmbeddedPostgres() as root, in a folder that only root may enter',
  { timeout: 30_000 },
  () => {
    beforeEach(async () => {
      await mkdir(join(home, 'project'), { mode: 0o700 });
    });

    it('keeps the data where its user can reach them and finds them again, also when the folder moves', async () => {
      const first = await start();
      expect(first.dataFolder.startsWith(join(home, 'system', 'data'))).toBe(true);
      expect((await stat(first.dataFolder)).uid).not.toBe(0);
      await query(first, 'create table kept as select 5 as n');
      await first.stop();

      await rename(join(home, 'project'), join(home, 'moved'));
      const second = await start(join(home, 'moved', '.theseus'));
      expect(second.dataFolder).toBe(first.dataFolder);
      expect(await query(second, 'select n from kept')).toEqual([5]);
    });

    it('gives a copy of the folder, and a folder made anew, a database of its own', async () => {
      const first = await start();
      await query(first, 'create table kept as select 5 as n');
      await cp(folder, join(home, 'project', 'copy'), { recursive: true });
      const copy = await start(join(home, 'project', 'copy'));
      expect(copy.dataFolder).not.toBe(first.dataFolder);
      expect(await query(copy, `select to_regclass('kept')`)).toEqual([null]);
      await first.stop();
      await rm(folder, { recursive: true });
      const anew = await start();
      expect(anew.dataFolder).not.toBe(first.dataFolder);
      expect(lines).toContainEqual(
        expect.stringMatching(new RegExp(`^1 of .* may be removed: ${join(first.dataFolder, '..')}$`)),
      );
      expect(await query(anew, `select to_regclass('kept')`)).toEqual([null]);
    });

    it('refuses to replace staged data that are gone by an empty database', async () => {
      const first = await start();
      await first.stop();
      await rm(join(home, 'system', 'data'), { recursive: true });
      await expect(start()).rejects.toMatchObject({
        code: 'postgres-unavailable',
        message: expect.stringContaining('which is gone'),
      });
    });

    it('uses no system folder that others may write', async () => {
      await mkdir(join(home, 'system'));
      await chmod(join(home, 'system'), 0o777);
      await expect(start()).rejects.toMatchObject({ code: 'postgres-unavailable' });
      await expect(access(join(home, 'system', 'data'))).rejects.toThrow();
    });
  },
);
