import {
  type Gate,
  isDestinationAsBad,
  isHealthy,
  isWatchOf,
  LONGEST_GAP,
  type RuleAction,
  type Watch,
} from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { formatDuration } from '../time/index.ts';
import { commandRefusal, obey } from './command.ts';
import { contingencyOf, continueContingencies, judgeContingency } from './contingency.ts';
import { type Draft, draftOf } from './draft.ts';
import type { EffectResult } from './effect.ts';
import type { Actor, RolloutEvent } from './event.ts';
import { freezeLiftEnded, liftFreezes } from './freeze.ts';
import { initialState } from './initial-state.ts';
import type { Input } from './input.ts';
import { indexOf } from './plan-index.ts';
import { openQuestion, proofAsked } from './proof.ts';
import {
  approvalComplete,
  beginLive,
  goesLiveFirst,
  holdUnhealthy,
  holdUnproven,
  judgeRamp,
  releaseHealthy,
} from './ramp.ts';
import type { Refusal } from './refusal.ts';
import { rehearsedParts } from './rehearsal.ts';
import { continueRollbacks, initiateRollback } from './rollback.ts';
import { pointReachedAt, type ScopeOfRollback } from './rollback-scope.ts';
import { advanceSchedule, isBeingRolledBack, outcomeOf, outcomeText } from './schedule.ts';
import type { FlagOverrides, Forecast, HoldReason, RolloutState } from './state.ts';
import { sinceOf } from './watch-targets.ts';

/** The events an input leads to, with the state after them; or why it is refused, which changes nothing. */
export interface Decision {
  readonly events: readonly RolloutEvent[];
  readonly state: RolloutState;
  readonly refusal: Refusal | null;
}

export interface RunStart {
  readonly runId: string;
  readonly plan: Plan;
  readonly planHash: string;
  readonly actor: Actor;
  readonly reason: string;
  /** When each step is expected, by simulation. */
  readonly forecast?: Forecast;
  /** What people had decided about subjects in the runs that had the flags before. */
  readonly overrides?: Readonly<Record<string, FlagOverrides>>;
  /** Why the whole system is paused, if it is: then the run begins paused. */
  readonly paused?: string;
}

/** The first events of a run: its start, and all that follows from it at once. */
export function startRun(start: RunStart, now: number): Decision {
  const { runId, plan, planHash, actor, reason } = start;
  const { forecast, overrides } = start;
  const told = { ...(forecast === undefined ? {} : { forecast }), ...(overrides === undefined ? {} : { overrides }) };
  const first = { type: 'run.started', runId, plan, planHash, ...told, at: now, actor, reason } as const;
  const draft = draftOf(initialState(first), now);
  if (start.paused !== undefined) draft.emit({ type: 'run.paused', scope: 'system' }, start.paused);
  advanceSchedule(draft);
  return { events: [first, ...draft.events], state: draft.state, refusal: null };
}

/**
 * Decides what an input means for a run: pure, so that the live engine and the simulator share it.
 *
 * @param now epoch milliseconds; an input from the past never moves time back, since nothing here stores it but events.
 */
export function decide(state: RolloutState, input: Input, now: number): Decision {
  const draft = draftOf(state, now);
  switch (input.kind) {
    case 'command': {
      const refusal = commandRefusal(state, input.command) ?? obey(draft, input.command);
      if (refusal !== null) return { events: [], state, refusal };
      break;
    }
    case 'effect-finished':
      effectFinished(draft, input.effectId, input.result);
      break;
    case 'judged':
      judged(draft, input.watch);
      // A quiet look moves nothing; what time alone moves comes with a timer.
      if (draft.events.length === 0) return { events: [], state, refusal: null };
      break;
    case 'exposure-confirmed':
      confirmed(draft, input);
      break;
    case 'timer':
      break;
  }
  continueContingencies(draft);
  continueRollbacks(draft);
  advanceSchedule(draft);
  concludeFinished(draft);
  liftFreezes(draft);
  return { events: draft.events, state: draft.state, refusal: null };
}

