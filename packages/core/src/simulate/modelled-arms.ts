import { type ArmCounts, type ArmPair, noCounts, PROFILES } from '../health/index.ts';

/** How both arms of a flag behave, as the simulator imagines it. */
export interface ArmsModel {
  readonly users: number;
  readonly requestsPerUserMinute: number;
  /** The candidate's share of the users, 0 to 1. */
  readonly share: number;
  /** The share of requests that fail, 0 to 1. */
  readonly errorShare: ArmPair<number>;
  /** How many times slower than legacy the candidate is. */
  readonly slowness: number;
}

/** The spread of latencies, on the scale of their logarithm. */
const SPREAD = 0.5;
/** Where the body's and the tail's marks stand in a normal distribution: the 75th and the 99th percentile. */
const BODY = 0.6745;
const TAIL = 2.3263;
/** Some users make many more requests than others: so many times the square of the mean is the mean square. */
const UNEVENNESS = 1.5;

/**
 * What both arms have counted after some more time: expected counts, rounded up or down at random so that none is lost.
 *
 * @param random uniform from 0 to 1; the only chance there is
 */
export function grownArms(before: ArmPair | null, model: ArmsModel, elapsedMs: number, random: () => number): ArmPair {
  const { share, errorShare, slowness } = model;
  const arm = (of: keyof ArmPair, users: number, slower: number): ArmCounts =>
    grownArm(before?.[of] ?? noCounts(0), { ...model, users }, errorShare[of], slower, elapsedMs, random);
  return {
    legacy: arm('legacy', model.users * (1 - share), 1),
    candidate: arm('candidate', model.users * share, slowness),
  };
}

function grownArm(
  before: ArmCounts,
  { users, requestsPerUserMinute }: Pick<ArmsModel, 'users' | 'requestsPerUserMinute'>,
  errorShare: number,
  slower: number,
  elapsedMs: number,
  random: () => number,
): ArmCounts {
  const whole = (value: number): number => Math.floor(value) + (random() < value % 1 ? 1 : 0);
  const perUser = (requestsPerUserMinute * elapsedMs) / 60_000;
  const requests = whole(users * perUser);
  const errors = Math.min(requests, whole(requests * errorShare));
  const isActive = 1 - Math.exp(-perUser);
  const { seen, failed, atRisk } = before.users;
  const nowSeen = seen + whole(Math.max(0, users - seen) * isActive);
  const risking = whole(Math.max(0, users - failed) * isActive);
  const failing = isActive === 0 ? 0 : 1 - (1 - errorShare) ** (perUser / isActive);
  const nowFailed = failed + Math.min(errors, whole(risking * failing));
  const { body, tail } = latencyShares(slower);
  const total = { n: before.users.n + requests, e: before.users.e + errors };
  const slow = { s: before.users.s + whole(requests * body[0]), t: before.users.t + whole(requests * tail[0]) };
  const each = Math.max(1, nowSeen);
  const squares = (value: number, other: number): number => (UNEVENNESS * value * other) / each;
  const known = before.latency;
  return {
    requests: before.requests + requests,
    errors: before.errors + errors,
    latency: {
      timed: known.timed + requests,
      body: known.body + whole(requests * body[0]),
      bodyTolerated: known.bodyTolerated + whole(requests * body[1]),
      bodyHarmful: known.bodyHarmful + whole(requests * body[2]),
      tail: known.tail + whole(requests * tail[0]),
      tailTolerated: known.tailTolerated + whole(requests * tail[1]),
      tailHarmful: known.tailHarmful + whole(requests * tail[2]),
    },
    users: {
      seen: nowSeen,
      failed: nowFailed,
      atRisk: atRisk + risking,
      ...total,
      ...slow,
      nn: total.n + squares(total.n, total.n),
      ee: total.e + squares(total.e, total.e),
      ne: total.e + squares(total.n, total.e),
      ss: slow.s + squares(slow.s, slow.s),
      ns: slow.s + squares(total.n, slow.s),
      tt: slow.t + squares(slow.t, slow.t),
      nt: slow.t + squares(total.n, slow.t),
    },
    segments: [],
  };
}

type Shares = readonly [atMark: number, beyondTolerated: number, beyondHarmful: number];

/** The shares of requests at or above each mark of legacy's body and tail, for an arm that is so many times slower. */
function latencyShares(slower: number): { readonly body: Shares; readonly tail: Shares } {
  const { tolerated, harmful } = PROFILES.balanced;
  const beyond = (mark: number, factor: number): number => upperTail(mark + Math.log(factor / slower) / SPREAD);
  return {
    body: [beyond(BODY, 1), beyond(BODY, tolerated.bodyFactor), beyond(BODY, harmful.bodyFactor)],
    tail: [beyond(TAIL, 1), beyond(TAIL, tolerated.tailFactor), beyond(TAIL, harmful.tailFactor)],
  };
}

/** The probability that a standard normal variable is above z (Abramowitz and Stegun 26.2.17; wrong by at most 1e-7). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
