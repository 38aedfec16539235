import type { ArmComparison, ArmCounts, ArmPair, LatencyCounts, UserSums } from '../src/health/index.ts';
import { NO_LATENCY, NO_USERS } from '../src/health/index.ts';

/** What is wrong with the world in one look; everything is left alone where nothing is said. */
export interface Trouble {
  /** The candidate's error rate is multiplied by this. */
  readonly errorFactor?: number;
  /** The candidate's latencies are multiplied by this. */
  readonly slowerBy?: number;
  /** The share of the candidate's users who are still served. */
  readonly served?: number;
  /** So many more requests, as a share, fail on both arms. */
  readonly incident?: number;
  /** The candidate fails so many more requests of the segment `small`. */
  readonly smallSegment?: number;
  readonly noTraffic?: boolean;
}

export interface World {
  readonly seed: number;
  readonly users: number;
  /** The share of users on the candidate. */
  readonly share: number;
  readonly errorRate: number;
  /** Users active in a look. */
  readonly active: number;
}

export const REFERENCE_WORLD: World = { seed: 1, users: 20_000, share: 0.1, errorRate: 0.005, active: 450 };

/** A user whose number is below so much of all is in the segment `small`. */
const SMALL_SEGMENT = 0.1;
const MARKS = { body: 80, bodyTolerated: 87.3, bodyHarmful: 123.4, tail: 300, tailTolerated: 357, tailHarmful: 600 };

interface Person {
  n: number;
  e: number;
  s: number;
  t: number;
}

/** Two arms of users who come in sessions, fail in clusters and differ in how fast they are served: a seeded world. */
export class TwoArms {
  readonly #world: World;
  readonly #random: () => number;
  readonly #people = new Map<number, Person>();
  readonly #counts: { legacy: ArmCounts; candidate: ArmCounts };
  #look = 0;

  constructor(world: Partial<World> = {}) {
    this.#world = { ...REFERENCE_WORLD, ...world };
    this.#random = mulberry(this.#world.seed * 7_919 + 17);
    const empty: ArmCounts = {
      requests: 0,
      errors: 0,
      latency: NO_LATENCY,
      users: NO_USERS,
      segments: [zero(), zero()],
    };
    this.#counts = { legacy: empty, candidate: empty };
  }