/** A result that is not waited for (any more) is dropped: no effect counts twice. */
function effectFinished(draft: Draft, effectId: string, result: EffectResult): void {
  const effect = draft.state.effects[effectId];
  if (effect === undefined) return;
  draft.emit({ type: 'effect.finished', effectId, result }, result.summary);
  const { purpose } = effect;
  const succeeded = result.outcome === 'succeeded';
  if (purpose.kind === 'lift') return freezeLiftEnded(draft, purpose.stepId, succeeded, result.summary);
  if (purpose.kind === 'contingency' && !succeeded) {
    draft.emit({ type: 'contingency.ended', name: purpose.name, outcome: 'failed' }, result.summary);
    return;
  }
  if (purpose.kind === 'step') stepEffectFinished(draft, purpose.stepId, result);
}

function stepEffectFinished(draft: Draft, stepId: string, result: EffectResult): void {
  const step = indexOf(draft.state.plan).steps.get(stepId);
  if (step === undefined || draft.state.steps[step.id]?.status !== 'running') return;
  if (result.outcome === 'succeeded') {
    if (step.kind === 'rehearse') holdSlowRehearsal(draft, step, result);
    return;
  }
  if (step.kind === 'notify') {
    draft.emit({ type: 'step.completed', stepId: step.id }, `not delivered: ${result.summary}`);
    return;
  }
  const hold = holdFor(step, result);
  draft.emit({ type: 'step.held', stepId: step.id, hold, evidence: null }, result.summary);
}

/** A rehearsal is there to find out that the real thing would not be done in time. */
function holdSlowRehearsal(
  draft: Draft,
  step: Extract<Step, { readonly kind: 'rehearse' }>,
  { durationMs }: EffectResult,
): void {
  const done = draft.state.steps[step.id]?.effectsDone ?? 0;
  const part = rehearsedParts(draft.state.plan, step)[done - 1];
  if (part === undefined || part.budgetMs === null || durationMs <= part.budgetMs) return;
  const text = `${part.name} took ${formatDuration(durationMs)}, its budget is ${formatDuration(part.budgetMs)}`;
  draft.emit({ type: 'step.held', stepId: step.id, hold: 'rehearsal-failed', evidence: null }, text);
}

function holdFor(step: Step, result: EffectResult): HoldReason {
  if (result.outcome === 'unknown') return 'outcome-unknown';
  if (step.kind === 'check') return 'check-failed';
  if (step.kind === 'rehearse') return 'rehearsal-failed';
  return step.kind === 'baseline' ? 'baseline-failed' : 'command-failed';
}

function judged(draft: Draft, watch: Watch): void {
  const contingency = contingencyOf(watch.id);
  if (contingency !== null) return judgeContingency(draft, contingency, watch);
  const step = indexOf(draft.state.plan).steps.get(watch.stepId);
  const state = draft.state.steps[watch.stepId];
  if (step === undefined || state?.status !== 'running' || watch.verdict === null) return;
  const gate = 'gate' in step ? draft.state.plan.gates[step.gate] : undefined;
  if (gate === undefined || !isFresh(watch, gate, draft.now)) return;
  // An exposure, an attempt or rules of before: a look that was under way while they changed.
  if (!isWatchOf({ stage: step.kind === 'ramp' ? state.stage : -1, since: sinceOf(state), gate }, watch)) return;
  if (isBeingRolledBack(draft.state, step.id)) return;
  if (step.kind === 'ramp' && goesLiveFirst(step, state)) return beginLive(draft, step, watch);
  const { action, verdict } = watch.verdict;
  if (verdict === 'fail' && action?.kind === 'rollback') {
    if (isDestinationAsBad(gate, watch.verdict)) {
      return holdUnhealthy(draft, step.id, watch, 'destination');
    }
    const evidence = { verdict: watch.verdict, samples: watch.samples };
    const request = { ...scopeOf(draft.state, step, watch.flag, action), overMs: action.overMs, evidence };
    initiateRollback(draft, request, watch.verdict.text);
    // Where nothing is left to take back it is still not well, and nobody may think that it is watched in peace.
    if (!draft.state.rollbacks.some(({ status }) => status === 'running')) holdUnhealthy(draft, step.id, watch);
    return;
  }
  if (step.kind === 'ramp') judgeRamp(draft, step, watch);
  else if (step.kind === 'watch') judgeWatch(draft, step, watch);
}

