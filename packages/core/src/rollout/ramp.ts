import { type Gate, isHealthy, type Repairs, type Watch } from '../health/index.ts';
import { alertBlind, isAlerted, stepBackBlind } from './blindness.ts';
import type { Draft } from './draft.ts';
import type { Actor } from './event.ts';
import { indexOf, type RampStep } from './plan-index.ts';
import { openQuestion, proofAsked } from './proof.ts';
import { missingApprovers } from './quorum.ts';
import { HOLDS_OF_HEALTH, type RolloutState, type StepState } from './state.ts';
import { hasOpenedSince, mayMoveNow } from './window.ts';

/** A verdict that is no verdict may last so many looks before the step is shown as held. */
const LOOKS_BEFORE_HOLD = 3;

/** Brings a ramp that has just started to its first stage, once it is agreed to. */
export function enterFirstStage(draft: Draft, step: RampStep): void {
  const state = draft.state.steps[step.id];
  if (state?.stage !== -1 || !mayMoveNow(step, draft.now)) return;
  // The stage before is reached only when every instance serves it: none may be two stages from another.
  if (step.move !== undefined && draft.state.flags[step.flag]?.confirmed === false) return;
  // Blindness took it back to nobody: that it goes on is one exposure more.
  const since = state.stageSince;
  if (step.oncePerWindow && since !== null && !hasOpenedSince(step, since, draft.now)) return;
  if (!agreed(draft, step, 0)) return;
  enterStage(draft, step, 0, 'the ramp begins');
}

/** Whether a migration is about to let the candidate answer for the first time. */
export function goesLiveFirst({ move }: RampStep, { stage, hold }: StepState): boolean {
  return move?.to === 'live' && stage === -1 && hold?.reason !== 'blind';
}

/** Lets a migration go live as soon as nothing is owed to the candidate: it would answer with what it has not got. */
export function beginLive(draft: Draft, step: RampStep, watch: Watch): void {
  if (draft.state.status !== 'running') return;
  if (!isRepaired(step, watch)) return holdUnrepaired(draft, step.id, watch);
  const { hold } = draft.state.steps[step.id] ?? {};
  if (hold?.reason === 'unrepaired')
    draft.emit({ type: 'step.released', stepId: step.id }, 'all second writes are repaired');
  if (draft.state.steps[step.id]?.hold === null) enterFirstStage(draft, step);
}

/** Whether both sides of a migration have all that was written to either; true where there is no other side. */
function isRepaired({ move }: RampStep, { repairs }: Watch): boolean {
  if (move === undefined) return true;
  return repairs !== undefined && repairs !== null && repairs.pending + repairs.failed + repairs.silent === 0;
}

function holdUnrepaired(draft: Draft, stepId: string, { repairs, verdict, samples }: Watch): void {
  if (draft.state.steps[stepId]?.hold || verdict === null) return;
  const text = repairsText(repairs ?? null);
  draft.emit({ type: 'step.held', stepId, hold: 'unrepaired', evidence: { verdict, samples } }, text);
}

function repairsText(repairs: Repairs | null): string {
  if (repairs === null) return 'nobody can tell how many failed second writes wait to be repaired';
  const { pending, failed, instances, silent } = repairs;
  const owed = [
    ...(pending === 0 ? [] : [`${pending} failed second writes wait to be repaired`]),
    ...(failed === 0 ? [] : [`${failed} were given up`]),
    ...(silent === 0 ? [] : [`${silent} instances fell silent while they owed some`]),
  ];
  return `${owed.join(', ')}${pending + failed === 0 ? '' : `, on ${instances} instance${instances === 1 ? '' : 's'}`}`;
}

