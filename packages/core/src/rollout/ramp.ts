import { isHealthy, type Watch } from '../health/index.ts';
import type { Draft } from './draft.ts';
import type { Actor } from './event.ts';
import { indexOf, type RampStep } from './plan-index.ts';
import { missingApprovers } from './quorum.ts';
import type { RolloutState, StepState } from './state.ts';
import { mayMoveNow } from './window.ts';

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
  if (draft.state.status !== 'running' || watch.soakedMs < step.soakMs) return;
  if (draft.state.steps[step.id]?.hold) return;
  advance(draft, step, `healthy for the whole soak: ${watch.verdict.text}`);
}

/** A person ends the soak early. Approvals that the next stage asks for are still asked for. */
export function promoteRamp(draft: Draft, step: RampStep, actor: Actor, reason: string): void {
  if (draft.state.steps[step.id]?.hold) draft.emit({ type: 'step.released', stepId: step.id }, reason, actor);
  advance(draft, step, reason, actor);
}

function advance(draft: Draft, step: RampStep, reason: string, actor?: Actor): void {
  const next = (draft.state.steps[step.id]?.stage ?? -1) + 1;
  if (next >= step.through.length) {
    draft.emit({ type: 'step.completed', stepId: step.id }, reason, actor);
    return;
  }
  if (!mayMoveNow(step, draft.now)) return;
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
export function holdUnhealthy(draft: Draft, stepId: string, watch: Watch): void {
  const { verdict } = watch;
  if (verdict === null || draft.state.steps[stepId]?.hold) return;
  const evidence = { verdict, samples: watch.samples };
  if (verdict.verdict === 'fail') {
    draft.emit({ type: 'step.held', stepId, hold: 'gate', evidence }, verdict.text);
    return;
  }
  const blindMs = draft.now - (watch.unhealthySince ?? draft.now);
  const step = indexOf(draft.state.plan).steps.get(stepId);
  const gate = step && 'gate' in step ? draft.state.plan.gates[step.gate] : undefined;
  if (blindMs < LOOKS_BEFORE_HOLD * (gate?.everyMs ?? 0)) return;
  draft.emit({ type: 'step.held', stepId, hold: 'no-evidence', evidence }, verdict.text);
}

/** Ends a hold that health had caused, and tells a warning once. Holds by people and failures stay. */
export function releaseHealthy(draft: Draft, stepId: string, watch: Watch): void {
  const state = draft.state.steps[stepId];
  const { verdict } = watch;
  if (state === undefined || verdict === null) return;
  if (state.hold?.reason === 'gate' || state.hold?.reason === 'no-evidence') {
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