/** Between a look and its write a process may have stood still: what it found then says nothing of now. */
const WRITING_MS = 5_000;

function isFresh({ verdict }: Watch, gate: Gate, now: number): boolean {
  return verdict !== null && now - verdict.at <= LONGEST_GAP * gate.everyMs + WRITING_MS;
}

/** What a rule that asks for a rollback means at this step. */
function scopeOf(
  state: RolloutState,
  step: Step,
  flag: string | null,
  action: Extract<RuleAction, { readonly kind: 'rollback' }>,
): ScopeOfRollback {
  const scope = action.scope === 'flag' && flag === null ? 'phase' : action.scope;
  // A point that has not been passed (yet) cannot be gone back to: then all of it goes.
  if (scope === 'point' && pointReachedAt(state, action.point ?? '') !== null) {
    return { scope, target: action.point ?? '' };
  }
  if (scope === 'flag') return { scope, target: flag ?? '' };
  if (scope === 'phase') return { scope, target: indexOf(state.plan).phaseOf.get(step.id)?.name ?? '' };
  return { scope: 'plan', target: state.plan.name };
}

function judgeWatch(draft: Draft, step: Extract<Step, { readonly kind: 'watch' }>, watch: Watch): void {
  const gate = draft.state.plan.gates[step.gate];
  if (!watch.verdict || !isHealthy(watch.verdict.verdict)) return holdUnhealthy(draft, step.id, watch);
  releaseHealthy(draft, step.id, watch, step.forMs);
  if (draft.state.status !== 'running' || watch.soakedMs < step.forMs || watch.verdict.isWarmingUp) return;
  if (gate === undefined || draft.state.steps[step.id]?.soaked.includes(watch.id)) return;
  const asked = proofAsked(gate, watch, step.forMs);
  if (asked === 'more-soak') return;
  if (asked === 'evidence') return holdUnproven(draft, step.id, watch);
  if (asked === 'person' && !agreedUnproven(draft, step, watch)) return;
  draft.emit({ type: 'watch.soaked', stepId: step.id, watchId: watch.id }, 'healthy for as long as asked');
}

/** Whether a person has agreed to end a watch without proof, for all that it watches; asks where nobody was asked. */
function agreedUnproven(draft: Draft, step: Extract<Step, { readonly kind: 'watch' }>, watch: Watch): boolean {
  const state = draft.state.steps[step.id];
  const approvalId = `${step.id}@end`;
  if (state?.approval?.id === approvalId) return approvalComplete(draft.state, state);
  const question = `End the watch of ${watch.flag ?? 'health'}? ${openQuestion(watch)}`;
  const reason = `gate ${step.gate} asks for approval where harm is not ruled out`;
  draft.emit({ type: 'approval.requested', stepId: step.id, approvalId, question, by: [] }, reason);
  return false;
}

function confirmed(draft: Draft, input: Extract<Input, { readonly kind: 'exposure-confirmed' }>): void {
  const flag = draft.state.flags[input.flag];
  if (flag === undefined || flag.confirmed || flag.changedAtRevision !== input.revision) return;
  const silent = input.silent === 0 ? '' : `, ${input.silent} silent`;
  draft.emit(
    {
      type: 'flag.exposure-confirmed',
      flag: input.flag,
      exposure: flag.exposure,
      instances: input.instances,
      silent: input.silent,
      tookMs: draft.now - (flag.changedAt ?? draft.now),
    },
    `${input.instances} of ${input.instances + input.silent} instances serve it${silent}`,
  );
}

/** A rollback after the end changes how the run ended. */
function concludeFinished(draft: Draft): void {
  const { state } = draft;
  if (state.status !== 'finished' || state.outcome === 'aborted' || state.outcome === 'cancelled') return;
  if (state.rollbacks.some(({ status }) => status === 'running')) return;
  const outcome = outcomeOf(state);
  if (outcome !== state.outcome) draft.emit({ type: 'run.finished', outcome }, outcomeText(outcome));
}
