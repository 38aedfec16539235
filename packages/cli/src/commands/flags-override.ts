import { randomUUID } from 'node:crypto';
import { DEFAULT_ENVIRONMENT } from '@theseus/core/flag';
import type { Command } from 'commander';
import type { OverrideTo } from '../api-client/api-client.ts';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { describeEvent, utcClock } from '../render/describe-event.ts';
import { withoutControls } from '../render/without-controls.ts';
import { personName, requireReason, type ServerOptions, withEnvironment } from './shared-options.ts';

interface FlagOptions extends ServerOptions {
  readonly environment?: string;
  readonly reason?: string;
  readonly as?: string;
}

interface Decision {
  readonly name: 'allow' | 'deny' | 'clear';
  readonly description: string;
  readonly to: OverrideTo;
  readonly example: string;
}

const DECISIONS: readonly Decision[] = [
  {
    name: 'allow',
    description: 'let subjects in over any percentage, as long as the flag is exposed at all',
    to: 'candidate',
    example: "theseus flags allow cv-analyzer user-17 --reason 'asked for it'",
  },
  {
    name: 'deny',
    description: 'send subjects back to legacy and keep them there',
    to: 'legacy',
    example: "theseus flags deny cv-analyzer user-17 user-18 --reason 'their export breaks'",
  },
  {
    name: 'clear',
    description: 'undo allow and deny: the plan decides about the subjects again',
    to: null,
    example: "theseus flags clear cv-analyzer user-17 --reason 'mended in 2.3.1'",
  },
];

/** `theseus flags allow`, `deny`, `clear` and `overrides`: subjects one by one, over any percentage; no automation undoes it. */
export function addFlagsOverriding(flags: Command, end: (code: ExitCode) => void): void {
  for (const decision of DECISIONS) addDecision(flags, decision, end);
  withEnvironment(
    flags
      .command('overrides')
      .description('list subjects about whom people have decided: who, which arm, by whom and why')
      .argument('<flag>', 'the flag'),
    ABSENT,
  )
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus flags overrides cv-analyzer\n  $ theseus flags overrides cv-analyzer --json',
    )
    .action(async (flag: string, options: FlagOptions) => {
      const { runId, overrides } = await (await connect(options)).overrides(flag, options.environment);
      const output = outputFor(options);
      output.emit({ kind: 'overrides', flag, runId, overrides });
      if (overrides.length === 0) output.say(`nobody has decided about a subject of ${flag}`);
      for (const { subject, arm, by, reason, at } of overrides) {
        const why = at === null ? 'decided in an earlier run' : `${reason} [${by}, ${utcClock(at)}]`;
        output.say(withoutControls(`${subject}  ${arm}  ${why}`));
      }
      end(EXIT.done);
    });
}

const ABSENT = `${DEFAULT_ENVIRONMENT} where absent`;

function addDecision(
  flags: Command,
  { name, description, to, example }: Decision,
  end: (code: ExitCode) => void,
): void {
  withEnvironment(
    flags
      .command(name)
      .description(description)
      .argument('<flag>', 'the flag')
      .argument('<subjects...>', 'keys of subjects, as the plan buckets them'),
    ABSENT,
  )
    .option('--reason <text>', 'why (required); stays in the record')
    .option('--as <person>', 'who acts; the user of this machine where absent')
    .addHelpText('after', `\nExamples:\n  $ ${example}`)
    .action(async (flag: string, subjects: readonly string[], options: FlagOptions) => {
      const request = {
        subjects,
        to,
        reason: requireReason(options.reason, `flags ${name}`),
        person: personName(options.as),
        commandId: randomUUID(),
      };
      const { run, events } = await (await connect(options)).override(flag, options.environment, request);
      const output = outputFor(options);
      for (const { event } of events) {
        output.emit({ kind: 'event', ...event });
        output.say(describeEvent(event));
      }
      if (events.length === 0) output.say('nothing to do: it is so already');
      const isDark = run.flags.some(({ key, exposurePercent }) => key === flag && exposurePercent === 0);
      if (to === 'candidate' && isDark) {
        output.say(`${flag} is at 0 %: whoever is let in takes the candidate from when its ramp begins.`);
      }
      output.emit({ kind: 'run', run });
      end(EXIT.done);
    });
}
