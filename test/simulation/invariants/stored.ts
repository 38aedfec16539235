import type { Command, FlagStatus, RolloutState } from '@theseus/core/rollout';
import type { CommitCheck, Stored } from './invariant.ts';

/** Where everybody is on the candidate of what a flag requires. */
const IN_PLACE: readonly FlagStatus[] = ['complete', 'retired'];

/**
 * A flag is exposed only while each flag it requires is exposed too, and is either complete or on its way down together
 * with it. How far each is exposed is not compared: evaluation asks the prerequisite for each subject anew.
 */
const keepsPrerequisites: CommitCheck = ({ after }) => {
  for (const flag of Object.values(after.flags)) {
    if (flag.exposure === 0) continue;
    for (const key of after.plan.flags[flag.key]?.requires ?? []) {
      const required = after.flags[key];
      if (required === undefined || required.exposure === 0) return `${flag.key} is exposed, ${key} is not`;
      if (!IN_PLACE.includes(required.status) && !descendTogether(after, flag.key, key)) {
        return `${flag.key} is exposed while ${key} is ${required.status}`;
      }
    }
  }
  return null;
};

function descendTogether(state: RolloutState, ...flags: readonly string[]): boolean {
  return state.rollbacks.some(
    ({ status, flags: own }) => status === 'running' && flags.every((key) => own.includes(key)),
  );
}

function commandOf({ commit }: Stored): Command | null {
  return commit.input?.kind === 'command' ? commit.input.command : null;
}

/** What a rollback reaches by the plan: what it names, and all that requires it. */
export function flagsReached(
  state: RolloutState,
  verb: Extract<Command['verb'], { readonly verb: 'rollback' }>,
): ReadonlySet<string> {
  const { plan } = state;
  const inPhases = plan.phases
    .filter(({ name }) => verb.scope !== 'flag' && (verb.scope !== 'phase' || name === verb.target))
    .flatMap(({ steps }) => steps)
    .filter(({ id }) => verb.scope !== 'point' || isAfterPoint(state, id, verb.target))
    .flatMap((step) => (step.kind === 'ramp' ? [step.flag] : []));
  const reached = new Set(verb.scope === 'flag' && verb.target !== undefined ? [verb.target] : inPhases);
  let size = -1;
  while (size !== reached.size) {
    size = reached.size;
    for (const { key, requires } of Object.values(plan.flags)) {
      if (requires.some((required) => reached.has(required))) reached.add(key);
    }
  }
  return reached;
}

/** Certain only where the step began later than the point was passed; in the same moment the plan's order decides. */
function isAfterPoint({ plan, steps }: RolloutState, stepId: string, point: string | undefined): boolean {
  const own = plan.phases.flatMap((phase) => phase.steps).find((step) => step.kind === 'point' && step.name === point);
  const passed = own === undefined ? undefined : steps[own.id];
  if (passed?.status !== 'completed') return false;
  return (steps[stepId]?.startedAt ?? 0) > (passed.endedAt ?? Number.POSITIVE_INFINITY);
}

/** A person's rollback that is accepted takes everybody down at once, or is under way as fast as was asked. */
const obeysRollback: CommitCheck = (stored) => {
  const command = commandOf(stored);
  if (command?.verb.verb !== 'rollback') return null;
  const { overMs } = command.verb;
  const { after } = stored;
  for (const key of flagsReached(stored.before, command.verb)) {
    if ((after.flags[key]?.exposure ?? 0) === 0) continue;
    const isUnderWay = after.rollbacks.some(
      (known) => known.status === 'running' && known.flags.includes(key) && known.overMs <= overMs,
    );
    if (overMs === 0 || !isUnderWay) return `${key} is still exposed after a rollback over ${overMs} ms`;
  }
  return null;
};

/** A rollback that fails leaves nobody on the candidate. */
const failsToLegacy: CommitCheck = ({ commit, after }) => {
  for (const { event } of commit.staged.events) {
    if (event.type !== 'rollback.failed') continue;
    const flags = after.rollbacks.find(({ id }) => id === event.rollbackId)?.flags ?? [];
    const exposed = flags.find((key) => (after.flags[key]?.exposure ?? 0) > 0);
    if (exposed !== undefined) return `${event.rollbackId} failed and ${exposed} is still exposed`;
  }
  return null;
};

const obeysAbort: CommitCheck = (stored) => {
  if (commandOf(stored)?.verb.verb !== 'abort') return null;
  const { after } = stored;
  const exposed = Object.values(after.flags).find(({ exposure }) => exposure > 0);
  if (exposed !== undefined) return `${exposed.key} is exposed after an abort`;
  if (after.status !== 'finished') return 'an aborted run is not finished';
  return after.rollbacks.some(({ status }) => status === 'running') ? 'a rollback goes on after an abort' : null;
};

/** A click that was aimed at what is no longer so moves nothing. */
const refusesStaleClicks: CommitCheck = (stored) => {
  const command = commandOf(stored);
  const { verb, expectedRevision } = command ?? {};
  if (expectedRevision === undefined || verb?.verb === 'rollback' || verb?.verb === 'abort') return null;
  const { before, commit } = stored;
  if (expectedRevision === before.revision || commit.staged.events.length === 0) return null;
  return `${verb?.verb} was aimed at revision ${expectedRevision} and obeyed at ${before.revision}`;
};

const obeysOnce: CommitCheck = ({ commit, history }) => {
  const { commandId } = commit.options;
  return commandId !== undefined && history.commands.has(commandId) ? `${commandId} is obeyed twice` : null;
};

/** What was held by a failure is tried again when a person says so. */
const retries: CommitCheck = (stored) => {
  const command = commandOf(stored);
  if (command?.verb.verb !== 'retry' || stored.after.status !== 'running') return null;
  const { events } = stored.commit.staged;
  for (const { event } of events) {
    if (event.type !== 'step.released') continue;
    const again = events.some((other) => other.event.type === 'step.held' && other.event.stepId === event.stepId);
    if (again) return `${event.stepId} is held again by the very retry that released it`;
  }
  return null;
};

/** A driver whose lease has passed to another writes nothing. */
const isFenced: CommitCheck = ({ commit }) => {
  const { epoch } = commit.options;
  if (epoch === undefined || epoch === commit.leaseEpoch) return null;
  return `epoch ${epoch} wrote, the lease is at ${commit.leaseEpoch}`;
};

export const STORED_CHECKS: Readonly<Record<string, CommitCheck>> = {
  prerequisites: keepsPrerequisites,
  'rollback-obeyed': obeysRollback,
  'fails-to-legacy': failsToLegacy,
  'abort-obeyed': obeysAbort,
  'stale-click': refusesStaleClicks,
  'command-once': obeysOnce,
  retried: retries,
  fenced: isFenced,
};
