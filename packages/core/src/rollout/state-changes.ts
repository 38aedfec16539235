import type { RolloutEvent } from './event.ts';
import type {
  ContingencyState,
  FlagState,
  FreezeState,
  PhaseState,
  RollbackState,
  RolloutState,
  StepState,
} from './state.ts';

export type EventOf<Type extends RolloutEvent['type']> = Extract<RolloutEvent, { readonly type: Type }>;

/** How each type of event changes the state. The state that is given counts the event already. */
export type Evolutions<Type extends RolloutEvent['type']> = {
  readonly [Each in Type]: (state: RolloutState, event: EventOf<Each>) => RolloutState;
};

export function withStep(
  state: RolloutState,
  id: string,
  change: Partial<StepState> | ((step: StepState) => Partial<StepState>),
): RolloutState {
  const step = state.steps[id];
  if (step === undefined) return state;
  const changes = typeof change === 'function' ? change(step) : change;
  return { ...state, steps: { ...state.steps, [id]: { ...step, ...changes } } };
}

export function withPhase(state: RolloutState, name: string, changes: Partial<PhaseState>): RolloutState {
  const phase = state.phases[name];
  return phase === undefined ? state : { ...state, phases: { ...state.phases, [name]: { ...phase, ...changes } } };
}

export function withFlag(state: RolloutState, key: string, changes: Partial<FlagState>): RolloutState {
  const flag = state.flags[key];
  return flag === undefined ? state : { ...state, flags: { ...state.flags, [key]: { ...flag, ...changes } } };
}

export function withRollback(
  state: RolloutState,
  id: string,
  change: (rollback: RollbackState) => Partial<RollbackState>,
): RolloutState {
  const rollbacks = state.rollbacks.map((rollback) =>
    rollback.id === id ? { ...rollback, ...change(rollback) } : rollback,
  );
  return { ...state, rollbacks };
}

export function withFreeze(state: RolloutState, stepId: string, changes: Partial<FreezeState>): RolloutState {
  const known = state.freezes[stepId] ?? { status: 'on', attempts: 0 };
  return { ...state, freezes: { ...state.freezes, [stepId]: { ...known, ...changes } } };
}

export function withContingency(state: RolloutState, name: string, changes: Partial<ContingencyState>): RolloutState {
  const known = state.contingencies[name];
  if (known === undefined) return state;
  return { ...state, contingencies: { ...state.contingencies, [name]: { ...known, ...changes } } };
}

export function mapValues<Value, Result>(
  values: Readonly<Record<string, Value>>,
  change: (value: Value) => Result,
): Readonly<Record<string, Result>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
