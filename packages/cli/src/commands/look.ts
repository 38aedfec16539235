import { writeFile } from 'node:fs/promises';
import type { RunView } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import type { Command } from 'commander';
import type { ApiClient } from '../api-client/api-client.ts';
import { connect } from '../api-client/connect.ts';
import { followRun } from '../api-client/follow-run.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { formatEventLine, utcClock } from '../render/describe-event.ts';
import { findingLines } from '../render/finding-lines.ts';
import { renderRun } from '../render/render-run.ts';
import { renderReport } from '../render/report.ts';
import { watchRun } from '../render/watch-run.ts';
import { withoutControls } from '../render/without-controls.ts';
import { exitCodeOf } from './actions.ts';
import { type ServerOptions, wholeNumber, withServerOptions } from './shared-options.ts';

const WIDE = 120;

/** The commands that look and change nothing. */
export function addLooking(program: Command, end: (code: ExitCode) => void): void {
  addStatus(program, end);
  addWatch(program, end);
  addEvents(program, end);
  addReport(program, end);
}

function addStatus(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('status')
      .description('show a run as it is now, and what it waits for')
      .argument('[run]', 'run id; all runs with --all', 'latest'),
  )
    .option('--all', 'list the newest runs')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus status\n  $ theseus status --all\n  $ theseus status cvplus-20260504-1a2b3c --json\n\nExit code: 0 succeeded, 1 failed or rolled back, 3 still held or waiting',
    )
    .action(async (runId: string, options: ServerOptions & { all?: boolean }) => {
      const client = await connect(options);
      const output = outputFor(options);
      if (options.all) {
        const runs = await client.runs(20);
        for (const run of runs) output.emit({ kind: 'run', run });
        if (runs.length === 0) output.say("No run yet: start one with 'theseus run plan.yaml'");
        for (const run of runs) output.say(runLine(run));
        return end(EXIT.done);
      }
      const run = await client.run(runId);
      output.emit({ kind: 'run', run });
      for (const line of renderRun(run, { width: process.stdout.columns ?? WIDE, color: output.color }))
        output.say(line);
      if (run.status !== 'finished') await tellOfCommands(client, output);
      end(exitCodeOf(run));
    });
}

/** A run whose command nobody may run waits in silence: that is said here. */
async function tellOfCommands(client: ApiClient, output: Output): Promise<void> {
  const { findings } = await client.doctor('commands');
  for (const finding of findings.filter(({ status }) => status === 'fail')) {
    output.emit({ kind: 'finding', ...finding });
    for (const line of findingLines(finding)) output.say(line);
  }
}

function runLine(run: RunView): string {
  const took = formatDuration((run.endedAt ?? run.now) - run.startedAt);
  const place = run.environment === 'default' ? '' : `${run.environment}  `;
  const state = run.outcome ?? run.status;
  return withoutControls(`${run.runId}  ${place}${state}  ${utcClock(run.startedAt)} UTC  ${took}  ${run.title}`);
}

function addWatch(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('watch')
      .description('watch a run live: phases, exposure, signals against thresholds, and what it waits for')
      .argument('[run]', 'run id', 'latest'),
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus watch\n  $ theseus watch RUN --json\n\nPress q to stop watching; the run goes on.',
    )
    .action(async (runId: string, options: ServerOptions) => {
      const run = await watchRun(await connect(options), runId, outputFor(options));
      end(run === null ? EXIT.waiting : exitCodeOf(run));
    });
}

function addEvents(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program.command('events').description('print the record of a run').argument('[run]', 'run id', 'latest'),
  )
    .option('--after <number>', 'only events after this number', wholeNumber, 0)
    .option('-f, --follow', 'go on with new events until the run ends')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus events\n  $ theseus events --follow --json\n  $ theseus events RUN --after 120',
    )
    .action(async (runId: string, options: ServerOptions & { after: number; follow?: boolean }) => {
      const client = await connect(options);
      const output = outputFor(options);
      const { runId: id } = await client.run(runId);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      if (!options.follow) {
        for (const recorded of await client.allEvents(id, options.after)) {
          output.emit(recorded);
          output.say(`${String(recorded.seq).padStart(4)}  ${formatEventLine(recorded.event, utcClock)}`);
        }
        return end(EXIT.done);
      }
      for await (const followed of followRun(client, id, options.after, stop.signal)) {
        if (followed.kind === 'lost') output.warn(`connection lost (${followed.why}); trying again`);
        if (followed.kind === 'back') output.warn('connected again');
        if (followed.kind === 'event') {
          output.emit(followed.recorded);
          output.say(
            `${String(followed.recorded.seq).padStart(4)}  ${formatEventLine(followed.recorded.event, utcClock)}`,
          );
        }
        if (followed.kind === 'view' && followed.view.status === 'finished') break;
      }
      stop.abort();
      end(EXIT.done);
    });
}

function addReport(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('report')
      .description('write what was planned and what happened, as Markdown')
      .argument('[run]', 'run id', 'latest'),
  )
    .option('-o, --out <file>', 'write to a file')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus report > report.md\n  $ theseus report RUN --out report.md\n  $ theseus report --json',
    )
    .action(async (runId: string, options: ServerOptions & { out?: string }) => {
      const client = await connect(options);
      const run = await client.run(runId);
      const events = await client.allEvents(run.runId);
      const output = outputFor(options);
      output.emit({ kind: 'report', run, events });
      const report = renderReport(run, events);
      if (options.out === undefined) output.say(report.trimEnd());
      else {
        await writeFile(options.out, report);
        output.say(`written to ${options.out}`);
      }
      end(EXIT.done);
    });
}