  /** What a look sees after one more tick. */
  look(trouble: Trouble = {}): ArmComparison {
    this.#look += 1;
    const arms = { legacy: new Arm(), candidate: new Arm() };
    const busy = 0.8 + 0.4 * this.#random();
    const active = trouble.noTraffic ? 0 : Math.round(this.#world.active * busy);
    for (let visit = 0; visit < active; visit += 1) this.#visit(arms, trouble);
    this.#counts.legacy = arms.legacy.addTo(this.#counts.legacy);
    this.#counts.candidate = arms.candidate.addTo(this.#counts.candidate);
    return this.comparison({ counts: { ...this.#counts } });
  }

  comparison(seen: Pick<ArmComparison, 'counts'> & Partial<ArmComparison>): ArmComparison {
    const { users, share } = this.#world;
    const assigned: ArmPair<number> = { legacy: users * (1 - share), candidate: users * share };
    const odds = share / (1 - share);
    return { at: this.#look * 30_000, epoch: 0, odds, assigned, ageMs: 0, problem: null, ...seen };
  }

  #visit(arms: { readonly legacy: Arm; readonly candidate: Arm }, trouble: Trouble): void {
    const { users, share, errorRate } = this.#world;
    // Some come far more often than others.
    const user = Math.floor(users * this.#random() ** 1.7);
    const isCandidate = hashOf(user, 1) < share;
    if (isCandidate && this.#random() >= (trouble.served ?? 1)) return;
    const arm = isCandidate ? arms.candidate : arms.legacy;
    const person = this.#people.get(user) ?? { n: 0, e: 0, s: 0, t: 0 };
    this.#people.set(user, person);
    const segment = hashOf(user, 2) < SMALL_SEGMENT ? 1 : 0;
    const propensity = -Math.log(hashOf(user, 3) + 1e-9);
    const extra = isCandidate && segment === 1 ? (trouble.smallSegment ?? 0) : 0;
    const factor = isCandidate ? (trouble.errorFactor ?? 1) : 1;
    const failing = Math.min(0.95, errorRate * propensity * factor + (trouble.incident ?? 0) + extra);
    const speed =
      Math.exp(0.3 * normal(hashOf(user, 4), hashOf(user, 5))) * (isCandidate ? (trouble.slowerBy ?? 1) : 1);
    arm.meet(person);
    do {
      const ms = 55 * speed * Math.exp(0.55 * normal(this.#random(), this.#random()));
      arm.count(person, { isError: this.#random() < failing, ms, segment });
    } while (this.#random() < 0.5);
  }
}

/** What one arm did in one look. */
class Arm {
  readonly #segments = [zero(), zero()];
  #requests = 0;
  #errors = 0;
  readonly #latency = { ...NO_LATENCY } as { -readonly [mark in keyof LatencyCounts]: number };
  readonly #users = { ...NO_USERS } as { -readonly [sum in keyof UserSums]: number };
  readonly #met = new Set<Person>();

  meet(person: Person): void {
    if (this.#met.has(person)) return;
    this.#met.add(person);
    if (person.n === 0) this.#users.seen += 1;
    if (person.e === 0) this.#users.atRisk += 1;
  }

  count(
    person: Person,
    { isError, ms, segment }: { readonly isError: boolean; readonly ms: number; readonly segment: number },
  ): void {
    const sums = this.#users;
    this.#requests += 1;
    this.#segments[segment] = grown(this.#segments[segment] ?? zero(), isError);
    this.#latency.timed += 1;
    for (const [mark, from] of Object.entries(MARKS)) if (ms >= from) this.#latency[mark as keyof typeof MARKS] += 1;
    const before = { ...person };
    person.n += 1;
    if (isError) person.e += 1;
    if (ms >= MARKS.body) person.s += 1;
    if (ms >= MARKS.tail) person.t += 1;
    if (isError) this.#errors += 1;
    if (isError && before.e === 0) sums.failed += 1;
    sums.n += 1;
    sums.e += person.e - before.e;
    sums.s += person.s - before.s;
    sums.t += person.t - before.t;
    sums.nn += person.n ** 2 - before.n ** 2;
    sums.ee += person.e ** 2 - before.e ** 2;
    sums.ss += person.s ** 2 - before.s ** 2;
    sums.tt += person.t ** 2 - before.t ** 2;
    sums.ne += person.n * person.e - before.n * before.e;
    sums.ns += person.n * person.s - before.n * before.s;
    sums.nt += person.n * person.t - before.n * before.t;
  }

  addTo(counts: ArmCounts): ArmCounts {
    return {
      requests: counts.requests + this.#requests,
      errors: counts.errors + this.#errors,
      latency: sumOf(counts.latency, this.#latency),
      users: sumOf(counts.users, this.#users),
      segments: counts.segments.map((segment, at) => sumOf(segment, this.#segments[at] ?? zero())),
    };
  }
}

function zero(): { readonly requests: number; readonly errors: number } {
  return { requests: 0, errors: 0 };
}

function grown({ requests, errors }: ReturnType<typeof zero>, isError: boolean): ReturnType<typeof zero> {
  return { requests: requests + 1, errors: errors + (isError ? 1 : 0) };
}

function sumOf<T extends object>(left: T, right: T): T {
  const more = right as Record<string, number>;
  return Object.fromEntries(Object.entries(left).map(([key, value]) => [key, value + (more[key] ?? 0)])) as T;
}

function normal(u: number, v: number): number {
  return Math.sqrt(-2 * Math.log(u + 1e-12)) * Math.cos(2 * Math.PI * v);
}

function hashOf(value: number, salt: number): number {
  return mulberry(value * 31 + salt * 1_000_003)();
}

function mulberry(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