/** Lets a judged ramp go on, hold, or be released. A verdict that asks for a rollback does not come here. */
export function judgeRamp(draft: Draft, step: RampStep, watch: Watch): void {
  const state = draft.state.steps[step.id];
  const gate = draft.state.plan.gates[step.gate];
  if (state === undefined || state.stage !== watch.stage || watch.verdict === null || gate === undefined) return;
  const soakMs = soakAt(step, state.stage);
  if (!isHealthy(watch.verdict.verdict)) {
    if (!stepBackBlind(draft, step, gate, watch)) holdUnhealthy(draft, step.id, watch);
    return;
  }
  const isStillOwed = state.hold?.reason === 'unrepaired' && !isRepaired(step, watch);
  if (!isStillOwed) releaseHealthy(draft, step.id, watch, soakMs);
  // Where blindness took it back to nobody, its first exposure comes as it came at first.
  if (state.stage < 0 || draft.state.status !== 'running' || watch.soakedMs < soakMs) return;
  if (draft.state.steps[step.id]?.hold || watch.verdict.isWarmingUp) return;
  const asked = proofAsked(gate, watch, soakMs);
  if (asked === 'more-soak') return;
  if (asked === 'evidence') return holdUnproven(draft, step.id, watch);
  if (!isRepaired(step, watch)) return holdUnrepaired(draft, step.id, watch);
  const unproven = asked === 'person' ? { unproven: openQuestion(watch) } : {};
  const { judgement, text } = watch.verdict;
  const proof = judgement?.verdict === 'pass' ? judgement.text : text;
  advance(draft, step, `healthy for the whole soak: ${proof}`, unproven);
}

/** What is not proven when its soak is over stays where it is until it is, or a person goes on. */
export function holdUnproven(draft: Draft, stepId: string, watch: Watch): void {
  if (watch.verdict === null || draft.state.steps[stepId]?.hold) return;
  const evidence = { verdict: watch.verdict, samples: watch.samples };
  const text = watch.verdict.judgement?.text ?? watch.verdict.text;
  draft.emit({ type: 'step.held', stepId, hold: 'no-evidence', evidence }, text);
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
    advance(draft, step, reason, { actor });
  } while (toEnd && draft.state.revision > before && draft.state.steps[step.id]?.status === 'running');
}

interface Advance {
  readonly actor?: Actor;
  /** What is not ruled out, where a person is asked to go on all the same. */
  readonly unproven?: string;
}

function advance(draft: Draft, step: RampStep, reason: string, { actor, unproven }: Advance): void {
  const next = (draft.state.steps[step.id]?.stage ?? -1) + 1;
  if (next >= step.through.length) {
    if (unproven !== undefined && !agreed(draft, step, next, unproven)) return;
    reachStage(draft, step, reason, actor);
    draft.emit({ type: 'step.completed', stepId: step.id }, reason, actor);
    return;
  }
  if (!mayMoveNow(step, draft.now)) return;
  const isByPerson = actor?.kind === 'person';
  const since = draft.state.steps[step.id]?.stageSince ?? 0;
  if (step.oncePerWindow && !isByPerson && !hasOpenedSince(step, since, draft.now)) return;
  if (agreed(draft, step, next, unproven)) enterStage(draft, step, next, reason, actor);
}

/** Everybody is at the next stage: from now on it is the one that others are compared with. */
function reachStage(draft: Draft, { flag, move }: RampStep, reason: string, actor?: Actor): void {
  if (move === undefined) return;
  draft.emit({ type: 'flag.stage-changed', flag, from: move.from, to: move.to }, reason, actor);
}

function enterStage(draft: Draft, step: RampStep, stage: number, reason: string, actor?: Actor): void {
  const from = draft.state.flags[step.flag]?.exposure ?? 0;
  const to = step.through[stage] ?? from;
  draft.emit({ type: 'flag.exposure-changed', flag: step.flag, from, to, stage }, reason, actor);
}

/** Whether people have agreed to the stage; asks them when they have not been asked. */
function agreed(draft: Draft, step: RampStep, stage: number, unproven?: string): boolean {
  const exposure = step.through[stage];
  const byPlan = step.approve !== null && exposure !== undefined && exposure >= step.approve.fromExposure;
  if (!byPlan && unproven === undefined) return true;
  const approvalId = `${step.id}@${exposure === undefined ? 'end' : `${exposure / 1000}%`}`;
  const approval = draft.state.steps[step.id]?.approval ?? null;
  if (approval?.id === approvalId) return approvalComplete(draft.state, draft.state.steps[step.id]);
  const raise = exposure === undefined ? `Leave ${step.flag} as it is?` : raiseText(step, exposure);
  const question = unproven === undefined ? raise : `${raise} ${unproven}`;
  const why =
    unproven === undefined
      ? `the plan asks for approval from ${(step.approve?.fromExposure ?? 0) / 1000} % on`
      : `gate ${step.gate} asks for approval where harm is not ruled out`;
  const by = step.approve?.by ?? [];
  draft.emit({ type: 'approval.requested', stepId: step.id, approvalId, question, by }, why);
  return false;
}

