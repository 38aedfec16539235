import { randomUUID } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import type { RunView, Verb } from '@theseus/core/rollout';
import { parseDuration } from '@theseus/core/time';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { describeEvent, waitText } from '../render/describe-event.ts';
import { personName, requireReason, type ServerOptions, wholeNumber, withServerOptions } from './shared-options.ts';

interface ActionOptions extends ServerOptions {
  readonly reason?: string;
  readonly as?: string;
  readonly revision?: number;
  readonly step?: string;
  readonly flag?: string;
  readonly phase?: string;
  readonly plan?: boolean;
  readonly to?: string;
  readonly over?: string;
  readonly toEnd?: boolean;
  readonly andAfter?: boolean;
  readonly all?: boolean;
}

interface Action {
  readonly name: Verb['verb'];
  readonly description: string;
  readonly options?: (command: Command) => Command;
  readonly verb: (options: ActionOptions) => Verb;
  readonly examples: readonly string[];
  /** An emergency stop is never held up by a missing reason. */
  readonly reasonWhenNone?: string;
}

const withStep = (command: Command): Command => command.option('--step <step>', 'which step, where more than one fits');
const stepOf = ({ step }: ActionOptions) => (step === undefined ? {} : { stepId: step });
const NO_REASON = 'no reason given';

const ACTIONS: readonly Action[] = [
  {
    name: 'pause',
    description: 'stop every move; health is still judged and rollback still works',
    options: (command) => command.option('--all', 'every run, those that start meanwhile included'),
    verb: () => ({ verb: 'pause' }),
    examples: ["theseus pause --reason 'incident elsewhere'", "theseus pause --all --reason 'the network is down'"],
  },
  {
    name: 'resume',
    description: 'let a paused run go on',
    options: (command) => command.option('--all', 'every run that only the whole system paused'),
    verb: () => ({ verb: 'resume' }),
    examples: ["theseus resume --reason 'incident over'", "theseus resume --all --reason 'the network is back'"],
  },
  {
    name: 'hold',
    description: 'keep one step where it is; nothing but a person ends it',
    options: withStep,
    verb: (options) => ({ verb: 'hold', ...stepOf(options) }),
    examples: ["theseus hold --step low-risk/cv-analyzer --reason 'until the logs are read'"],
  },
  {
    name: 'release',
    description: 'end the hold of a person',
    options: withStep,
    verb: (options) => ({ verb: 'release', ...stepOf(options) }),
    examples: ["theseus release --step low-risk/cv-analyzer --reason 'the logs are fine'"],
  },
  {
    name: 'approve',
    description: 'agree to what a step asks',
    options: withStep,
    verb: (options) => ({ verb: 'approve', ...stepOf(options) }),
    examples: [
      "theseus approve --as ana --reason 'numbers look good'",
      "theseus approve RUN --step critical/go --reason 'go'",
    ],
  },
  {
    name: 'reject',
    description: 'refuse what a step asks; the step is held',
    options: withStep,
    verb: (options) => ({ verb: 'reject', ...stepOf(options) }),
    examples: ["theseus reject --as ana --reason 'not on a Friday'"],
  },
  {
    name: 'promote',
    description: 'end a soak, wait or hold now; approvals are still asked for',
    options: (command) => withStep(command).option('--to-end', 'every soak of the ramp, as far as people have agreed'),
    verb: (options) => ({ verb: 'promote', ...stepOf(options), ...(options.toEnd ? { toEnd: true } : {}) }),
    examples: [
      "theseus promote --step low-risk/cv-analyzer --reason 'checked by hand'",
      "theseus promote --to-end --reason 'a security fix'",
    ],
  },
  {
    name: 'skip',
    description: 'leave a step undone and go on',
    options: withStep,
    verb: (options) => ({ verb: 'skip', ...stepOf(options) }),
    examples: ["theseus skip --step prepare/seed --reason 'seeded by hand yesterday'"],
  },
  {
    name: 'retry',
    description: 'try a held step again, or begin again from a step',
    options: (command) =>
      withStep(command).option('--and-after', 'the step and all that comes after it, in a run that has ended too'),
    verb: (options) => ({ verb: 'retry', ...stepOf(options), ...(options.andAfter ? { andAfter: true } : {}) }),
    examples: [
      "theseus retry --step prepare/check --reason 'service is up again'",
      "theseus retry --step low-risk/cv-analyzer --and-after --reason 'the bug is mended'",
    ],
  },
  {
    name: 'rollback',
    description: 'take a flag, a phase or the whole plan back to legacy, undo and verify',
    options: (command) =>
      command
        .option('--flag <flag>', 'one flag and what requires it')
        .option('--phase <phase>', 'all of a phase')
        .option('--to <point>', 'all since a rollback point of the plan')
        .option('--plan', 'everything')
        .option('--over <duration>', 'go down in steps over this time; at once where absent'),
    verb: rollbackVerb,
    examples: [
      "theseus rollback --flag cv-analyzer --reason 'complaints'",
      "theseus rollback --plan --over 5m --reason 'cost'",
    ],
    reasonWhenNone: NO_REASON,
  },
  {
    name: 'cancel',
    description: 'end the run as it stands; refused while anybody would be left half-way',
    verb: () => ({ verb: 'cancel' }),
    examples: ["theseus cancel --reason 'we start anew next week'"],
  },
  {
    name: 'abort',
    description: 'emergency stop: everybody to legacy at once, nothing else any more',
    verb: () => ({ verb: 'abort' }),
    examples: ['theseus abort', "theseus abort RUN --reason 'data corruption'"],
    reasonWhenNone: NO_REASON,
  },
];

