import type { Plan } from '@theseus/core/plan';
import type { RolloutEvent } from '@theseus/core/rollout';
import type { FeatureReport } from './adapters/feature-report.ts';
import type { Fact } from './fact.ts';

/** What of the adapters is worth a line. */
export type ToldFeature = 'answers' | 'cache' | 'breaker-opened' | 'breaker-restored' | 'workflows' | 'actions';

/** What to tell of the adapters after an event, or null. Pure. */
export function featureTold(event: RolloutEvent, plan: Plan, faulty: string): ToldFeature | null {
  if (event.type === 'rollback.initiated' && event.flags.includes(faulty)) return 'breaker-opened';
  if (event.type === 'rollback.completed') return 'breaker-restored';
  if (event.type !== 'step.completed') return null;
  const step = plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === event.stepId);
  if (step?.kind !== 'ramp') return null;
  if (step.move !== undefined && step.move.to !== 'shadow' && step.move.to !== 'live') return null;
  return FEATURE_OF[step.flag] ?? null;
}

const FEATURE_OF: Readonly<Record<string, ToldFeature>> = {
  'cv-analyzer': 'answers',
  'cache-manager': 'cache',
  'recommendation-orchestrator': 'workflows',
  'action-orchestrator': 'actions',
};

/** The line. Pure. */
export function narrateFeature(feature: ToldFeature, report: FeatureReport): Fact {
  const { text, data } = LINES[feature](report);
  return { kind: `feature-${feature}`, tone: 'plain', text: `  ${text}`, data };
}

type Line = (report: FeatureReport) => { readonly text: string; readonly data: Fact['data'] & object };

const LINES: Readonly<Record<ToldFeature, Line>> = {
  answers: ({ analyzer }) => ({
    text: `answers: ${analyzer.different} of ${analyzer.compared} compared answers differ${
      analyzer.paths.length === 0 ? '' : `, at ${analyzer.paths.join(', ')}`
    }`,
    data: { ...analyzer },
  }),
  cache: ({ cache }) => ({
    text: `caches: ${percentOf(cache.coherence)} coherent in ${cache.compared} compared reads, hit rate ${hitRate(cache)}, ${cache.filled} entries brought over, ${cache.owed} writes owed`,
    data: { ...cache },
  }),
  'breaker-opened': ({ generatorBreaker }) => ({
    text: `breaker: the adapter's breaker of recommendation-generator is ${generatorBreaker}`,
    data: { breaker: generatorBreaker },
  }),
  'breaker-restored': ({ generatorBreaker }) => ({
    text: `breaker: restored by the rollback to what was saved before the move, ${generatorBreaker}`,
    data: { breaker: generatorBreaker },
  }),
  workflows: ({ workflows }) => ({
    text: `workflows: ${workflows.finished} finished, ${workflows.outlivedMove} of them on the arm they began on though their user had moved, ${workflows.mixed} on two arms, ${workflows.inFlight} in flight`,
    data: { ...workflows },
  }),
  actions: ({ actions }) => ({
    text: `actions: ${actions.whole} done, ${actions.takenBack} taken back whole, ${actions.mixed} on two arms`,
    data: { ...actions },
  }),
};

function hitRate({ hits, misses }: FeatureReport['cache']): string {
  return percentOf(hits + misses === 0 ? null : hits / (hits + misses));
}

/** Never 100 % of what is not all of it. */
export function percentOf(share: number | null): string {
  if (share === null) return '?';
  return share < 1 && share > 0.9999 ? '> 99.99 %' : `${Number((share * 100).toFixed(2))} %`;
}
