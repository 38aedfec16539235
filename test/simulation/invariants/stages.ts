import { MIGRATION_STAGES, type MigrationStage } from '@theseus/core/flag';
import type { EventCheck } from './invariant.ts';

const rankOf = (stage: MigrationStage): number => MIGRATION_STAGES.indexOf(stage);

/** A migration goes on by one stage, once everybody is at it; and back by one, or at once to where legacy answers. */
const movesByOne: EventCheck = ({ event, before, history }) => {
  if (event.type !== 'flag.stage-changed') return null;
  const { flag, from, to } = event;
  const known = before.flags[flag];
  if ((known?.stage ?? 'off') !== from) return `${flag} is not at ${from}`;
  if (rankOf(to) === rankOf(from) + 1)
    return isReached(before, flag, to) ? null : `${flag} is at ${to} before everybody is`;
  const isAtOnce = to === 'shadow' && (from === 'live' || from === 'rampdown');
  if (rankOf(to) !== rankOf(from) - 1 && !isAtOnce) return `${flag} goes from ${from} to ${to}`;
  if (known?.hasLeftLegacy && rankOf(to) < rankOf('live'))
    return `${flag} goes back to legacy, which has missed writes`;
  return history.takenBack.has(flag) || history.isOver ? null : `${flag} goes back to ${to} and nothing asks for it`;
};

function isReached(before: Parameters<EventCheck>[0]['before'], flag: string, to: MigrationStage): boolean {
  return before.plan.phases
    .flatMap(({ steps }) => steps)
    .some((step) => {
      const known = before.steps[step.id];
      if (step.kind !== 'ramp' || step.flag !== flag || step.move?.to !== to || known?.status !== 'running')
        return false;
      return known.stage === step.through.length - 1 && before.flags[flag]?.exposure === step.through.at(-1);
    });
}

/** The candidate answers nobody new while something is owed to it, or nobody can tell; a person may go on all the same. */
const goesLiveRepaired: EventCheck = ({ event, before, commit }) => {
  if (event.type !== 'flag.exposure-changed' || event.to <= event.from || event.actor.kind === 'person') return null;
  const step = before.plan.phases
    .flatMap(({ steps }) => steps)
    .find((each) => each.kind === 'ramp' && each.flag === event.flag && before.steps[each.id]?.status === 'running');
  if (step?.kind !== 'ramp' || step.move?.to !== 'live') return null;
  const repairs = commit.input?.kind === 'judged' ? commit.input.watch.repairs : undefined;
  if (repairs && repairs.pending + repairs.failed + repairs.silent === 0) return null;
  return `${event.flag} is exposed to ${event.to} by ${commit.input?.kind ?? 'nothing'}, and ${repairs?.pending ?? 'nobody knows what'} is owed`;
};

/** Every instance serves a stage before anybody comes to the next. */
const isServedFirst: EventCheck = ({ event, before }) => {
  if (event.type !== 'flag.exposure-changed' || event.from > 0 || event.stage !== 0) return null;
  const flag = before.flags[event.flag];
  const isMigration = before.plan.flags[event.flag]?.migration !== undefined;
  return isMigration && flag?.confirmed === false ? `${event.flag} moves on before its stage is served` : null;
};

export const STAGE_CHECKS: Readonly<Record<string, EventCheck>> = {
  'one-stage-at-a-time': movesByOne,
  'live-when-repaired': goesLiveRepaired,
  'served-before-the-next': isServedFirst,
};
