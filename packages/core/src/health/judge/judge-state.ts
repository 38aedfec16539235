import type { ArmPair } from './arm-counts.ts';
import { noCounts } from './arm-counts.ts';
import { NO_SCATTER, type Scatter } from './design-effect.ts';
import type { JudgeProfile } from './profile.ts';
import { NO_RESTARTS, type Restarts } from './restarts.ts';

export const JUDGED_METRICS = ['errors', 'latency', 'throughput'] as const;

/** What a candidate can be worse in. */
export type JudgedMetric = (typeof JUDGED_METRICS)[number];

/** What does not change while one rollout is judged. */
export interface JudgeSetting {
  readonly profile: JudgeProfile;
  /** How many looks are planned in all; more may follow. */
  readonly looks: number;
  /** So many first looks say nothing about latency: cold caches, compilation. */
  readonly warmUpLooks: number;
  /** The share of failed requests, 0 to 1, that the candidate must not be above, whatever legacy does; null for none. */
  readonly errorLimit: number | null;
  readonly metrics: readonly JudgedMetric[];
  /** What legacy did before the rollout. */
  readonly prior: { readonly requests: number; readonly errors: number };
  readonly segments: readonly string[];
  /** How far looks are apart, in milliseconds: turns looks into time for people. */
  readonly everyMs: number;
}

/** `needs-data`: nothing alarming, and not enough to rule harm out. `environment`: legacy itself is ill. */
export type InconclusiveReason = 'needs-data' | 'no-data' | 'no-traffic' | 'environment';

export interface JudgeVerdict {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
  /** What the candidate is worse in; null unless it fails. */
  readonly metric: JudgedMetric | null;
  readonly reason: InconclusiveReason | null;
  /** The value of the e-process against "no worse than is tolerated"; a failure needs `required`. */
  readonly evidence: number;
  readonly required: number;
  /** Why there was nothing to judge. */
  readonly problem: string | null;
}

/** The e-processes whose value speaks against the candidate. */
export interface Charges<T> {
  readonly requests: T;
  readonly users: T;
  readonly body: T;
  readonly tail: T;
  readonly throughput: T;
  readonly arrivals: T;
  readonly limit: T;
  readonly segments: readonly T[];
}

/** The e-processes whose value speaks against harm. */
export interface Defences<T> {
  readonly requests: T;
  readonly users: T;
  readonly body: T;
  readonly tail: T;
  readonly throughput: T;
  readonly arrivals: T;
}

type Sums = readonly number[];

/** All that a judge remembers: plain JSON, of a size that does not depend on traffic or time. */
export interface JudgeState {
  /** Looks so far, those without data included. */
  readonly looks: number;
  /** Looks since the last that had data. */
  readonly blindLooks: number;
  readonly restarts: Restarts;
  readonly charges: Charges<Sums>;
  readonly defences: Defences<Sums>;
  /** Counts at the last look that had data; null before the first. */
  readonly last: ArmPair | null;
  readonly epoch: number;
  /** What was counted while it was judged. */
  readonly judged: ArmPair<Tally>;
  /** Legacy's requests and errors of late, each look weighing nine tenths of the next. */
  readonly recent: { readonly requests: number; readonly errors: number };
  /** What legacy did while the world was not ill. */
  readonly usual: { readonly requests: number; readonly errors: number };
  readonly scatter: { readonly requests: Scatter; readonly users: Scatter };
  readonly verdict: JudgeVerdict | null;
}

/** What an explanation needs of one arm. */
export interface Tally {
  readonly requests: number;
  readonly errors: number;
  /** Users seen for the first time. */
  readonly users: number;
  /** The requests that would have come at legacy's rate for each assigned user. */
  readonly expected: number;
  readonly timed: number;
  readonly body: number;
  readonly tail: number;
}

const NOTHING: Tally = { requests: 0, errors: 0, users: 0, expected: 0, timed: 0, body: 0, tail: 0 };

/**
 * A judge that has seen nothing.
 *
 * @param counting `from-zero` where the first counts it is given are growth since it began; otherwise they are
 * what it begins at.
 */
export function beginJudge(
  { segments }: JudgeSetting,
  { counting = 'from-first-look' }: { readonly counting?: 'from-first-look' | 'from-zero' } = {},
): JudgeState {
  const zero = noCounts(segments.length);
  const none: Sums = [];
  return {
    looks: 0,
    blindLooks: 0,
    restarts: NO_RESTARTS,
    charges: {
      requests: none,
      users: none,
      body: none,
      tail: none,
      throughput: none,
      arrivals: none,
      limit: none,
      segments: segments.map(() => none),
    },
    defences: { requests: none, users: none, body: none, tail: none, throughput: none, arrivals: none },
    last: counting === 'from-zero' ? { legacy: zero, candidate: zero } : null,
    epoch: 0,
    judged: { legacy: NOTHING, candidate: NOTHING },
    recent: { requests: 0, errors: 0 },
    usual: { requests: 0, errors: 0 },
    scatter: { requests: NO_SCATTER, users: NO_SCATTER },
    verdict: null,
  };
}
