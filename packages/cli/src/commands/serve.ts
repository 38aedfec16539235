import { resolve } from 'node:path';
import {
  API_LIMITS,
  type ApiSettings,
  DEFAULT_PORT,
  prometheusFrom,
  startServer,
  type TheseusServer,
} from '@theseus/server';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import {
  BACKUPS,
  backupPlace,
  collectOrigin,
  collectVariableName,
  PLAN_VARIABLE,
  POSTGRES_TOOLS,
  wholeNumber,
} from './shared-options.ts';

export interface StartOptions {
  readonly data: string;
  readonly host?: string | undefined;
  readonly port: number;
  readonly allowRun?: boolean | undefined;
  /** False with --no-work. */
  readonly work?: boolean | undefined;
  readonly databaseUrl?: string | undefined;
  readonly prometheus?: string | undefined;
  readonly planVariable?: readonly string[] | undefined;
  readonly backups?: string | undefined;
  readonly postgresTools?: string | undefined;
  readonly corsOrigin?: readonly string[] | undefined;
  readonly maxStreams?: number | undefined;
  readonly maxStreamsPerToken?: number | undefined;
  readonly maxEvaluations?: number | undefined;
}

export function addServe(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('serve')
    .description('run the server: API, flag stream, engine and, unless told otherwise, an embedded PostgreSQL')
    .option('--data <folder>', 'where the embedded database and credentials are kept', '.theseus')
    .option('--host <address>', 'the address to listen on; loopback where absent')
    .option('--port <number>', '0 takes any free one', wholeNumber, DEFAULT_PORT)
    .option('--database-url <url>', 'use this PostgreSQL instead (DATABASE_URL)')
    .option('--prometheus <url>', 'the Prometheus of signals that name none (THESEUS_PROMETHEUS_URL)')
    .option('--allow-run', 'let plans run commands here')
    .option('--plan-variable <name>', PLAN_VARIABLE, collectVariableName)
    .option('--backups <folder>', BACKUPS)
    .option('--postgres-tools <folder>', POSTGRES_TOOLS)
    .option('--no-work', "leave the effects of runs to 'theseus worker' processes on the same PostgreSQL")
    .option('--cors-origin <origin>', 'let pages of this origin evaluate flags; may be repeated', collectOrigin)
    .option('--max-streams <number>', 'open at once, of all kinds', wholeNumber, API_LIMITS.maxStreams)
    .option('--max-streams-per-token <number>', 'open at once', wholeNumber, API_LIMITS.maxStreamsPerToken)
    .option(
      '--max-evaluations <number>',
      'over HTTP, of one token, in a second',
      wholeNumber,
      API_LIMITS.maxEvaluationsPerSecond,
    )
    .option('--verbose', 'tell more of what happens')
    .option('--json', 'print NDJSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus serve\n  $ theseus serve --cors-origin https://app.example\n  $ theseus serve --port 0 --data ./.theseus --allow-run\n  $ DATABASE_URL=postgres://user@db/theseus theseus serve --host 0.0.0.0\n  $ theseus serve --no-work --database-url postgres://user@db/theseus',
    )
    .action(async (options: StartOptions & { json?: boolean; verbose?: boolean }) => {
      const output = outputFor(options);
      const server = await startHere(options, output, options.verbose ?? false);
      output.say(`Theseus serves at ${server.url}`);
      output.emit({ kind: 'serving', url: server.url, pid: process.pid });
      await untilStopped(output);
      await server.stop();
      end(EXIT.done);
    });
}

/** Starts a server in this process and shows its tokens, if these were just made. */
export function startHere(options: StartOptions, output: Output, isVerbose: boolean): Promise<TheseusServer> {
  const databaseUrl = options.databaseUrl ?? process.env['DATABASE_URL'];
  const prometheus = prometheusFrom(options.prometheus);
  return startServer({
    folder: resolve(options.data),
    port: options.port,
    allowRun: options.allowRun ?? false,
    work: options.work ?? true,
    ...(options.host === undefined ? {} : { host: options.host }),
    ...(databaseUrl === undefined || databaseUrl === '' ? {} : { databaseUrl }),
    ...(prometheus === undefined ? {} : { prometheus }),
    ...(options.planVariable === undefined ? {} : { planVariables: options.planVariable }),
    ...backupPlace(options),
    api: apiSettings(options),
    log: (level, message) => {
      if (isVerbose || level === 'warn' || level === 'error') output.warn(`${level}: ${message}`);
    },
    onTokens: ({ operator, sdk }) => {
      output.say('New tokens, shown this once:');
      output.say(`  operator  ${operator}   THESEUS_TOKEN for people and CI`);
      output.say(`  sdk       ${sdk}   for applications`);
      output.emit({ kind: 'tokens', operator, sdk });
    },
  });
}

function apiSettings(options: StartOptions): ApiSettings {
  const { corsOrigin, maxStreams, maxStreamsPerToken, maxEvaluations } = options;
  return {
    ...(corsOrigin === undefined ? {} : { corsOrigins: corsOrigin }),
    ...(maxStreams === undefined ? {} : { maxStreams }),
    ...(maxStreamsPerToken === undefined ? {} : { maxStreamsPerToken }),
    ...(maxEvaluations === undefined ? {} : { maxEvaluationsPerSecond: maxEvaluations }),
  };
}

/** Waits until somebody asks this process to stop; asked once more, it stops at once. */
export async function untilStopped(output: Output): Promise<void> {
  const signal = await nextSignal();
  output.warn(`${signal}: stopping; once more stops at once`);
  process.once('SIGINT', () => process.exit(EXIT.failed));
  process.once('SIGTERM', () => process.exit(EXIT.failed));
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolveSignal) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolveSignal(signal));
  });
}
