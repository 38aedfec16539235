import { MIGRATION_STAGES, type MigrationStage } from '../flag/index.ts';
import { type RampStep, rampsOf } from './plan-index.ts';
import type { FlagState, RolloutState } from './state.ts';

/** Where everybody is who is not exposed to the next stage; undefined where the flag is no migration. */
export function stageOf(state: RolloutState, flag: string): MigrationStage | undefined {
  if (state.plan.flags[flag]?.migration === undefined) return undefined;
  return state.flags[flag]?.stage ?? 'off';
}

/** The ramp of a flag that is under way. Of a flag without stages it is the only one, whatever its status. */
export function rampUnderWay(state: RolloutState, flag: string): RampStep | undefined {
  const ramps = rampsOf(state.plan, flag);
  if (ramps.length < 2 && ramps[0]?.move === undefined) return ramps[0];
  return ramps.find(({ id }) => state.steps[id]?.status === 'running');
}

/** The stages of both arms: what is exposed is at the next stage, and where nothing is under way there is no other. */
export function stagesOfArms(
  state: RolloutState,
  flag: string,
): { readonly legacy: MigrationStage; readonly candidate: MigrationStage } {
  const legacy = stageOf(state, flag) ?? 'off';
  return { legacy, candidate: rampUnderWay(state, flag)?.move?.to ?? legacy };
}

/** The stage before this one; `off` has none. */
export function stageBefore(stage: MigrationStage): MigrationStage {
  return MIGRATION_STAGES[Math.max(0, rankOf(stage) - 1)] ?? 'off';
}

/**
 * The stage that a migration can go back to at the most: where legacy has missed writes it must not answer any more.
 */
export function lowestStage({ hasLeftLegacy }: FlagState): MigrationStage {
  return hasLeftLegacy ? 'live' : 'off';
}

/** The later of two stages. */
export function laterStage(one: MigrationStage, other: MigrationStage): MigrationStage {
  return rankOf(one) >= rankOf(other) ? one : other;
}

export function isLaterStage(one: MigrationStage, other: MigrationStage): boolean {
  return rankOf(one) > rankOf(other);
}

function rankOf(stage: MigrationStage): number {
  return MIGRATION_STAGES.indexOf(stage);
}
