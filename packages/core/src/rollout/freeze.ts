import { type Draft, requestEffect } from './draft.ts';
import { indexOf } from './plan-index.ts';
import { commandRequest } from './start-step.ts';

/** A lift that fails is tried again this often before a person has to. */
const LIFT_ATTEMPTS = 3;

/** Lifts every change freeze once the run has ended, however it ended. */
export function liftFreezes(draft: Draft): void {
  if (draft.state.status !== 'finished') return;
  for (const [stepId, { status, attempts }] of Object.entries(draft.state.freezes)) {
    if (status !== 'on' || isLifting(draft, stepId)) continue;
    const step = indexOf(draft.state.plan).steps.get(stepId);
    if (step?.kind !== 'freeze') continue;
    const begun = draft.state.steps[stepId]?.attempt ?? 1;
    const id = `${stepId}#${begun}/lift#${attempts + 1}`;
    const request = commandRequest(draft.state, step.lift);
    requestEffect(draft, id, request, { kind: 'lift', stepId }, { reason: 'the run has ended' });
  }
}

/** Takes in how a lift ended: another try is made where it failed, as often as makes sense. */
export function freezeLiftEnded(draft: Draft, stepId: string, lifted: boolean, text: string): void {
  const attempts = draft.state.freezes[stepId]?.attempts ?? 0;
  if (!lifted && attempts < LIFT_ATTEMPTS) return;
  draft.emit({ type: 'freeze.lifted', stepId, lifted }, text);
}

function isLifting(draft: Draft, stepId: string): boolean {
  return Object.values(draft.state.effects).some(({ purpose }) => purpose.kind === 'lift' && purpose.stepId === stepId);
}
