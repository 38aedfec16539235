import { join } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { lastLine, runCommand } from '../commands/run-command.ts';
import type { BackupWork } from './backup-work.ts';

/** Where a database is, as PostgreSQL's own programs read it: by variables, since arguments are seen by every user of the machine. */
export type Place = Readonly<Record<string, string>>;

const TOOL_TIMEOUT_MS = 86_400_000;

/** How this worker reaches databases that a plan names only; an address has to bring all of it, or it would carry a password elsewhere. */
function ownPlace(): Place {
  const names = ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGSSLMODE', 'PGSSLROOTCERT'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

/**
 * A database by its name, or by its address with references filled in; `postgres://user:password@host:port/database?sslmode=…`.
 *
 * @throws TheseusError `invalid-argument` for an address that cannot be read, without showing it
 */
export function placeOf(filled: string): Place {
  if (!/^postgres(?:ql)?:\/\//.test(filled)) return { ...ownPlace(), PGDATABASE: filled };
  if (!URL.canParse(filled)) {
    throw new TheseusError(
      'invalid-argument',
      'The address of the database, with its secrets filled in, cannot be read: write postgres://user:password@host:port/database',
    );
  }
  const { hostname, port, username, password, pathname, searchParams } = new URL(filled);
  const given = {
    PGHOST: decodeURIComponent(hostname) || (searchParams.get('host') ?? ''),
    PGPORT: port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    PGSSLMODE: searchParams.get('sslmode') ?? '',
    PGSSLROOTCERT: searchParams.get('sslrootcert') ?? '',
  };
  // An empty password stays, so that none of this worker's own is looked for.
  return Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== '' || name === 'PGPASSWORD'));
}

/** @throws TheseusError `unsupported` where the program is missing, `database-failed` with its last line where it fails */
export async function runTool(
  { folder, toolsFolder, signal }: BackupWork,
  program: string,
  args: readonly string[],
  place: Place,
): Promise<string> {
  const path = toolsFolder === undefined ? program : join(toolsFolder, program);
  const end = await runCommand([path, ...args], { folder, timeoutMs: TOOL_TIMEOUT_MS, signal, variables: place });
  if (end.exitCode === 0) return end.output;
  if (end.problem?.startsWith('there is no program')) {
    throw new TheseusError(
      'unsupported',
      `Cannot find ${program}: install PostgreSQL's client programs (Debian: postgresql-client), or name their folder by --postgres-tools`,
    );
  }
  throw new TheseusError('database-failed', `${program} failed: ${end.problem ?? lastLine(end.output)}`);
}

/** @throws TheseusError `unsupported` for a program older than the server: it would not know all there is to save */
export async function requireTool(work: BackupWork, program: string, serverMajor: number): Promise<void> {
  const version = await runTool(work, program, ['--version'], {});
  const major = Number(/\b(\d+)(?:\.\d+|devel|beta|rc)/.exec(version)?.[1] ?? 0);
  if (major >= serverMajor) return;
  throw new TheseusError(
    'unsupported',
    `${program} is of version ${major} and the server of ${serverMajor}: install postgresql-client-${serverMajor}, or name its folder by --postgres-tools`,
  );
}
