import { isHealthy, type Watch } from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { commandRefusal, obey, type Refusal } from './command.ts';
import { type Draft, draftOf } from './draft.ts';
import type { EffectResult } from './effect.ts';
import type { Actor, RolloutEvent } from './event.ts';
import { initialState } from './evolve.ts';
import type { Input } from './input.ts';
import { indexOf } from './plan-index.ts';
import { holdUnhealthy, judgeRamp, releaseHealthy } from './ramp.ts';
import { continueRollbacks, initiateRollback } from './rollback.ts';
import { advanceSchedule, isBeingRolledBack, outcomeOf, outcomeText } from './schedule.ts';
import type { HoldReason, RolloutState } from './state.ts';

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
}

/** The first events of a run: its start, and all that follows from it at once. */
export function startRun(start: RunStart, now: number): Decision {
  const { runId, plan, planHash, actor, reason } = start;
  const first = { type: 'run.started', runId, plan, planHash, at: now, actor, reason } as const;
  const draft = draftOf(initialState(first), now);
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
  continueRollbacks(draft);
  advanceSchedule(draft);
  concludeFinished(draft);
  return { events: draft.events, state: draft.state, refusal: null };
}

/** A result that is not waited for (any more) is dropped: no effect counts twice. */
function effectFinished(draft: Draft, effectId: string, result: EffectResult): void {
  const effect = draft.state.effects[effectId];
  if (effect === undefined) return;
  draft.emit({ type: 'effect.finished', effectId, result }, result.summary);
  if (effect.purpose.kind !== 'step' || result.outcome === 'succeeded') return;
  const step = indexOf(draft.state.plan).steps.get(effect.purpose.stepId);
  if (step === undefined || draft.state.steps[step.id]?.status !== 'running') return;
  if (step.kind === 'notify') {
    draft.emit({ type: 'step.completed', stepId: step.id }, `not delivered: ${result.summary}`);
    return;
  }
  const hold = holdFor(step, result);
  draft.emit({ type: 'step.held', stepId: step.id, hold, evidence: null }, result.summary);
}

function holdFor(step: Step, result: EffectResult): HoldReason {
  if (result.outcome === 'unknown') return 'outcome-unknown';
  if (step.kind === 'check') return 'check-failed';
  return step.kind === 'baseline' ? 'baseline-failed' : 'command-failed';
}

function judged(draft: Draft, watch: Watch): void {
  const step = indexOf(draft.state.plan).steps.get(watch.stepId);
  const state = draft.state.steps[watch.stepId];
  if (step === undefined || state?.status !== 'running' || watch.verdict === null) return;
  if (isBeingRolledBack(draft.state, step.id) || !('gate' in step)) return;
  const { action, verdict } = watch.verdict;
  if (verdict === 'fail' && action?.kind === 'rollback') {
    if (step.kind === 'ramp' && state.stage !== watch.stage) return;
    const scope = action.scope === 'flag' && watch.flag === null ? 'phase' : action.scope;
    const phase = indexOf(draft.state.plan).phaseOf.get(step.id)?.name ?? '';
    const target = scope === 'flag' ? (watch.flag ?? '') : scope === 'phase' ? phase : draft.state.plan.name;
    const evidence = { verdict: watch.verdict, samples: watch.samples };
    initiateRollback(draft, { scope, target, overMs: action.overMs, evidence }, watch.verdict.text);
    return;
  }
  if (step.kind === 'ramp') judgeRamp(draft, step, watch);
  else if (step.kind === 'watch') judgeWatch(draft, step, watch);
}

function judgeWatch(draft: Draft, step: Extract<Step, { readonly kind: 'watch' }>, watch: Watch): void {
  if (!watch.verdict || !isHealthy(watch.verdict.verdict)) return holdUnhealthy(draft, step.id, watch);
  releaseHealthy(draft, step.id, watch);
  if (draft.state.status !== 'running' || watch.soakedMs < step.forMs) return;
  if (draft.state.steps[step.id]?.soaked.includes(watch.id)) return;
  draft.emit({ type: 'watch.soaked', stepId: step.id, watchId: watch.id }, 'healthy for as long as asked');
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
  if (state.status !== 'finished' || state.outcome === 'aborted') return;
  if (state.rollbacks.some(({ status }) => status === 'running')) return;
  const outcome = outcomeOf(state);
  if (outcome !== state.outcome) draft.emit({ type: 'run.finished', outcome }, outcomeText(outcome));
}
