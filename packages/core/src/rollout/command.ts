import { approve, reject } from './approval-commands.ts';
import { fire } from './contingency.ts';
import type { Draft } from './draft.ts';
import { editPlan } from './edit-plan.ts';
import type { Command, Verb } from './input.ts';
import { override } from './override.ts';
import { invalid, isActing, type Refusal } from './refusal.ts';
import { takeBackRetirements } from './retirement.ts';
import { endFailed, initiateRollback, restoreFallback, sendToLegacy } from './rollback.ts';
import { isNamedOnly, pointReachedAt } from './rollback-scope.ts';
import type { RolloutState } from './state.ts';
import { hold, promote, release, retry, skip } from './step-commands.ts';

type VerbOf<Name extends Verb['verb']> = Extract<Verb, { readonly verb: Name }>;

/** What can be refused without looking at the verb's details. Rollback and abort are never too late. */
export function commandRefusal(state: RolloutState, command: Command): Refusal | null {
  const { verb } = command.verb;
  if (verb === 'rollback' || verb === 'abort') return null;
  if (command.expectedRevision !== undefined && command.expectedRevision !== state.revision) {
    const message = `${verb} was aimed at revision ${command.expectedRevision}, the run is at ${state.revision} by now`;
    return { code: 'stale-revision', message: `${message}: look again and repeat it` };
  }
  if (state.status !== 'finished' || isPossibleAtEnd(state, command.verb)) return null;
  return invalid(`cannot ${verb}: the run has ended (${state.outcome})`);
}

/** A run that went its way may be taken up again; one that was cancelled may be cancelled once more, to no effect. */
function isPossibleAtEnd({ outcome }: RolloutState, verb: Verb): boolean {
  // People stay on a flag when its run is over, and may want to leave it.
  if (verb.verb === 'override') return true;
  if (verb.verb === 'cancel') return outcome === 'cancelled';
  return verb.verb === 'retry' && verb.andAfter === true && outcome !== 'aborted' && outcome !== 'cancelled';
}

/** Carries out a command, or says why it cannot be. A command whose aim is reached already changes nothing. */
export function obey(draft: Draft, command: Command): Refusal | null {
  const { verb } = command;
  switch (verb.verb) {
    case 'pause':
      return pause(draft, verb, command);
    case 'resume':
      return resume(draft, verb, command);
    case 'hold':
      return hold(draft, verb, command);
    case 'release':
      return release(draft, verb, command);
    case 'approve':
      return approve(draft, verb, command);
    case 'reject':
      return reject(draft, verb, command);
    case 'promote':
      return promote(draft, verb, command);
    case 'skip':
      return skip(draft, verb, command);
    case 'retry':
      return retry(draft, verb, command);
    case 'trigger':
      return trigger(draft, verb, command);
    case 'rollback':
      return rollback(draft, verb, command);
    case 'edit':
      return editPlan(draft, verb, command);
    case 'override':
      return override(draft, verb, command);
    case 'cancel':
      return cancel(draft, command);
    case 'abort':
      return abort(draft, command);
  }
}

function pause(draft: Draft, { scope = 'run' }: VerbOf<'pause'>, command: Command): null {
  if (draft.state.pausedBy.includes(scope)) return null;
  draft.emit({ type: 'run.paused', scope }, command.reason, command.actor);
  return null;
}

function resume(draft: Draft, { scope = 'run' }: VerbOf<'resume'>, command: Command): Refusal | null {
  const { pausedBy, pausedAt } = draft.state;
  if (!pausedBy.includes(scope)) {
    if (scope === 'system' || pausedBy.length === 0) return null;
    return invalid('cannot resume: the whole system is paused; resume it with `theseus resume --all`');
  }
  const isLast = pausedBy.length === 1;
  const pausedMs = isLast ? draft.now - (pausedAt ?? draft.now) : 0;
  draft.emit({ type: 'run.resumed', scope, pausedMs }, command.reason, command.actor);
  return null;
}

