import { type ArmComparison, type ArmCounts, type ArmPair, noCounts, type WatchTarget } from '@theseus/core/health';
import { ARMS } from '../draw/draw-judging.ts';
import type { MoodKind, Scenario } from '../scenario.ts';

const USERS = 5_000;
const REQUESTS_PER_USER_MINUTE = 6;
const HEALTHY = 0.005;
const BAD = 0.6;
const FLAP_MS = 45_000;
/** So much of the usual traffic is left when few come. */
const FEW = 0.002;

interface Counted {
  at: number;
  /** Nothing of the exposures before is known to this one. */
  counts: ArmPair;
  /** Whether the candidate was in truth worse than legacy at any time. */
  wasWorse: boolean;
}

/** What the SDKs of all instances count on both arms of each flag: expected counts, so that chance blames nobody. */
export class Arms {
  readonly #scenario: Scenario;
  readonly #counted = new Map<string, Counted>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** @param exposure the candidate's share, parts of 100 000 */
  compare({ flag }: WatchTarget, exposure: number, now: number): ArmComparison {
    const key = flag ?? '';
    const counted = this.#counted.get(key) ?? {
      at: now,
      counts: { legacy: noCounts(0), candidate: noCounts(0) },
      wasWorse: false,
    };
    this.#counted.set(key, counted);
    const mood = this.#moodAt(now);
    const share = exposure / 100_000;
    this.#grow(counted, share, mood, Math.max(0, now - counted.at));
    counted.at = Math.max(counted.at, now);
    const isSilent = mood === 'silent' || mood === 'error';
    return {
      at: now,
      counts: isSilent ? null : counted.counts,
      epoch: 0,
      odds: share < 1 ? share / (1 - share) : null,
      assigned: { legacy: USERS * (1 - share), candidate: USERS * share },
      ageMs: 0,
      problem: isSilent ? 'nobody counts' : null,
    };
  }

  wasWorse(flag: string): boolean {
    return this.#counted.get(flag)?.wasWorse ?? false;
  }

  /** How many requests the candidate of a flag has ever had. */
  candidateRequests(flag: string): number {
    return this.#counted.get(flag)?.counts.candidate.requests ?? 0;
  }

  #grow(counted: Counted, share: number, mood: MoodKind | null, elapsedMs: number): void {
    const isFlapping = mood === 'flapping' && Math.floor(counted.at / FLAP_MS) % 2 === 1;
    const isBad = mood === 'bad' || isFlapping;
    const traffic = mood === 'few' ? FEW : 1;
    const both = mood === 'everywhere' ? BAD : HEALTHY;
    if (isBad && share > 0) counted.wasWorse = true;
    const grow = (arm: keyof ArmPair, users: number, errorShare: number): ArmCounts =>
      grown(counted.counts[arm], users * traffic, errorShare, elapsedMs);
    counted.counts = {
      legacy: grow('legacy', USERS * (1 - share), both),
      candidate: grow('candidate', USERS * share, isBad ? BAD : both),
    };
  }

  #moodAt(now: number): MoodKind | null {
    const elapsedMs = now - this.#scenario.startAt;
    const mood = this.#scenario.moods.find(
      ({ signal, from, to }) => signal === ARMS && elapsedMs >= from && elapsedMs < to,
    );
    return mood?.kind ?? null;
  }
}

/** Every user makes requests at the same pace; every tenth of a request counts, so that no share is too small to be seen. */
function grown(before: ArmCounts, users: number, errorShare: number, elapsedMs: number): ArmCounts {
  const perUser = (REQUESTS_PER_USER_MINUTE * elapsedMs) / 60_000;
  const requests = users * perUser;
  const active = users * (1 - Math.exp(-perUser));
  const { seen, failed, atRisk } = before.users;
  const newlySeen = Math.max(0, users - seen) * (1 - Math.exp(-perUser));
  const risking = Math.max(0, Math.min(active, users - failed));
  const n = before.users.n + requests;
  const e = before.users.e + requests * errorShare;
  const each = Math.max(1, seen + newlySeen);
  const slow = before.latency.body + requests * 0.25;
  const tail = before.latency.tail + requests * 0.01;
  return {
    requests: before.requests + requests,
    errors: before.errors + requests * errorShare,
    latency: {
      timed: before.latency.timed + requests,
      body: slow,
      bodyTolerated: before.latency.bodyTolerated + requests * 0.2,
      bodyHarmful: before.latency.bodyHarmful + requests * 0.06,
      tail,
      tailTolerated: before.latency.tailTolerated + requests * 0.006,
      tailHarmful: before.latency.tailHarmful + requests * 0.001,
    },
    users: {
      seen: seen + newlySeen,
      failed: failed + risking * errorShare,
      atRisk: atRisk + risking,
      n,
      e,
      s: slow,
      t: tail,
      nn: n + (n * n) / each,
      ee: e + (e * e) / each,
      ne: e + (n * e) / each,
      ss: slow + (slow * slow) / each,
      ns: slow + (n * slow) / each,
      tt: tail + (tail * tail) / each,
      nt: tail + (n * tail) / each,
    },
    segments: [],
  };
}
