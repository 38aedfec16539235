/** What is measured of a user: whether the goal was reached at all, or the sum of the values it was reached with. */
export type MetricMeasure = 'rate' | 'value';

/** Which way is good. */
export type MetricDirection = 'higher' | 'lower';

/** A business metric: a goal of users, and how it is read. */
export interface Metric {
  /** As the plan calls it. */
  readonly name: string;
  readonly goal: string;
  readonly measure: MetricMeasure;
  readonly better: MetricDirection;
}

/** What is known of one variant: sums over its users, since the split last changed. */
export interface VariantSums {
  readonly variant: string;
  /** Users who were exposed to it. */
  readonly users: number;
  /** Those of them who reached the goal, each once. */
  readonly conversions: number;
  /** The sum over users of the values of all their goals. */
  readonly value: number;
  /** The sum over users of the square of the same. */
  readonly squares: number;
}

/** A variant with the share of all users it should have. */
export interface ObservedVariant extends VariantSums {
  readonly expected: number;
}

/**
 * `better` and `worse` than the control are said only when the whole interval says so. `needs-data`: there are too few
 * users for an interval. `no-difference-shown`: there is one, and 0 is in it, which is no proof that there is none.
 */
export type MetricVerdict = 'better' | 'worse' | 'no-difference-shown' | 'needs-data';

export interface VariantComparison {
  readonly variant: string;
  readonly control: string;
  readonly users: number;
  readonly conversions: number;
  /** The variant's rate, 0 to 1, or its mean value by user; null without users. */
  readonly estimate: number | null;
  /** Variant less control, in the same unit. */
  readonly difference: number | null;
  /** The interval of the difference; null as long as there are too few users for one. */
  readonly low: number | null;
  readonly high: number | null;
  /** With this probability all intervals of the metric hold the truth at all looks together, 0 to 1. */
  readonly level: number;
  readonly verdict: MetricVerdict;
  /**
   * How many more users in both arms together it takes: with `needs-data` for an interval; with `no-difference-shown`
   * until a difference as large as the present one would be shown. Null where that is more than a thousand times as many,
   * and where the verdict is in.
   */
  readonly moreUsers: number | null;
}

/** What an exposure had led to when it ended. */
export interface PastComparison extends MetricComparison {
  readonly exposurePercent: number;
  /** When the last was heard of it, in epoch milliseconds. */
  readonly endedAt: number;
}

/** All variants of one flag by one metric. */
export interface MetricComparison extends Metric {
  readonly flag: string;
  /** With whom the others are compared: legacy, or the first variant where nobody is left there. */
  readonly control: string;
  readonly arms: readonly (VariantSums & { readonly estimate: number | null })[];
  /** Empty where the result is refused. */
  readonly comparisons: readonly VariantComparison[];
  /** Why nothing can be said; null where something can. */
  readonly problem: string | null;
}
