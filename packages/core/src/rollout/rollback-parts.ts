import type { Command } from '../plan/index.ts';
import { type Draft, requestEffect } from './draft.ts';
import type { EffectPurpose, EffectRequest } from './effect.ts';
import { indexOf, rampsOf } from './plan-index.ts';
import { undoneBy } from './rollback-scope.ts';
import { commandRequest, followUpRequest, probeRequest, type Trouble } from './start-step.ts';
import type { RollbackPart, RollbackState, RolloutState } from './state.ts';

/** One part of a rollback that effects carry out, with every way to do it. */
interface EffectPart {
  readonly kind: Exclude<RollbackPart['kind'], 'exposure'>;
  readonly name: string;
  readonly budgetMs: number | null;
  /** Asked first: when it fails, there is nothing to do. */
  readonly onlyIf: EffectRequest | null;
  /** In order, until one succeeds. */
  readonly tries: readonly EffectRequest[];
  readonly purpose: EffectPurpose;
  readonly reason: string;
}

/**
 * Goes on with what a rollback does once everybody is on legacy: takes steps back in reverse order, verifies, and does
 * what the plan wants done afterwards. True when nothing of it is left.
 */
export function continueParts(draft: Draft, current: () => RollbackState): boolean {
  for (;;) {
    const rollback = current();
    if (rollback.failure !== null) return false;
    const part = nextPart(draft.state, rollback);
    if (part === null) return true;
    const ended = endOf(part, rollback);
    if (ended === null) {
      requestTry(draft, rollback, part);
      return false;
    }
    endPart(draft, rollback, { kind: part.kind, name: part.name, budgetMs: part.budgetMs, ...ended });
  }
}

export function endPart(draft: Draft, rollback: RollbackState, part: Omit<RollbackPart, 'durationMs'>): void {
  const before = rollback.parts.reduce((sum, { durationMs }) => sum + durationMs, rollback.initiatedAt);
  const whole = { ...part, durationMs: draft.now - before };
  draft.emit({ type: 'rollback.part-ended', rollbackId: rollback.id, part: whole }, part.text);
}

/** How the part has ended, or null while a try is still to be made. */
function endOf(part: EffectPart, { tried, lastTry }: RollbackState): Pick<RollbackPart, 'status' | 'text'> | null {
  const asksFirst = part.onlyIf !== null;
  if (lastTry === null) return part.tries.length === 0 ? { status: 'done', text: part.name } : null;
  if (asksFirst && tried === 1) {
    return lastTry.succeeded ? null : { status: 'not-needed', text: `not needed: ${lastTry.text}` };
  }
  if (lastTry.succeeded) return { status: 'done', text: lastTry.text };
  return tried - (asksFirst ? 1 : 0) < part.tries.length ? null : { status: 'failed', text: lastTry.text };
}

function requestTry(draft: Draft, rollback: RollbackState, part: EffectPart): void {
  const requests = part.onlyIf === null ? part.tries : [part.onlyIf, ...part.tries];
  const request = requests[rollback.tried];
  if (request === undefined) return;
  const suffix = rollback.tried === 0 ? '' : `#${rollback.tried + 1}`;
  const id = `${rollback.id}/${part.kind}/${part.name}${suffix}`;
  requestEffect(draft, id, request, part.purpose, { reason: part.reason });
}

function nextPart(state: RolloutState, rollback: RollbackState): EffectPart | null {
  return nextUndo(state, rollback) ?? nextVerification(state, rollback) ?? nextFollowUp(state, rollback);
}

function nextUndo(state: RolloutState, rollback: RollbackState): EffectPart | null {
  const undone = undoneBy(rollback);
  const { steps } = indexOf(state.plan);
  for (const stepId of rollback.steps) {
    const undo = undone.has(stepId) ? null : (steps.get(stepId)?.undo ?? null);
    if (undo === null) continue;
    const often = (command: Command): EffectRequest[] =>
      Array.from({ length: undo.attempts }, () => commandRequest(state, command));
    return {
      kind: 'undo',
      name: stepId,
      budgetMs: steps.get(stepId)?.budgetMs ?? null,
      onlyIf: undo.onlyIf === null ? null : probeRequest(state, undo.onlyIf),
      tries: undo.alternatives.flatMap(often),
      purpose: { kind: 'undo', rollbackId: rollback.id, stepId },
      reason: `take back ${stepId}`,
    };
  }
  return null;
}

function nextVerification(state: RolloutState, rollback: RollbackState): EffectPart | null {
  const probes = rollback.flags
    .flatMap((key) => rampsOf(state.plan, key))
    .filter(({ id, move }) => move === undefined || rollback.steps.includes(id))
    .flatMap(({ verify }) => verify);
  const done = rollback.parts.filter(({ kind }) => kind === 'verify').length;
  const probe = probes[done];
  if (probe === undefined) return null;
  return {
    kind: 'verify',
    name: String(done + 1),
    budgetMs: null,
    onlyIf: null,
    tries: [probeRequest(state, probe)],
    purpose: { kind: 'verify', rollbackId: rollback.id },
    reason: `verify that ${rollback.target} is back on legacy`,
  };
}

/** A single flag's rollback is told by its record; the plan's follow-up is for what goes further. */
function nextFollowUp(state: RolloutState, rollback: RollbackState): EffectPart | null {
  const done = rollback.parts.filter(({ kind }) => kind === 'after').length;
  const action = rollback.scope === 'flag' ? undefined : state.plan.rollback.afterwards[done];
  if (action === undefined) return null;
  return {
    kind: 'after',
    name: String(done + 1),
    budgetMs: null,
    onlyIf: null,
    tries: [followUpRequest(state, action, troubleOf(rollback))],
    purpose: { kind: 'after', rollbackId: rollback.id },
    reason: 'the plan asks for it after a rollback',
  };
}

/** What messages about a rollback may say of it. */
export function troubleOf(rollback: RollbackState): Trouble {
  return {
    reason: rollback.reason,
    target: `${rollback.scope} ${rollback.target}`,
    standing: rollback.failure ?? standingOf(rollback),
  };
}

/** What is done and what is not, in one line. */
export function standingOf({ parts, flags, steps }: RollbackState): string {
  const done = parts.filter(({ kind, status }) => kind === 'undo' && status === 'done').map(({ name }) => name);
  return [
    `flags: ${flags.join(', ') || 'none'}`,
    `taken back: ${done.join(', ') || 'none'}`,
    `of: ${steps.join(', ') || 'none'}`,
  ].join('; ');
}
