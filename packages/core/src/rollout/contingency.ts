import type { Evidence, Watch } from '../health/index.ts';
import { type Draft, requestEffect } from './draft.ts';
import { type Actor, ENGINE } from './event.ts';
import { initiateRollback } from './rollback.ts';
import { followUpRequest, type Trouble } from './start-step.ts';
import type { ContingencyState } from './state.ts';

/** Watches of contingencies stand beside those of steps: no step has an id like this. */
const WATCH_PREFIX = 'contingency:';

export function contingencyWatchId(name: string): string {
  return WATCH_PREFIX + name;
}

/** The contingency a watch belongs to; null when it belongs to a step. */
export function contingencyOf(watchId: string): string | null {
  return watchId.startsWith(WATCH_PREFIX) ? watchId.slice(WATCH_PREFIX.length) : null;
}

/** Lets a contingency act whose condition has come true, unless it has acted and may not (yet) again. */
export function judgeContingency(draft: Draft, name: string, watch: Watch): void {
  const state = draft.state.contingencies[name];
  if (state === undefined || draft.state.status !== 'running' || watch.verdict?.verdict !== 'warn') return;
  if (!mayAct(draft, name, state)) return;
  fire(draft, name, { verdict: watch.verdict, samples: watch.samples }, watch.verdict.text);
}

function mayAct(draft: Draft, name: string, { status, firedAt }: ContingencyState): boolean {
  if (status === 'acting') return false;
  const cooldownMs = draft.state.plan.contingencies[name]?.cooldownMs ?? null;
  return firedAt === null || (cooldownMs !== null && draft.now >= firedAt + cooldownMs);
}

export function fire(
  draft: Draft,
  name: string,
  evidence: Evidence | null,
  reason: string,
  actor: Actor = ENGINE,
): void {
  draft.emit({ type: 'contingency.fired', name, evidence }, reason, actor);
}

/** Carries every contingency that acts as far as it can go now. Nothing is run or sent while the run is paused. */
export function continueContingencies(draft: Draft): void {
  for (const [name, { status }] of Object.entries(draft.state.contingencies)) {
    if (status === 'acting') continueActions(draft, name);
  }
}

function continueActions(draft: Draft, name: string): void {
  const contingency = draft.state.plan.contingencies[name];
  for (;;) {
    const state = draft.state.contingencies[name];
    if (contingency === undefined || state?.status !== 'acting' || isAtWork(draft, name)) return;
    const action = contingency.actions[state.actionsDone];
    if (action === undefined) {
      draft.emit({ type: 'contingency.ended', name, outcome: 'done' }, `${contingency.title}: all of it is done`);
      return;
    }
    if (action.kind !== 'rollback') {
      if (draft.state.status !== 'running') return;
      const trouble: Trouble = { reason: contingency.title, target: `contingency ${name}`, standing: '' };
      const id = `contingency/${name}/${draft.state.revision}.${state.actionsDone + 1}`;
      const request = followUpRequest(draft.state, action, trouble);
      requestEffect(draft, id, request, { kind: 'contingency', name }, { reason: contingency.title });
      return;
    }
    const reason = `contingency ${name}: ${contingency.title}`;
    initiateRollback(draft, { scope: 'flag', target: action.flag, overMs: 0, evidence: null }, reason);
    draft.emit({ type: 'contingency.advanced', name }, `${action.flag} is taken off`);
  }
}

function isAtWork(draft: Draft, name: string): boolean {
  return Object.values(draft.state.effects).some(
    ({ purpose }) => purpose.kind === 'contingency' && purpose.name === name,
  );
}