export function addActions(program: Command, end: (code: ExitCode) => void): void {
  for (const action of ACTIONS) addAction(program, action, end);
}

function addAction(program: Command, action: Action, end: (code: ExitCode) => void): void {
  const command = withServerOptions(
    program.command(action.name).description(action.description).argument('[run]', 'run id', 'latest'),
  )
    .option(
      '--reason <text>',
      action.reasonWhenNone === undefined ? 'why (required); stays in the record' : 'why; stays in the record',
    )
    .option('--as <person>', 'who acts; the user of this machine where absent')
    .option('--revision <number>', 'refuse when the run has moved on since this revision', wholeNumber)
    .addHelpText('after', `\nExamples:\n${action.examples.map((example) => `  $ ${example}`).join('\n')}`);
  action.options?.(command);
  command.action(async (runId: string, options: ActionOptions) => {
    if (options.all) return end(await turnSystem(action.name === 'pause' ? 'pause' : 'resume', options));
    const command = {
      verb: action.verb(options),
      reason: requireReason(options.reason?.trim() ? options.reason : action.reasonWhenNone, action.name),
      person: personName(options.as),
      commandId: randomUUID(),
      ...(options.revision === undefined ? {} : { expectedRevision: options.revision }),
    };
    const { run, events } = await (await connect(options)).command(runId, command);
    const output = outputFor(options);
    for (const { event } of events) {
      output.emit({ kind: 'event', ...event });
      output.say(describeEvent(event));
    }
    if (events.length === 0) output.say('nothing to do: it is so already');
    output.emit({ kind: 'run', run });
    for (const wait of run.waits) output.say(waitText(wait));
    end(EXIT.done);
  });
}

function rollbackVerb(options: ActionOptions): Verb {
  const overMs = options.over === undefined ? 0 : parseDuration(options.over);
  if (overMs === null)
    throw new TheseusError('invalid-argument', `Cannot read the duration '${options.over}': write 5m`);
  const asked = [options.flag, options.phase, options.to, options.plan].filter((given) => given !== undefined);
  if (asked.length !== 1)
    throw new TheseusError(
      'invalid-argument',
      'Say what to roll back: one of --flag NAME, --phase NAME, --to POINT or --plan',
    );
  if (options.flag !== undefined) return { verb: 'rollback', scope: 'flag', target: options.flag, overMs };
  if (options.phase !== undefined) return { verb: 'rollback', scope: 'phase', target: options.phase, overMs };
  if (options.to !== undefined) return { verb: 'rollback', scope: 'point', target: options.to, overMs };
  return { verb: 'rollback', scope: 'plan', overMs };
}

/** Pauses or resumes everything with one call. */
async function turnSystem(turn: 'pause' | 'resume', options: ActionOptions): Promise<ExitCode> {
  const request = { reason: requireReason(options.reason, turn), person: personName(options.as) };
  const state = await (await connect(options)).turnSystem(turn, request);
  const output = outputFor(options);
  output.emit({ kind: 'system', ...state });
  const runs = state.runs.length === 1 ? '1 unfinished run' : `${state.runs.length} unfinished runs`;
  if (state.pause === null) output.say(`The system goes on: ${runs}.`);
  else output.say(`The whole system is paused by ${state.pause.by}: ${state.pause.reason} (${runs}).`);
  return EXIT.done;
}

/** What a run's state means for an exit code. */
export function exitCodeOf(run: RunView): ExitCode {
  if (run.outcome === 'succeeded') return EXIT.done;
  return run.outcome === null ? EXIT.waiting : EXIT.failed;
}
