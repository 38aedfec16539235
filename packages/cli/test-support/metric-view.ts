import { compareVariants, type MetricComparison } from '@theseus/core/health';

/** What a thousand users each of legacy and of two variants have reached. */
export function metricView(
  conversions: readonly [legacy: number, short: number, long: number],
  users: readonly [number, number, number] = [1_000, 1_000, 1_000],
): MetricComparison {
  const names = ['legacy', 'short', 'long'];
  return compareVariants({
    flag: 'reply',
    metric: { name: 'response-rate', goal: 'replied', measure: 'rate', better: 'higher' },
    variants: names.map((variant, at) => ({
      variant,
      users: users[at] ?? 0,
      conversions: conversions[at] ?? 0,
      value: 0,
      squares: 0,
      expected: 1 / 3,
    })),
  });
}