function trigger(draft: Draft, { name }: VerbOf<'trigger'>, command: Command): Refusal | null {
  const known = draft.state.contingencies[name];
  if (known === undefined) {
    const names = Object.keys(draft.state.contingencies).join(', ') || 'none';
    return { code: 'not-found', message: `there is no contingency '${name}' in this run, there are: ${names}` };
  }
  if (known.status !== 'acting') fire(draft, name, null, command.reason, command.actor);
  return null;
}

function rollback(draft: Draft, verb: VerbOf<'rollback'>, command: Command): Refusal | null {
  const target = verb.scope === 'plan' ? draft.state.plan.name : verb.target;
  if (target === undefined) return invalid(`which ${verb.scope} should be rolled back?`);
  const unknown = unknownTarget(draft.state, verb.scope, target);
  if (unknown !== null) return unknown;
  const before = draft.events.length;
  const request = { scope: verb.scope, target, overMs: verb.overMs, evidence: null };
  initiateRollback(draft, request, command.reason, command.actor);
  const underWay = draft.state.rollbacks.some(({ status }) => status === 'running');
  if (draft.events.length > before || underWay) return null;
  return invalid(`nothing to roll back: ${verb.scope} ${target} is on legacy and has no step to take back`);
}

function unknownTarget(state: RolloutState, scope: VerbOf<'rollback'>['scope'], target: string): Refusal | null {
  if (scope === 'plan') return null;
  const points = state.plan.phases.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'point' ? step.name : [])),
  );
  const names = { flag: Object.keys(state.flags), phase: Object.keys(state.phases), point: points }[scope];
  if (!names.includes(target)) {
    const message = `there is no ${scope} '${target}' in this run, there are: ${names.join(', ') || 'none'}`;
    return { code: 'not-found', message };
  }
  const isAhead = scope === 'point' && pointReachedAt(state, target) === null;
  return isAhead ? invalid(`the run has not passed the point '${target}', so there is nothing to go back to`) : null;
}

/** Ends the run as it stands. Nobody may be left half-way, where nobody would watch them any more. */
function cancel(draft: Draft, command: Command): Refusal | null {
  const { state } = draft;
  if (state.status === 'finished') return null;
  const moving = Object.values(state.flags).filter(
    ({ status, exposure }) => status === 'rolling-back' || (status === 'ramping' && exposure > 0),
  );
  if (moving.length > 0) {
    const keys = moving.map(({ key }) => key).join(', ');
    return invalid(
      `cannot cancel: ${keys} would be left half-way and unwatched; roll back, promote to the end, or abort`,
    );
  }
  if (state.rollbacks.some(({ status }) => status === 'running')) {
    return invalid('cannot cancel: a rollback is under way; wait for it, or abort');
  }
  const acting = Object.keys(state.steps).find((id) => isActing(state, id));
  if (acting !== undefined) return invalid(`cannot cancel: ${acting} is at work; wait for it, or abort`);
  for (const { key } of Object.values(state.flags).filter((flag) => isNamedOnly(flag))) {
    const down = { type: 'flag.exposure-changed', flag: key, from: 0, to: 0, stage: null } as const;
    draft.emit(down, command.reason, command.actor);
  }
  draft.emit({ type: 'run.finished', outcome: 'cancelled' }, command.reason, command.actor);
  return null;
}

/** Everybody to legacy at once and nothing else any more: no undo, no message, no question. Only freezes are lifted. */
function abort(draft: Draft, command: Command): Refusal | null {
  takeBackRetirements(draft, { flags: Object.keys(draft.state.flags) }, command.actor);
  restoreFallback(draft, Object.keys(draft.state.flags), command.reason, command.actor);
  for (const key of Object.keys(draft.state.flags)) sendToLegacy(draft, key, command.reason, command.actor);
  for (const rollbackUnderWay of draft.state.rollbacks) {
    if (rollbackUnderWay.status === 'running') endFailed(draft, rollbackUnderWay, 'a person aborted it', command.actor);
  }
  if (draft.state.outcome === 'aborted') return null;
  draft.emit({ type: 'run.finished', outcome: 'aborted' }, command.reason, command.actor);
  return null;
}
