import type { MetricComparison, Reading } from '@theseus/core/health';
import type { GoalSource } from '@theseus/core/plan';
import type { MetricSource } from '../ports/metric-source.ts';
import type { ReadingRequest } from '../ports/reading-request.ts';
import { noReading } from './reading.ts';

/** Reads what users of the flag's variants have reached. Its value is that of the variant that stands worst. */
export async function readGoal(
  metrics: Pick<MetricSource, 'compare'> | undefined,
  { runId, environment, flag, signal, now }: ReadingRequest,
  { goal, measure, better }: GoalSource,
): Promise<Reading> {
  const of = { signal: signal.name, source: `goal ${goal}` };
  if (metrics === undefined) return noReading(of, 'error', 'goals are read where gates are judged, and nowhere else');
  if (flag === null) return noReading(of, 'no-data', 'goals belong to users of a flag, and none is watched here');
  const asked = [{ name: signal.name, goal, measure, better }];
  const { comparisons, heardAt } = await metrics.compare({ runId, environment, flag, metrics: asked });
  const [metric] = comparisons;
  if (metric === undefined || heardAt === null) {
    return noReading(of, 'no-data', `no SDK has reported from environment '${environment}' yet`);
  }
  const ageMs = Math.max(0, now - heardAt);
  if (ageMs > signal.freshForMs) return { ...of, status: 'stale', value: null, ageMs };
  const scale = measure === 'rate' ? 100 : 1;
  const worst = worstOf(metric);
  if (worst === null) return { ...noReading(of, 'no-data', metric.problem ?? 'nobody was exposed yet'), metric, ageMs };
  const usual = metric.arms.find(({ variant }) => variant === metric.control)?.estimate ?? null;
  return {
    ...of,
    status: 'ok',
    value: worst.estimate * scale,
    ...(usual === null ? {} : { legacy: usual * scale }),
    sample: worst.users,
    metric,
    ageMs,
  };
}

function worstOf({ arms, control, better }: MetricComparison): { estimate: number; users: number } | null {
  const others = arms.flatMap(({ variant, estimate, users }) =>
    variant === control || estimate === null ? [] : [{ estimate, users }],
  );
  const sign = better === 'higher' ? 1 : -1;
  return others.toSorted((left, right) => sign * (left.estimate - right.estimate))[0] ?? null;
}
