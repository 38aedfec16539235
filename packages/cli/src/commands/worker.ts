import { resolve } from 'node:path';
import { prometheusFrom, startWorker } from '@theseus/server';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { untilStopped } from './serve.ts';
import { BACKUPS, backupPlace, collectVariableName, PLAN_VARIABLE, POSTGRES_TOOLS } from './shared-options.ts';

interface WorkerCommandOptions {
  readonly databaseUrl?: string;
  readonly folder: string;
  readonly prometheus?: string;
  readonly allowRun?: boolean;
  readonly planVariable?: readonly string[];
  readonly backups?: string;
  readonly postgresTools?: string;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ DATABASE_URL=postgres://user@db/theseus theseus worker
  $ theseus worker --database-url postgres://user@db/theseus --allow-run --folder /srv/ops

Commands of plans go to workers with --allow-run only. 'theseus doctor' says when none lives.`;

export function addWorker(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('worker')
    .description('carry out effects of runs (probes, messages, commands) for the servers of a PostgreSQL')
    .option('--database-url <url>', 'the PostgreSQL of the servers (DATABASE_URL)')
    .option('--folder <folder>', 'where commands of plans run', '.')
    .option('--prometheus <url>', 'the Prometheus of signals that name none (THESEUS_PROMETHEUS_URL)')
    .option('--allow-run', 'let plans run commands here')
    .option('--backups <folder>', BACKUPS)
    .option('--postgres-tools <folder>', POSTGRES_TOOLS)
    .option('--plan-variable <name>', PLAN_VARIABLE, collectVariableName)
    .option('--verbose', 'tell more of what happens')
    .option('--json', 'print NDJSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: WorkerCommandOptions) => {
      const output = outputFor(options);
      const prometheus = prometheusFrom(options.prometheus);
      const worker = await startWorker({
        ...(prometheus === undefined ? {} : { prometheus }),
        ...(options.planVariable === undefined ? {} : { planVariables: options.planVariable }),
        ...backupPlace(options),
        databaseUrl: options.databaseUrl ?? process.env['DATABASE_URL'] ?? '',
        allowRun: options.allowRun ?? false,
        workFolder: resolve(options.folder),
        log: (level, message) => {
          if (options.verbose || level === 'warn' || level === 'error') output.warn(`${level}: ${message}`);
        },
      });
      output.say(`Theseus works here (process ${process.pid}), ${options.allowRun ? 'commands too' : 'no commands'}`);
      output.emit({
        kind: 'working',
        machineId: worker.machineId,
        pid: process.pid,
        allowRun: options.allowRun ?? false,
      });
      await untilStopped(output);
      await worker.stop();
      end(EXIT.done);
    });
}
