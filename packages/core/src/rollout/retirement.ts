import { EXPOSURE_WHOLE } from '../flag/index.ts';
import type { Step } from '../plan/index.ts';
import type { Draft } from './draft.ts';
import { type Actor, ENGINE } from './event.ts';
import { stageOf } from './migration-stage.ts';
import { overridesOf } from './overridden.ts';
import { indexOf, type RetireStep, rampsOf } from './plan-index.ts';
import { approvalComplete } from './ramp.ts';
import { invalid, type Refusal } from './refusal.ts';
import type { FlagState, RolloutState } from './state.ts';
import { mayMoveNow } from './window.ts';

/** When a flag may be retired at the earliest, epoch milliseconds; null while not everybody is on its candidate for good. */
export function retiresAt(state: RolloutState, step: RetireStep): number | null {
  const flag = state.flags[step.flag];
  if (flag === undefined || !isWhole(state, flag) || flag.changedAt === null) return null;
  return flag.status === 'complete' || flag.status === 'retired' ? flag.changedAt + step.afterMs : null;
}

/** Of a migration no share is exposed any more once everybody has come to its last stage. */
function isWhole(state: RolloutState, { key, exposure }: FlagState): boolean {
  const stage = stageOf(state, key);
  return stage === undefined ? exposure >= EXPOSURE_WHOLE : stage === 'complete';
}

/** Whom people keep on legacy one by one, so that the flag cannot be retired; nobody where legacy is gone anyway. */
export function keptOut(state: RolloutState, flag: string): readonly string[] {
  return stageOf(state, flag) === undefined ? overridesOf(state, flag).legacy : [];
}

/** Retires the flag once it has been at 100 % for long enough, people have agreed to it, and its window is open. */
export function progressRetirement(draft: Draft, step: RetireStep): void {
  const at = retiresAt(draft.state, step);
  if (draft.state.steps[step.id]?.hold || at === null || draft.now < at || !mayMoveNow(step, draft.now)) return;
  if (keptOut(draft.state, step.flag).length > 0) return;
  if (!isAgreed(draft.state, step)) return ask(draft, step);
  retire(draft, step, 'it has been at 100 % for as long as the plan asks');
}

/** Retires it before its time, where nobody is to be asked. */
export function promoteRetirement(draft: Draft, step: RetireStep, reason: string, actor: Actor): Refusal | null {
  if (retiresAt(draft.state, step) === null) {
    return invalid(`${step.id} cannot retire ${step.flag}, which is not at 100 %`);
  }
  const named = keptOut(draft.state, step.flag);
  if (named.length > 0) return invalid(`${step.id} cannot retire ${step.flag}: ${keptOutText(step.flag, named)}`);
  if (!isAgreed(draft.state, step)) {
    const when = 'which it asks for once its time has come';
    return invalid(`${step.id} wants an approval, ${when}; promote does not replace it`);
  }
  if (draft.state.steps[step.id]?.hold) draft.emit({ type: 'step.released', stepId: step.id }, reason, actor);
  retire(draft, step, reason, actor);
  return null;
}

/** Who is in the way of a retirement, and how that is mended. */
export function keptOutText(flag: string, [first = '', ...others]: readonly string[]): string {
  const who = others.length === 0 ? `${first} is` : `${first} and ${others.length} more are`;
  return `${who} kept on legacy by name; 'theseus flags clear ${flag} SUBJECT...' lets the plan decide, allow lets them in`;
}

function isAgreed(state: RolloutState, step: RetireStep): boolean {
  return step.approve === null || approvalComplete(state, state.steps[step.id]);
}

function ask(draft: Draft, step: RetireStep): void {
  const known = draft.state.steps[step.id];
  if (known?.approval || step.approve === null) return;
  draft.emit(
    {
      type: 'approval.requested',
      stepId: step.id,
      approvalId: `${step.id}#${known?.attempt ?? 1}`,
      question: `Retire ${step.flag}? Everybody gets the candidate for good, and nothing of it is counted any more.`,
      by: step.approve,
    },
    'the plan asks for approval before a flag is retired',
  );
}

function retire(draft: Draft, step: RetireStep, reason: string, actor: Actor = ENGINE): void {
  const left = step.variant === undefined ? {} : { variant: step.variant };
  draft.emit({ type: 'flag.retired', flag: step.flag, ...left }, reason, actor);
  draft.emit({ type: 'step.completed', stepId: step.id }, reason, actor);
}

/** The retirement of a flag that was taken back is left out: there is nothing to retire. */
export function skipsRetirement(draft: Draft, step: RetireStep): boolean {
  const ramp = rampsOf(draft.state.plan, step.flag).at(-1);
  const ended = ramp === undefined ? undefined : draft.state.steps[ramp.id]?.status;
  const isLost =
    draft.state.flags[step.flag]?.status === 'rolled-back' || ended === 'skipped' || ended === 'rolled-back';
  if (isLost) draft.emit({ type: 'step.skipped', stepId: step.id }, `${step.flag} is not on the candidate`);
  return isLost;
}

/** The steps that retire one of the flags. */
export function retirementsOf(state: RolloutState, flags: readonly string[]): readonly string[] {
  return [...indexOf(state.plan).steps.values()].flatMap((step) =>
    step.kind === 'retire' && flags.includes(step.flag) ? [step.id] : [],
  );
}

/**
 * Takes the retirement of flags back, before anything else of them is: by name, or by the steps that retired them. That
 * the program still has its legacy path, nobody here can know; so it is said.
 */
export function takeBackRetirements(
  draft: Draft,
  what: { readonly flags: readonly string[]; readonly steps?: readonly string[] },
  actor: Actor = ENGINE,
): void {
  const { steps } = indexOf(draft.state.plan);
  const retiredBy = (what.steps ?? []).flatMap((id) => flagRetiredBy(steps.get(id)));
  for (const flag of new Set([...what.flags, ...retiredBy])) {
    if (draft.state.flags[flag]?.status !== 'retired') continue;
    const reason = 'it is taken back; legacy answers only where the program still has that path';
    draft.emit({ type: 'flag.unretired', flag }, reason, actor);
  }
}

function flagRetiredBy(step: Step | undefined): readonly string[] {
  return step?.kind === 'retire' ? [step.flag] : [];
}
