/** What a difference between the arms may be before it counts as one. */
export interface Margin {
  /** The candidate's error rate may be this many times legacy's … */
  readonly errorRatio: number;
  /** … and so much more, as a share of requests. */
  readonly errorShare: number;
  /** How many times slower the body, about the 75th percentile, may be. */
  readonly bodyFactor: number;
  /** How many times slower the tail, about the 99th percentile, may be. */
  readonly tailFactor: number;
  /** The least throughput for each assigned user, as a share of legacy's. */
  readonly throughputRatio: number;
}

export const PROFILE_NAMES = ['strict', 'balanced', 'tolerant'] as const;

export type ProfileName = (typeof PROFILE_NAMES)[number];

export interface JudgeProfile {
  readonly name: ProfileName;
  /** Bound on the probability that a rollout within the tolerated margin is ever rolled back, all metrics together. */
  readonly falseRollback: number;
  /** Bound on the probability that a rollout at the harmful margin passes, for each metric. */
  readonly falsePass: number;
  /** Up to here the candidate counts as no worse. */
  readonly tolerated: Margin;
  /** What a pass must have excluded. */
  readonly harmful: Margin;
}

/** One bucket of an eighth of an octave, the step in which latency margins are measured. */
const BUCKET = 2 ** (1 / 8);

const HARMFUL: Margin = {
  errorRatio: 2,
  errorShare: 0.001,
  bodyFactor: BUCKET ** 5,
  tailFactor: 2,
  throughputRatio: 0.75,
};

const NO_MARGIN: Margin = { errorRatio: 1, errorShare: 0, bodyFactor: 1, tailFactor: 1, throughputRatio: 1 };

export const PROFILES: Readonly<Record<ProfileName, JudgeProfile>> = {
  strict: { name: 'strict', falseRollback: 0.04, falsePass: 0.05, tolerated: NO_MARGIN, harmful: HARMFUL },
  balanced: {
    name: 'balanced',
    falseRollback: 0.05,
    falsePass: 0.05,
    tolerated: { ...NO_MARGIN, errorShare: 0.0002, bodyFactor: BUCKET, tailFactor: BUCKET ** 2 },
    harmful: HARMFUL,
  },
  tolerant: {
    name: 'tolerant',
    falseRollback: 0.05,
    falsePass: 0.05,
    tolerated: {
      errorRatio: 1.1,
      errorShare: 0.0002,
      bodyFactor: BUCKET,
      tailFactor: BUCKET ** 2,
      throughputRatio: 0.9,
    },
    harmful: HARMFUL,
  },
};
