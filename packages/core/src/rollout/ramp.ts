import { isHealthy, type Watch } from '../health/index.ts';
import type { Draft } from './draft.ts';
import type { Actor } from './event.ts';
import { indexOf, type RampStep } from './plan-index.ts';
import { missingApprovers } from './quorum.ts';
import type { HoldReason, RolloutState, StepState } from './state.ts';
import { hasOpenedSince, mayMoveNow } from './window.ts';

/** A verdict that is no verdict may last so many looks before the step is shown as held. */
const LOOKS_BEFORE_HOLD = 3;

/** Brings a ramp that has just started to its first stage, once it is agreed to. */
export function enterFirstStage(draft: Draft, step: RampStep): void {
  if (draft.state.steps[step.id]?.stage !== -1) return;
  if (!mayMoveNow(step, draft.now)) return;
  if (!agreed(draft, step, 0)) return;
  enterStage(draft, step, 0, 'the ramp begins');
}

/** Lets a judged ramp go on, hold, or be released. A verdict that asks for a rollback does not come here. */
export function judgeRamp(draft: Draft, step: RampStep, watch: Watch): void {
  const state = draft.state.steps[step.id];
  if (state === undefined || state.stage !== watch.stage || watch.verdict === null) return;
  if (!isHealthy(watch.verdict.verdict)) return holdUnhealthy(draft, step.id, watch);
  releaseHealthy(draft, step.id, watch);
  if (draft.state.status !== 'running' || watch.soakedMs < soakAt(step, state.stage)) return;
  if (draft.state.steps[step.id]?.hold) return;
  advance(draft, step, `healthy for the whole soak: ${watch.verdict.text}`);
}

/** The healthy time that an exposure of the ramp needs. */
export function soakAt(step: RampStep, stage: number): number {
  return step.soaksMs[stage] ?? 0;
}

/**
 * A person ends the soak early, or all soaks to the end. Approvals that a stage asks for are still asked for, so a ramp
 * that is promoted to its end goes as far as people have agreed to.
 */
export function promoteRamp(
  draft: Draft,
  step: RampStep,
  by: { readonly actor: Actor; readonly reason: string; readonly toEnd: boolean },
): void {
  const { actor, reason, toEnd } = by;
  if (draft.state.steps[step.id]?.hold) draft.emit({ type: 'step.released', stepId: step.id }, reason, actor);
  let before = -1;
  do {
    before = draft.state.revision;
    advance(draft, step, reason, actor);
  } while (toEnd && draft.state.revision > before && draft.state.steps[step.id]?.status === 'running');
}

function advance(draft: Draft, step: RampStep, reason: string, actor?: Actor): void {
  const next = (draft.state.steps[step.id]?.stage ?? -1) + 1;
  if (next >= step.through.length) {
    draft.emit({ type: 'step.completed', stepId: step.id }, reason, actor);
    return;
  }
  if (!mayMoveNow(step, draft.now)) return;
  const isByPerson = actor?.kind === 'person';
  const since = draft.state.steps[step.id]?.stageSince ?? 0;
  if (step.oncePerWindow && !isByPerson && !hasOpenedSince(step, since, draft.now)) return;
  if (agreed(draft, step, next)) enterStage(draft, step, next, reason, actor);
}

function enterStage(draft: Draft, step: RampStep, stage: number, reason: string, actor?: Actor): void {
  const from = draft.state.flags[step.flag]?.exposure ?? 0;
  const to = step.through[stage] ?? from;
  draft.emit({ type: 'flag.exposure-changed', flag: step.flag, from, to, stage }, reason, actor);
}

/** Whether people have agreed to the stage; asks them when they have not been asked. */
function agreed(draft: Draft, step: RampStep, stage: number): boolean {
  const exposure = step.through[stage] ?? 0;
  if (step.approve === null || exposure < step.approve.fromExposure) return true;
  const approvalId = `${step.id}@${exposure / 1000}%`;
  const approval = draft.state.steps[step.id]?.approval ?? null;
  if (approval?.id === approvalId) return approvalComplete(draft.state, draft.state.steps[step.id]);
  const question = `Raise ${step.flag} to ${exposure / 1000} %?`;
  draft.emit(
    { type: 'approval.requested', stepId: step.id, approvalId, question, by: step.approve.by },
    `the plan asks for approval from ${step.approve.fromExposure / 1000} % on`,
  );
  return false;
}

export function approvalComplete(state: RolloutState, step: StepState | undefined): boolean {
  if (!step?.approval) return false;
  const given = step.approval.given.map(({ person }) => person);
  return missingApprovers(step.approval.by, given, state.plan.people).length === 0;
}

/** Shows a step as held: at once where a rule asks for it, after a few looks where there is no evidence. */
export function holdUnhealthy(
  draft: Draft,
  stepId: string,
  watch: Watch,
  failing: 'gate' | 'destination' = 'gate',
): void {
  const { verdict } = watch;
  const held = draft.state.steps[stepId]?.hold ?? null;
  if (verdict === null || (held !== null && (failing === 'gate' || held.reason !== 'no-evidence'))) return;
  const evidence = { verdict, samples: watch.samples };
  if (verdict.verdict === 'fail') {
    const text =
      failing === 'gate' ? verdict.text : `${verdict.text}, and legacy is no better: nobody is moved onto it`;
    draft.emit({ type: 'step.held', stepId, hold: failing, evidence }, text);
    return;
  }
  const blindMs = draft.now - (watch.unhealthySince ?? draft.now);
  const step = indexOf(draft.state.plan).steps.get(stepId);
  const gate = step && 'gate' in step ? draft.state.plan.gates[step.gate] : undefined;
  if (blindMs < LOOKS_BEFORE_HOLD * (gate?.everyMs ?? 0)) return;
  draft.emit({ type: 'step.held', stepId, hold: 'no-evidence', evidence }, verdict.text);
}

/** What returning health ends by itself. A person's hold and a failure are for people to end. */
const HOLDS_OF_HEALTH: readonly HoldReason[] = ['gate', 'destination', 'no-evidence'];

/** Ends a hold that health had caused, and tells a warning once. Holds by people and failures stay. */
export function releaseHealthy(draft: Draft, stepId: string, watch: Watch): void {
  const state = draft.state.steps[stepId];
  const { verdict } = watch;
  if (state === undefined || verdict === null) return;
  if (state.hold !== null && HOLDS_OF_HEALTH.includes(state.hold.reason)) {
    draft.emit({ type: 'step.released', stepId }, `healthy again: ${verdict.text}`);
  }
  const rules = firingRules(verdict);
  if (rules === '' || state.warned === rules) return;
  draft.emit({ type: 'step.warned', stepId, rules, evidence: { verdict, samples: watch.samples } }, verdict.text);
}

/** The rules that warn, as one text to remember and compare. */
function firingRules(verdict: NonNullable<Watch['verdict']>): string {
  return verdict.rules
    .filter((rule) => rule.verdict === 'warn')
    .map(({ rule }) => rule)
    .join('; ');
}
