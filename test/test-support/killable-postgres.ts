import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../packages/server/src/embedded-postgres/embedded-postgres.ts';

/** A PostgreSQL that can be killed as a whole: it comes back on the same port, with what it had made durable. */
export interface KillablePostgres {
  readonly url: string;
  kill(): Promise<void>;
  close(): Promise<void>;
}

export async function killablePostgres(): Promise<KillablePostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-kill-'));
  await chmod(folder, 0o755);
  const postgres = await startEmbeddedPostgres({ folder });
  return {
    url: postgres.connectionString,
    kill: async () => {
      const pidFile = await readFile(join(postgres.dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
      const pid = Number.parseInt(pidFile, 10);
      // Between two lives there is nobody to be killed.
      if (pid > 0) killProcess(pid);
    },
    close: async () => {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
