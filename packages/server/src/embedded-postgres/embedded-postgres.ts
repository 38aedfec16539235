import { access, chmod, constants, mkdir, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errorText, TheseusError } from '@theseus/core/error';
import { isRoot } from './account.ts';
import { findPackage } from './binaries.ts';
import { type BringUp, bringUp } from './bring-up.ts';
import { connectionString } from './connection.ts';
import { Supervisor } from './supervisor.ts';
import { SYSTEM_FOLDERS } from './system-folder.ts';

export interface EmbeddedPostgresOptions {
  /** The `.theseus` folder beside the plan; made when it is not there. */
  readonly folder: string;
  /** Called with one line for whatever a person may want to know. */
  readonly log?: (message: string) => void;
}

/** A PostgreSQL of our own. It is started again when it dies, on the same port, until it is stopped. */
export interface EmbeddedPostgres {
  /** Holds the password: keep it out of logs. It stays the same when the server is started again. */
  readonly connectionString: string;
  /** True when the server had been left running by a process that was killed. */
  readonly tookOver: boolean;
  readonly dataFolder: string;
  /** Shuts the server down and gives the folder free. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

/** What a test puts in the place of this machine. */
export interface Surroundings {
  readonly packageRoot: () => string;
  readonly systemFolders: readonly string[];
}

const THIS_MACHINE: Surroundings = { packageRoot: () => findPackage(), systemFolders: SYSTEM_FOLDERS };

/**
 * Starts the PostgreSQL that belongs to a `.theseus` folder, or takes over the one that a killed process left there.
 *
 * @throws TheseusError `folder-in-use` when another Theseus server serves the folder; `postgres-unavailable` when
 * PostgreSQL cannot run here, with what to do; `corrupt-record` when files of the folder are damaged.
 *
 * @example
 * const postgres = await startEmbeddedPostgres({ folder: '.theseus' });
 * const pool = new Pool({ connectionString: postgres.connectionString });
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
  surroundings: Surroundings = THIS_MACHINE,
): Promise<EmbeddedPostgres> {
  const folder = await prepareFolder(options.folder);
  const log = options.log ?? ((): void => undefined);
  const request: BringUp = { folder, log, ...surroundings, fixedPort: null };
  const running = await bringUp(request);
  const supervisor = new Supervisor(request, running);
  return {
    connectionString: connectionString(running.access),
    tookOver: running.tookOver,
    dataFolder: running.dataFolder,
    stop: () => supervisor.stop(),
  };
}

async function prepareFolder(path: string): Promise<string> {
  try {
    // Root lets the user of PostgreSQL pass through; the files inside are private.
    if (await mkdir(resolve(path), { recursive: true })) await chmod(resolve(path), isRoot() ? 0o711 : 0o700);
    const folder = await realpath(path);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return folder;
  } catch (error) {
    throw new TheseusError(
      'postgres-unavailable',
      `Cannot write in the folder ${resolve(path)}: ${errorText(error)}; choose another folder, or set DATABASE_URL`,
      { cause: error },
    );
  }
}
