import type { Draft } from './draft.ts';
import type { Command, Verb } from './input.ts';
import { describeApprovers, mayApprove } from './quorum.ts';
import { invalid, type Refusal, theStep } from './refusal.ts';
import type { ApprovalState, StepState } from './state.ts';

type Answer = Extract<Verb, { readonly verb: 'approve' | 'reject' }>;

export function approve(draft: Draft, verb: Answer, command: Command): Refusal | null {
  const asked = askedOf(draft, verb, command);
  if ('code' in asked) return asked;
  const { step, approval } = asked;
  const person = command.actor.name;
  const hasAgreed = approval.given.some((given) => given.person === person);
  if (hasAgreed && step.hold?.reason !== 'rejected') return null;
  const given = { type: 'approval.given', stepId: step.id, approvalId: approval.id, person } as const;
  draft.emit(given, command.reason, command.actor);
  return null;
}

export function reject(draft: Draft, verb: Answer, command: Command): Refusal | null {
  const asked = askedOf(draft, verb, command);
  if ('code' in asked) return asked;
  const { step, approval } = asked;
  if (step.hold?.reason === 'rejected') return null;
  const person = command.actor.name;
  const rejected = { type: 'approval.rejected', stepId: step.id, approvalId: approval.id, person } as const;
  draft.emit(rejected, command.reason, command.actor);
  const text = `${person} rejected it: ${command.reason}`;
  draft.emit({ type: 'step.held', stepId: step.id, hold: 'rejected', evidence: null }, text, command.actor);
  return null;
}

/** What the person is asked, or why nobody asks them. */
function askedOf(
  draft: Draft,
  { stepId }: Answer,
  command: Command,
): { readonly step: StepState; readonly approval: ApprovalState } | Refusal {
  const step = theStep(draft.state, stepId, ({ approval }) => approval !== null, 'waits for approval');
  if ('code' in step) return step;
  const { approval } = step;
  if (approval === null) return invalid(`${step.id} does not wait for approval`);
  const person = command.actor.name;
  if (mayApprove(approval.by, person, draft.state.plan.people)) return { step, approval };
  return { code: 'forbidden', message: `${person} is not asked: ${step.id} wants ${describeApprovers(approval.by)}` };
}
