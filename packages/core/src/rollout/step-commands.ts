import type { Step } from '../plan/index.ts';
import { nextOpening } from '../time/index.ts';
import type { Draft } from './draft.ts';
import type { Command, Verb } from './input.ts';
import { isLaterStage, stageOf } from './migration-stage.ts';
import { indexOf } from './plan-index.ts';
import { promoteRamp } from './ramp.ts';
import { invalid, isActing, isUnderRollback, type Refusal, theStep } from './refusal.ts';
import { promoteRetirement } from './retirement.ts';
import { startStep } from './start-step.ts';
import { HOLDS_OF_HEALTH, type HoldReason, type RolloutState, type StepState } from './state.ts';
import { mayMoveNow } from './window.ts';

type VerbOf<Name extends Verb['verb']> = Extract<Verb, { readonly verb: Name }>;

const RETRYABLE: readonly HoldReason[] = [
  'check-failed',
  'command-failed',
  'outcome-unknown',
  'baseline-failed',
  'rehearsal-failed',
  'timed-out',
  'blind',
];

export function hold(draft: Draft, verb: VerbOf<'hold'>, command: Command): Refusal | null {
  const named = verb.stepId === undefined ? undefined : draft.state.steps[verb.stepId];
  const running = Object.values(draft.state.steps).filter(({ status }) => status === 'running');
  const meant = named === undefined && verb.stepId === undefined ? running : [named];
  if (meant.length > 0 && meant.every((step) => step?.hold?.reason === 'person')) return null;
  const isHoldable = ({ status, hold: held }: StepState): boolean =>
    (status === 'running' || (status === 'pending' && named !== undefined)) &&
    (held === null || HOLDS_OF_HEALTH.includes(held.reason));
  const step = theStep(draft.state, verb.stepId, isHoldable, 'can be held');
  if ('code' in step) return step;
  draft.emit({ type: 'step.held', stepId: step.id, hold: 'person', evidence: null }, command.reason, command.actor);
  return null;
}

export function release(draft: Draft, verb: VerbOf<'release'>, command: Command): Refusal | null {
  const isHeld = (step: StepState): boolean => step.hold?.reason === 'person';
  const named = verb.stepId === undefined ? undefined : draft.state.steps[verb.stepId];
  // What is not held need not be released; a hold of another kind needs another verb.
  if (named !== undefined && named.hold === null) return null;
  const step = theStep(draft.state, verb.stepId, isHeld, 'is held by a person');
  if ('code' in step) return step;
  draft.emit({ type: 'step.released', stepId: step.id }, command.reason, command.actor);
  return null;
}

export function promote(draft: Draft, verb: VerbOf<'promote'>, command: Command): Refusal | null {
  if (draft.state.status === 'paused') return invalid('cannot promote: the run is paused; resume it first');
  const running = theStep(draft.state, verb.stepId, ({ status }) => status === 'running', 'is running');
  if ('code' in running) return running;
  const step = indexOf(draft.state.plan).steps.get(running.id);
  if (step === undefined) return invalid(`${running.id} is not running`);
  if (isUnderRollback(draft.state, running.id)) return invalid(`${running.id} is being rolled back`);
  if (step.kind !== 'ramp') return promoteOther(draft, step, running, command);
  if (running.stage === -1 && running.hold?.reason !== 'blind')
    return invalid(`${running.id} has not begun: it waits for approval or its window`);
  const isLast = running.stage + 1 === step.through.length;
  if (!isLast && !mayMoveNow(step, draft.now)) {
    const opening = new Date(nextOpening(step.windows, draft.now)).toISOString();
    return invalid(`${running.id} moves in its window only, which opens at ${opening}`);
  }
  promoteRamp(draft, step, { actor: command.actor, reason: command.reason, toEnd: verb.toEnd ?? false });
  return null;
}

/** Accepts a step as done. Approvals are given, not promoted; work that is still under way is waited for. */
function promoteOther(draft: Draft, step: Step, running: StepState, command: Command): Refusal | null {
  if (step.kind === 'retire') return promoteRetirement(draft, step, command.reason, command.actor);
  if (step.kind === 'approve') return invalid(`${step.id} wants an approval; promote does not replace it`);
  const busy = Object.values(draft.state.effects).some(
    ({ purpose }) => purpose.kind === 'step' && purpose.stepId === step.id,
  );
  if (busy) return invalid(`${step.id} is still at work`);
  if (running.hold !== null) draft.emit({ type: 'step.released', stepId: step.id }, command.reason, command.actor);
  draft.emit({ type: 'step.completed', stepId: step.id }, command.reason, command.actor);
  return null;
}

