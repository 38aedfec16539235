import { setTimeout as sleep } from 'node:timers/promises';
import { backupRunner } from '../backups/backup-runner.ts';
import { runCommand } from '../commands/run-command.ts';
import { baselineRunner } from '../effects/baseline-runner.ts';
import { commandRunner } from '../effects/command-runner.ts';
import { messageRunner } from '../effects/message-runner.ts';
import { probeRunner } from '../effects/probe-runner.ts';
import type { EffectRunners } from '../engine/effect-executor.ts';
import type { Log } from '../ports/log.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { measure } from '../sources/telemetry-source.ts';
import type { SignalSources } from './signal-reader-for.ts';

export interface WorkerSettings {
  readonly allowRun: boolean;
  /** Where commands of plans run. */
  readonly workFolder: string;
  readonly log: Log;
  readonly fillSecrets: FillSecrets;
  readonly backups?: BackupPlace;
}

/** Where this worker keeps the backups that plans ask for by `postgres` or `http`. */
export interface BackupPlace {
  readonly folder: string;
  /** Where pg_dump and pg_restore are; on the PATH unless given. */
  readonly toolsFolder?: string;
}

export function effectRunners(histories: SignalSources['histories'], settings: WorkerSettings): EffectRunners {
  const commands = { allowRun: settings.allowRun, folder: settings.workFolder, run: runCommand };
  return {
    probe: probeRunner({ ...commands, fillSecrets: settings.fillSecrets }),
    command: backupRunner(
      {
        folder: settings.allowRun ? settings.backups?.folder : undefined,
        toolsFolder: settings.backups?.toolsFolder,
        fillSecrets: settings.fillSecrets,
        now: Date.now,
      },
      commandRunner(commands),
    ),
    message: messageRunner((text) => settings.log('info', text), settings.fillSecrets),
    baseline: baselineRunner({
      ...histories,
      measure,
      now: Date.now,
      pause: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined),
    }),
  };
}
