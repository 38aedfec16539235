import { TheseusError } from '@theseus/core/error';
import type { RunView } from '@theseus/core/rollout';
import type { Command } from 'commander';
import type { ApiClient } from '../api-client/api-client.ts';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { flagMetricLines } from '../render/metric-lines.ts';
import { type ServerOptions, withServerOptions } from './shared-options.ts';

/** Runs in which a flag is looked for, the newest first. */
const LOOKED_THROUGH = 100;

/** `theseus compare`: what users of each variant have reached. */
export function addCompare(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('compare')
      .description('compare variants by what their users reached, with an interval that holds however often one looks')
      .argument('[of]', 'run id, or a flag of a newest run', 'latest'),
  )
    .addHelpText(
      'after',
      `
A variant is better or worse only when the whole interval says so. The user is the unit, and counts once.

Examples:
  $ theseus compare
  $ theseus compare reply-style
  $ theseus compare RUN --json`,
    )
    .action(async (of: string, options: ServerOptions) => {
      const client = await connect(options);
      const output = outputFor(options);
      const { run, flag } = await runOf(client, of);
      const views = run.flags.filter(({ key }) => flag === null || key === flag);
      for (const past of views.flatMap(({ pastMetrics = [] }) => pastMetrics)) {
        output.emit({ kind: 'past-metric', run: run.runId, ...past });
      }
      const metrics = views.flatMap((view) => view.metrics ?? []);
      for (const metric of metrics) output.emit({ kind: 'metric', run: run.runId, ...metric });
      for (const line of views.flatMap(flagMetricLines)) output.say(line);
      if (metrics.length === 0) {
        const what = flag === null ? `Run ${run.runId}` : `Flag '${flag}' in run ${run.runId}`;
        output.say(`${what} measures nothing: give its plan a signal '{ goal: … }' and a flag 'metrics: [ … ]'`);
      }
      end(EXIT.done);
    });
}

interface Compared {
  readonly run: RunView;
  /** The only one that is meant; null for all. */
  readonly flag: string | null;
}

/** The run of that id, or the newest one with a flag of that name. */
async function runOf(client: ApiClient, of: string): Promise<Compared> {
  try {
    return { run: await client.run(of), flag: null };
  } catch (error) {
    if (!(error instanceof TheseusError) || error.code !== 'not-found' || of === 'latest') throw error;
    const runs = await client.runs(LOOKED_THROUGH);
    const run = runs.find(({ flags }) => flags.some(({ key }) => key === of));
    if (run !== undefined) return { run, flag: of };
    const message = `There is no run and no flag '${of}': see \`theseus status --all\` for the runs there are`;
    throw new TheseusError('not-found', message, { cause: error });
  }
}
