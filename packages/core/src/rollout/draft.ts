import type { Effect, EffectPurpose, EffectRequest } from './effect.ts';
import { type Actor, ENGINE, type EventBody, type RolloutEvent } from './event.ts';
import { evolve } from './evolve.ts';
import type { RolloutState } from './state.ts';

/** A decision in the making: each event that is emitted is applied at once, so that the next rule sees its effect. */
export interface Draft {
  readonly now: number;
  readonly state: RolloutState;
  readonly events: readonly RolloutEvent[];
  emit(body: EventBody, reason: string, actor?: Actor): void;
}

export function draftOf(state: RolloutState, now: number): Draft {
  let current = state;
  const events: RolloutEvent[] = [];
  return {
    now,
    get state() {
      return current;
    },
    get events() {
      return events;
    },
    emit(body, reason, actor = ENGINE) {
      const event: RolloutEvent = { ...body, at: now, actor, reason };
      events.push(event);
      current = evolve(current, event);
    },
  };
}

/** Asks for an effect, once: one that is already under way is left alone. */
export function requestEffect(
  draft: Draft,
  id: string,
  request: EffectRequest,
  purpose: EffectPurpose,
  options: { readonly reason: string; readonly timeoutMs?: number | null },
): void {
  if (draft.state.effects[id] !== undefined) return;
  const effect: Effect = { id, request, purpose, requestedAt: draft.now, timeoutMs: options.timeoutMs ?? null };
  draft.emit({ type: 'effect.requested', effect }, options.reason);
}
