import { TheseusError } from '@theseus/core/error';
import {
  type Gate,
  type GateRule,
  isJudgedGate,
  JUDGED_METRICS,
  type JudgedMetric,
  type JudgeProfile,
} from '@theseus/core/health';
import { type ArmHistory, type ArmQueries, armHistory, asksForArm, type PrometheusPlace } from '@theseus/server';
import type { Command } from 'commander';

export interface ArmOptions {
  readonly requests?: string;
  readonly errors?: string;
  readonly latency?: string;
  readonly arms: string;
  readonly share?: string;
}

export function addArmOptions(command: Command): Command {
  return command
    .option('--requests <query>', 'counters of the requests of an arm, in PromQL')
    .option('--errors <query>', 'counters of those that failed')
    .option('--latency <query>', 'counters of the buckets of a histogram, with their label le')
    .option('--arms <legacy,candidate>', 'what ${{ arm }} stands for in them', 'legacy,candidate')
    .option('--share <percent>', 'how many users were on the candidate, so that throughput can be judged: 10%');
}

/** What counters are asked for; null where none are named. */
export function armQueries({ requests, errors, latency, arms, share }: ArmOptions): ArmQueries | null {
  if (requests === undefined && errors === undefined && latency === undefined) return null;
  if (requests === undefined || errors === undefined) {
    throw refused('Arms are compared by counters of requests and of errors: give both --requests and --errors');
  }
  for (const [option, query] of Object.entries({ requests, errors, latency })) {
    if (query === undefined || asksForArm(query)) continue;
    throw refused(`--${option} is the same for both arms: write \${{ arm }} where the label tells them apart`);
  }
  const [legacy = '', candidate = '', ...more] = arms.split(',').map((name) => name.trim());
  if (legacy === '' || candidate === '' || more.length > 0 || legacy === candidate) {
    throw refused(`--arms: '${arms}' does not name two: write legacy first, such as 'stable,canary'`);
  }
  return { requests, errors, latency: latency ?? null, arms: { legacy, candidate }, odds: oddsOf(share) };
}

function oddsOf(share: string | undefined): number | null {
  if (share === undefined) return null;
  const percent = Number(/^(\d+(?:\.\d+)?)\s*%$/.exec(share)?.[1] ?? Number.NaN);
  if (!(percent > 0 && percent < 100)) throw refused(`--share: '${share}' is no share of users: write it like '10%'`);
  return percent / (100 - percent);
}

interface Counted {
  readonly prometheus: PrometheusPlace | null;
  readonly profile: JudgeProfile;
  readonly flag: string | null;
  readonly environment: string;
  readonly from: number;
  readonly to: number;
  readonly everyMs: number;
  readonly baselineMs: number;
}

export async function countArms(queries: ArmQueries, { prometheus, ...counted }: Counted): Promise<ArmHistory> {
  if (prometheus === null) throw refused('No Prometheus is known: give --prometheus URL');
  return armHistory({ ...queries, ...counted, prometheus });
}

/**
 * The gate with the rules that can be answered, and what cannot be: a metric that was not counted would only ever
 * be inconclusive.
 */
export function comparedBy(
  gate: Gate,
  queries: ArmQueries | null,
  arms: ArmHistory | null,
): { readonly gate: Gate; readonly notes: readonly string[] } {
  if (!isJudgedGate(gate)) return { gate, notes: [] };
  if (queries === null || arms === null) {
    const note = 'rules that compare the arms take counters of both: give --requests and --errors';
    const rules = gate.rules.filter((rule) => !isJudgedGate({ rules: [rule] }));
    if (rules.length === 0) throw refused(`Nothing of gate '${gate.name}' can be judged: ${note}`);
    return { gate: { ...gate, rules }, notes: [note] };
  }
  const counted = JUDGED_METRICS.filter(
    (metric) =>
      metric === 'errors' ||
      (metric === 'latency' && arms.hasLatency) ||
      (metric === 'throughput' && queries.odds !== null),
  );
  const named = new Set(gate.rules.flatMap((rule) => metricOf(rule) ?? []));
  const rules = gate.rules.flatMap((rule): readonly GateRule[] => {
    const { bound } = rule.condition;
    if (bound.kind !== 'worse-than-legacy') return [rule];
    if (bound.metric !== null) return counted.includes(bound.metric) ? [rule] : [];
    return counted.filter((metric) => !named.has(metric)).map((metric) => forMetric(rule, metric));
  });
  const isAsked = (metric: JudgedMetric): boolean => named.has(metric) || gate.rules.some(isForAny);
  const notes = JUDGED_METRICS.filter((metric) => isAsked(metric) && !counted.includes(metric)).map(
    (metric) => `${metric} is not judged: ${missing(metric, queries)}`,
  );
  return { gate: { ...gate, rules }, notes };
}

function metricOf({ condition: { bound } }: GateRule): JudgedMetric | null {
  return bound.kind === 'worse-than-legacy' ? bound.metric : null;
}

function isForAny({ condition: { bound } }: GateRule): boolean {
  return bound.kind === 'worse-than-legacy' && bound.metric === null;
}

function forMetric(rule: GateRule, metric: JudgedMetric): GateRule {
  const { condition } = rule;
  const bound = { kind: 'worse-than-legacy' as const, metric };
  return { ...rule, condition: { ...condition, bound, text: `${metric} worse than legacy` } };
}

function missing(metric: JudgedMetric, { latency }: ArmQueries): string {
  if (metric === 'throughput') return 'nobody says how many users were on the candidate (--share)';
  if (latency === null) return 'no histogram is named (--latency)';
  return "legacy's histogram was empty before the start, or has no edges near its 75th and 99th percentile (--baseline takes longer)";
}

function refused(text: string): TheseusError {
  return new TheseusError('invalid-argument', text);
}
