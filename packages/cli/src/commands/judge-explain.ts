import type { RecordedEvent } from '@theseus/core/rollout';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { explainEvent, explainRun } from '../render/explain-run.ts';
import { type ServerOptions, withServerOptions } from './shared-options.ts';

/** `theseus judge explain`: why health is judged as it is, for whoever is on call. */
export function addJudgeExplain(judge: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    judge
      .command('explain')
      .description('say why the gates of a run judge as they do, with the numbers, or why they last acted')
      .argument('[run]', 'run id', 'latest'),
  )
    .addHelpText('after', '\nExamples:\n  $ theseus judge explain\n  $ theseus judge explain RUN --json')
    .action(async (runId: string, options: ServerOptions) => {
      const client = await connect(options);
      const output = outputFor(options);
      const run = await client.run(runId);
      const explained = explainRun(run);
      for (const judged of explained.judged) output.emit({ kind: 'explanation', ...judged });
      for (const metric of explained.metrics) output.emit({ kind: 'metric', run: run.runId, ...metric });
      for (const line of explained.lines) output.say(line);
      const acted = lastActs(await client.allEvents(run.runId, 0));
      for (const recorded of acted) output.emit({ kind: 'acted', ...recorded });
      for (const line of acted.flatMap(({ event }) => explainEvent(event))) output.say(line);
      if (explained.lines.length === 0 && acted.length === 0) output.say('Nothing was judged in this run yet');
      end(EXIT.done);
    });
}

/** What health led to last: as many as are read at a glance. */
const SHOWN = 3;

function lastActs(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  return events.filter(({ event }) => 'evidence' in event && event.evidence !== null).slice(-SHOWN);
}
