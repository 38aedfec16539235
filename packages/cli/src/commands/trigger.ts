import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { describeEvent } from '../render/describe-event.ts';
import { personName, requireReason, type ServerOptions, withServerOptions } from './shared-options.ts';

export function addTrigger(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('trigger')
      .description('let a contingency of the plan act, whatever its condition says')
      .argument('<name>', 'the contingency')
      .argument('[run]', 'run id', 'latest'),
  )
    .option('--reason <text>', 'why (required); stays in the record')
    .option('--as <person>', 'who acts; the user of this machine where absent')
    .addHelpText('after', "\nExamples:\n  $ theseus trigger provider-is-down --reason 'their status page says so'")
    .action(async (name: string, runId: string, options: ServerOptions & { reason?: string; as?: string }) => {
      const { run, events } = await (await connect(options)).command(runId, {
        verb: { verb: 'trigger', name },
        reason: requireReason(options.reason, 'trigger'),
        person: personName(options.as),
        commandId: randomUUID(),
      });
      const output = outputFor(options);
      for (const { event } of events) {
        output.emit({ kind: 'event', ...event });
        output.say(describeEvent(event));
      }
      if (events.length === 0) output.say('nothing to do: it acts already');
      output.emit({ kind: 'run', run });
      end(EXIT.done);
    });
}
