import type { Adapters } from './adapters.ts';
import type { BookingCounts } from './bookings.ts';
import type { WorkflowCounts } from './workflows.ts';

/** What the adapters have done so far: the front's own numbers, beside what Theseus counts. */
export interface FeatureReport {
  readonly cache: {
    readonly hits: number;
    readonly misses: number;
    /** From 0 to 1; null before the first compared read. */
    readonly coherence: number | null;
    readonly compared: number;
    /** Misses of the new store that the old one could fill. */
    readonly filled: number;
    readonly owed: number;
  };
  readonly analyzer: { readonly compared: number; readonly different: number; readonly paths: readonly string[] };
  readonly generatorBreaker: string;
  readonly workflows: WorkflowCounts;
  readonly actions: BookingCounts & { readonly takenBack: number; readonly owed: number };
}

export async function reportFeatures(adapters: Adapters): Promise<FeatureReport> {
  const { analyzer, generator, cache, orchestrator, actions } = adapters;
  const [workflows, booked] = await Promise.all([orchestrator.counts(), actions.counts()]);
  const { coherence, filled, legacy, candidate } = cache.stats();
  const differences = analyzer.differences();
  return {
    cache: {
      hits: legacy.hits + candidate.hits,
      misses: legacy.misses + candidate.misses,
      coherence: coherence ?? null,
      compared: cache.migration.differences().compared,
      filled,
      owed: cache.migration.health().pendingRepairs,
    },
    analyzer: {
      compared: differences.compared,
      different: differences.different,
      paths: differences.paths.map(({ path, kind, count }) => `${path} ${kind} in ${count}`),
    },
    generatorBreaker: generator.health().breaker,
    workflows,
    actions: { ...booked, takenBack: actions.takenBack(), owed: actions.migration.health().pendingRepairs },
  };
}
