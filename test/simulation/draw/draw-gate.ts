import type { PlanSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';

type GateSource = NonNullable<PlanSource['gates']>[string];

/** Every kind of source and unit; what each reads when all is well stands in model/sources.ts. */
export const SIGNALS: NonNullable<PlanSource['signals']> = {
  errors: { telemetry: 'error-rate' },
  success: { telemetry: 'success-rate' },
  latency: { telemetry: 'latency-p95' },
  queue: { http: 'http://metrics.test/queue', unit: 'count', freshFor: '5m' },
  lag: { command: 'read-lag', unit: 'ms', freshFor: '5m' },
  complaints: { reported: true, unit: 'count' },
};

interface ConditionRecipe {
  readonly weight: number;
  readonly text: string;
  readonly needsBaseline?: true;
}

const CONDITIONS: readonly ConditionRecipe[] = [
  { weight: 5, text: 'errors > 5%' },
  { weight: 2, text: 'errors > legacy + 5 points' },
  { weight: 2, text: 'errors > 4x baseline', needsBaseline: true },
  { weight: 2, text: 'success < 90%' },
  { weight: 2, text: 'latency > 400ms' },
  { weight: 2, text: 'latency > 2x legacy' },
  { weight: 1, text: 'latency >= 2x baseline', needsBaseline: true },
  { weight: 2, text: 'queue > 100' },
  { weight: 1, text: 'lag > 5s' },
  { weight: 1, text: 'complaints >= 10' },
];

const ACTIONS = [
  { weight: 4, text: 'rollback now' },
  { weight: 1, text: 'rollback over 5m' },
  { weight: 1, text: 'rollback phase now' },
  { weight: 1, text: 'rollback phase over 10m' },
  { weight: 1, text: 'rollback plan now' },
  { weight: 1, text: 'rollback plan over 5m' },
  { weight: 3, text: 'hold' },
  { weight: 3, text: 'warn' },
] as const;

const HOLDS = [
  { weight: 5, text: '' },
  { weight: 1, text: ' for 1m' },
  { weight: 1, text: ' for 4m' },
] as const;

export const EVERY = ['10s', '20s', '30s', '60s'] as const;
/** Gates of plans with windows are asked seldom: a night of waiting would be thousands of looks. */
export const SELDOM = ['2m', '5m'] as const;

export interface GateOptions {
  readonly hasBaseline: boolean;
  readonly hasWindows: boolean;
}

export function drawGate(random: Random, options: GateOptions): GateSource {
  const known = CONDITIONS.filter(({ needsBaseline }) => options.hasBaseline || needsBaseline !== true);
  const written = new Map<string, string>();
  for (let left = random.int(1, 4); left > 0; left -= 1) {
    written.set(random.weighted(known).text + random.weighted(HOLDS).text, random.weighted(ACTIONS).text);
  }
  return {
    every: random.pick(options.hasWindows ? SELDOM : EVERY),
    rules: [...written].map(([condition, action]) => ({ [condition]: action })),
    ...(random.chance(0.3) ? { minSample: random.pick([0, 50, 200]) } : {}),
  };
}