/** Leaves a step undone and goes on. Nobody may be on a candidate because of it, and no approval is got round. */
export function skip(draft: Draft, verb: VerbOf<'skip'>, command: Command): Refusal | null {
  const { state } = draft;
  const named = verb.stepId === undefined ? undefined : state.steps[verb.stepId];
  if (named?.status === 'skipped') return null;
  const isSkippable = ({ status }: StepState): boolean =>
    status === 'running' || (status === 'pending' && named !== undefined);
  const known = theStep(state, verb.stepId, isSkippable, 'can be skipped');
  if ('code' in known) return known;
  const step = indexOf(state.plan).steps.get(known.id);
  if (step === undefined) return invalid(`${known.id} cannot be skipped`);
  if (step.kind === 'approve') return invalid(`${step.id} wants an approval; skip does not replace it`);
  if (isUnderRollback(state, step.id)) return invalid(`${step.id} is being rolled back`);
  if (isActing(state, step.id)) return invalid(`${step.id} is still at work`);
  if (step.kind === 'ramp' && known.stage >= 0) {
    return invalid(`${step.id} has people on the candidate: promote it to the end, or roll its flag back`);
  }
  draft.emit({ type: 'step.skipped', stepId: step.id }, command.reason, command.actor);
  return null;
}

export function retry(draft: Draft, verb: VerbOf<'retry'>, command: Command): Refusal | null {
  if (verb.andAfter) return retryFrom(draft, verb.stepId, command);
  const isRetryable = (step: StepState): boolean => step.hold !== null && RETRYABLE.includes(step.hold.reason);
  const held = theStep(draft.state, verb.stepId, isRetryable, 'can be retried');
  if ('code' in held) return held;
  const step = indexOf(draft.state.plan).steps.get(held.id);
  if (step === undefined) return invalid(`${held.id} is not held by a failure`);
  if (step.kind === 'ramp' || step.kind === 'approve' || step.kind === 'watch' || step.kind === 'retire') {
    draft.emit({ type: 'step.released', stepId: step.id }, command.reason, command.actor);
    return null;
  }
  startStep(draft, step, command.reason, command.actor);
  return null;
}

/**
 * Does a step and everything after it again, in its phase and in those that need it. Ramps that people are on stay as
 * they are; those that were rolled back begin anew. Takes up a run that had ended.
 */
function retryFrom(draft: Draft, stepId: string | undefined, command: Command): Refusal | null {
  const { state } = draft;
  if (stepId === undefined) return invalid('name the step to begin again from');
  const phase = indexOf(state.plan).phaseOf.get(stepId);
  if (phase === undefined) {
    const names = Object.keys(state.steps).join(', ');
    return { code: 'not-found', message: `there is no step '${stepId}' in this run, there are: ${names}` };
  }
  const again = stepsAgain(state, stepId);
  const problem = again.map((step) => cannotRepeat(state, step)).find((text) => text !== null);
  if (problem) return invalid(problem);
  if (again.length === 0) return invalid(`nothing from ${stepId} on has been done or left out yet`);
  const ids = new Set(again.map(({ id }) => id));
  const phases = state.plan.phases.filter(({ steps }) => steps.some(({ id }) => ids.has(id))).map(({ name }) => name);
  draft.emit({ type: 'steps.reset', steps: [...ids], phases }, command.reason, command.actor);
  return null;
}

function stepsAgain(state: RolloutState, from: string): readonly Step[] {
  const { phaseOf } = indexOf(state.plan);
  const first = phaseOf.get(from);
  if (first === undefined) return [];
  const within = new Set([first.name]);
  // Phases stand in any order in the file, so those that need one are looked for until none is added.
  for (let size = 0; size < within.size; ) {
    size = within.size;
    for (const { name, needs } of state.plan.phases) if (needs.some((need) => within.has(need))) within.add(name);
  }
  return state.plan.phases
    .filter(({ name }) => within.has(name))
    .flatMap((phase) =>
      phase === first ? phase.steps.slice(phase.steps.findIndex(({ id }) => id === from)) : phase.steps,
    )
    .filter((step) => state.steps[step.id]?.status !== 'pending' && !isPeopled(state, step));
}

function isPeopled(state: RolloutState, step: Step): boolean {
  if (step.kind !== 'ramp') return false;
  // A stage that was reached stays reached: only a rollback takes a migration back.
  const reached = step.move === undefined ? undefined : stageOf(state, step.flag);
  if (step.move !== undefined && reached !== undefined && !isLaterStage(step.move.to, reached)) return true;
  return (state.flags[step.flag]?.exposure ?? 0) > 0;
}

function cannotRepeat(state: RolloutState, step: Step): string | null {
  if (isUnderRollback(state, step.id)) return `${step.id} is being rolled back: wait for it to end`;
  if (isActing(state, step.id)) return `${step.id} is still at work`;
  if (step.irreversible && state.steps[step.id]?.status === 'completed') {
    return `${step.id} is irreversible and was done: begin again after it`;
  }
  return null;
}
