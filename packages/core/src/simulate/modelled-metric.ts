import type { MetricComparison, Reading } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';

/** Users behind a modelled metric: enough for any interval. */
const USERS = 100_000;

/**
 * What a goal's reading says of the variants: with as many users as there are here the interval is the difference
 * itself. Readings wander as far as 1 %, which is no difference.
 */
export function modelledMetric(
  plan: Plan,
  flag: string | null,
  { signal, value, legacy = 0 }: Reading,
): Pick<Reading, 'metric'> {
  const source = plan.signals[signal]?.source;
  if (source?.kind !== 'goal' || value === null) return {};
  const { goal, measure, better } = source;
  const scale = measure === 'rate' ? 100 : 1;
  const apart = (value - legacy) / scale;
  const difference = Math.abs(value - legacy) <= Math.abs(legacy) / 50 ? 0 : apart;
  const [low, high] = [difference, difference];
  const verdict =
    difference === 0 ? 'no-difference-shown' : difference > 0 === (better === 'higher') ? 'better' : 'worse';
  const arms = { legacy, candidate: value };
  const metric: MetricComparison = {
    name: signal,
    goal,
    measure,
    better,
    flag: flag ?? '',
    control: 'legacy',
    arms: Object.entries(arms).map(([variant, reached]) => ({
      variant,
      users: USERS,
      conversions: Math.round((USERS * reached) / 100),
      value: USERS * reached,
      squares: USERS * reached * reached,
      estimate: reached / scale,
    })),
    comparisons: [
      {
        variant: 'candidate',
        control: 'legacy',
        users: USERS,
        conversions: Math.round((USERS * value) / 100),
        estimate: value / scale,
        difference,
        low,
        high,
        level: 0.95,
        verdict,
        moreUsers: null,
      },
    ],
    problem: null,
  };
  return { metric };
}
