import { fullSince, lifecycleOf } from '@theseus/core/flag';
import { flagHistoryOf, type RolloutState } from '@theseus/core/rollout';
import type { Database } from '../ports/database.ts';
import type { FlagDirectory, FlagOverview } from '../ports/flag-directory.ts';
import type { InstanceView } from '../ports/telemetry-service.ts';
import { flagOwners, type OwnedFlag } from '../postgres/flag-owners.ts';
import type { RunStore } from '../postgres/run-store.ts';
import type { TelemetryStore } from '../postgres/telemetry-store.ts';
import { SILENT_AFTER_MS } from './confirmation.ts';

export interface FlagCatalogueParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly telemetry: TelemetryStore;
}

/** What is known of every flag, put together from its definition, its run and the instances of its environment. */
export class FlagCatalogue implements FlagDirectory {
  readonly #parts: FlagCatalogueParts;

  constructor(parts: FlagCatalogueParts) {
    this.#parts = parts;
  }

  async overview(of: { readonly environment?: string } = {}): Promise<readonly FlagOverview[]> {
    const { database, telemetry } = this.#parts;
    const flags = await flagOwners(database, of.environment);
    const states = await this.#states(new Set(flags.map(({ runId }) => runId)));
    const instances = await telemetry.instances(SILENT_AFTER_MS, of);
    return flags.flatMap((flag) => {
      const state = states.get(flag.runId);
      return state === undefined ? [] : [overviewOf(flag, state, { flags, instances })];
    });
  }

  async #states(runIds: ReadonlySet<string>): Promise<ReadonlyMap<string, RolloutState>> {
    const states = new Map<string, RolloutState>();
    for (const runId of runIds) {
      const stored = await this.#parts.runs.read(this.#parts.database, runId);
      if (stored !== null) states.set(runId, stored.state);
    }
    return states;
  }
}

function overviewOf(
  flag: OwnedFlag,
  state: RolloutState,
  around: { readonly flags: readonly OwnedFlag[]; readonly instances: readonly InstanceView[] },
): FlagOverview {
  const { key, environment, version, definition, runId, isPlanned } = flag;
  const history = flagHistoryOf(state, key);
  const neighbours = around.flags.filter((other) => other.environment === environment);
  const live = around.instances.filter((instance) => instance.environment === environment);
  return {
    key,
    environment,
    version,
    definition,
    lifecycle: lifecycleOf(definition, history),
    history,
    fullSince: fullSince(definition, history),
    run: { runId, plan: state.plan.name, status: state.status, outcome: state.outcome },
    isPlanned,
    requiredBy: neighbours.flatMap((other) => (other.definition.requires.includes(key) ? other.key : [])),
    instances: { live: live.length, serving: live.filter(({ servedVersion }) => servedVersion >= version).length },
  };
}