function raiseText({ flag, move }: RampStep, exposure: number): string {
  const share = `${exposure / 1000} %`;
  return move === undefined ? `Raise ${flag} to ${share}?` : `Bring ${flag} to ${move.to} for ${share}?`;
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
  const gate = gateOf(draft, stepId);
  if (verdict !== null && gate !== undefined && verdict.verdict !== 'fail') alertBlind(draft, stepId, gate, watch);
  const state = draft.state.steps[stepId];
  if (gate?.mode === 'observe') {
    // The one would be told over the other at every look.
    if (state !== undefined && !isAlerted(state)) tellWarnings(draft, stepId, watch);
    return;
  }
  const held = state?.hold ?? null;
  if (verdict === null || (held !== null && (failing === 'gate' || held.reason !== 'no-evidence'))) return;
  const evidence = { verdict, samples: watch.samples };
  if (verdict.verdict === 'fail') {
    const text =
      failing === 'gate' ? verdict.text : `${verdict.text}, and legacy is no better: nobody is moved onto it`;
    draft.emit({ type: 'step.held', stepId, hold: failing, evidence }, text);
    return;
  }
  const blindMs = draft.now - (watch.unhealthySince ?? draft.now);
  if (blindMs < LOOKS_BEFORE_HOLD * (gate?.everyMs ?? 0)) return;
  draft.emit({ type: 'step.held', stepId, hold: 'no-evidence', evidence }, verdict.text);
}

function gateOf({ state: { plan } }: Draft, stepId: string): Gate | undefined {
  const step = indexOf(plan).steps.get(stepId);
  return step && 'gate' in step ? plan.gates[step.gate] : undefined;
}

/** Ends a hold that health had caused, and tells a warning once. Holds by people and failures stay. */
export function releaseHealthy(draft: Draft, stepId: string, watch: Watch, soakMs: number): void {
  const state = draft.state.steps[stepId];
  const gate = gateOf(draft, stepId);
  const { verdict } = watch;
  if (state === undefined || verdict === null || gate === undefined) return;
  const asked = proofAsked(gate, watch, soakMs);
  const isUnproven = state.hold?.reason === 'no-evidence' && asked === 'evidence';
  if (state.hold !== null && HOLDS_OF_HEALTH.includes(state.hold.reason) && !isUnproven) {
    draft.emit({ type: 'step.released', stepId }, `healthy again: ${verdict.text}`);
  }
  tellWarnings(draft, stepId, watch, asked === 'more-soak');
}

/** Tells once what warns, and that a soak goes on for lack of proof. */
function tellWarnings(draft: Draft, stepId: string, { verdict, samples }: Watch, isExtended = false): void {
  if (verdict === null) return;
  const rules = [firingRules(verdict), isExtended ? 'onInconclusive: extend' : '']
    .filter((text) => text !== '')
    .join('; ');
  if (rules === '' || draft.state.steps[stepId]?.warned === rules) return;
  const warned = verdict.rules.filter((rule) => rule.verdict === 'warn').map(({ text }) => text);
  const extended = isExtended ? [`the soak goes on: ${verdict.judgement?.text ?? ''}`] : [];
  draft.emit(
    { type: 'step.warned', stepId, rules, evidence: { verdict, samples } },
    [...warned, ...extended].join('; '),
  );
}

/** The rules that warn, as one text to remember and compare. */
function firingRules(verdict: NonNullable<Watch['verdict']>): string {
  return verdict.rules
    .filter((rule) => rule.verdict === 'warn')
    .map(({ rule }) => rule)
    .join('; ');
}
