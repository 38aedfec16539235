import { rampUnderWay } from './migration-stage.ts';
import { overriddenBy, overridesOf } from './overridden.ts';
import type { RollbackState, RolloutState } from './state.ts';
import { type EventOf, type Evolutions, withFlag, withRollback, withStep } from './state-changes.ts';

type FlagEvent =
  | 'flag.overridden'
  | 'flag.exposure-changed'
  | 'flag.stage-changed'
  | 'flag.exposure-confirmed'
  | 'flag.fallback-changed'
  | 'flag.retired'
  | 'flag.unretired'
  | 'rollback.initiated'
  | 'rollback.part-ended'
  | 'rollback.overran'
  | 'rollback.completed'
  | 'rollback.failed';

/** What happens to flags, and to rollbacks, which take them back. */
export const FLAG_EVOLUTIONS: Evolutions<FlagEvent> = {
  'flag.exposure-changed': exposureChanged,
  'flag.stage-changed': stageChanged,
  'flag.overridden': (state, event) =>
    withFlag(state, event.flag, { overrides: overriddenBy(overridesOf(state, event.flag), event) }),
  'flag.exposure-confirmed': (state, { flag }) => withFlag(state, flag, { confirmed: true }),
  'flag.fallback-changed': (state, { flag, fallback }) => withFlag(state, flag, { fallbackOff: !fallback }),
  'flag.retired': (state, { flag, variant }) =>
    withFlag(state, flag, { status: 'retired', ...(variant === undefined ? {} : { variant }) }),
  'flag.unretired': (state, { flag }) => withFlag(state, flag, { status: 'complete' }),
  'rollback.initiated': rollbackInitiated,
  'rollback.part-ended': rollbackPartEnded,
  'rollback.overran': (state, { rollbackId }) => withRollback(state, rollbackId, () => ({ overran: true })),
  'rollback.completed': (state, { rollbackId, at, withinBudget, verification }) =>
    rollbackEnded(state, rollbackId, {
      status: 'completed',
      outcome: 'restored',
      endedAt: at,
      withinBudget,
      verification,
    }),
  'rollback.failed': (state, { rollbackId, at, outcome, standing }) =>
    rollbackEnded(state, rollbackId, {
      status: 'failed',
      outcome,
      endedAt: at,
      withinBudget: false,
      failure: standing,
    }),
};

function exposureChanged(state: RolloutState, event: EventOf<'flag.exposure-changed'>): RolloutState {
  const flag = state.flags[event.flag];
  const next = withFlag(state, event.flag, {
    exposure: event.to,
    changedAt: event.at,
    changedAtRevision: state.revision,
    confirmed: false,
    status: event.stage === null ? (flag?.status ?? 'dark') : 'ramping',
  });
  if (event.stage === null) return next;
  const ramp = rampUnderWay(state, event.flag);
  if (ramp === undefined) return next;
  return withStep(next, ramp.id, {
    stage: event.stage,
    stageSince: event.at,
    hold: null,
    approval: null,
    warned: null,
    ...(event.actor.kind === 'person' ? { promotedTo: event.stage } : {}),
  });
}

function stageChanged(state: RolloutState, event: EventOf<'flag.stage-changed'>): RolloutState {
  return withFlag(state, event.flag, {
    exposure: 0,
    stage: event.to,
    changedAt: event.at,
    changedAtRevision: state.revision,
    confirmed: false,
    ...(event.to === 'complete' ? { hasLeftLegacy: true } : {}),
  });
}

function rollbackInitiated(state: RolloutState, event: EventOf<'rollback.initiated'>): RolloutState {
  const rollback: RollbackState = {
    id: event.rollbackId,
    scope: event.scope,
    target: event.target,
    reason: event.reason,
    overMs: event.overMs,
    flags: event.flags,
    steps: event.steps,
    budgetMs: event.budgetMs,
    initiatedAt: event.at,
    endedAt: null,
    status: 'running',
    outcome: null,
    withinBudget: null,
    overran: false,
    superseded: false,
    from: Object.fromEntries(event.flags.map((key) => [key, state.flags[key]?.exposure ?? 0])),
    parts: [],
    tried: 0,
    lastTry: null,
    verification: [],
    failure: null,
    evidence: event.evidence,
  };
  const next = { ...state, rollbacks: [...state.rollbacks, rollback] };
  return event.flags.reduce<RolloutState>((known, key) => withFlag(known, key, { status: 'rolling-back' }), next);
}

function rollbackPartEnded(state: RolloutState, event: EventOf<'rollback.part-ended'>): RolloutState {
  const { part } = event;
  return withRollback(state, event.rollbackId, (rollback) => ({
    parts: [...rollback.parts, part],
    tried: 0,
    lastTry: null,
    failure: part.status === 'failed' ? `${part.name}: ${part.text}` : rollback.failure,
  }));
}

function rollbackEnded(state: RolloutState, id: string, changes: Partial<RollbackState>): RolloutState {
  const next = withRollback(state, id, () => changes);
  const flags = next.rollbacks.find((rollback) => rollback.id === id)?.flags ?? [];
  return flags.reduce<RolloutState>((known, key) => withFlag(known, key, { status: 'rolled-back' }), next);
}
