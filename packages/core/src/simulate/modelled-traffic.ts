import {
  ANY_SIGNAL,
  type ArmComparison,
  type Baseline,
  isJudgedGate,
  type Measurement,
  type Reading,
  type RecordedBaseline,
  type Repairs,
  signalsRead,
  type Watch,
  type WatchTarget,
} from '../health/index.ts';
import type { ExpectedTraffic, Plan, Signal, SignalUnit, TelemetryMetric } from '../plan/index.ts';
import { type ArmsModel, grownArms } from './modelled-arms.ts';
import { modelledMetric } from './modelled-metric.ts';
import { isActiveAt, type SignalFault, type WhatIf } from './what-if.ts';

/** A healthy system, as the simulator imagines it: what each kind of signal reads when nothing is wrong. */
const HEALTHY: Readonly<Record<string, number>> = {
  'error-rate': 0.5,
  'success-rate': 99.5,
  'latency-p50': 40,
  'latency-p95': 120,
  'latency-p99': 250,
  'request-rate': 100,
  'agreement-rate': 100,
};

/** Requests behind one reading where no load is modelled: enough for any gate. */
const SAMPLE = 100_000;
/** Users and requests where no load is modelled: enough for any judge. */
const MANY: Load = { users: 100_000, requestsPerUserMinute: 1 };
/** Readings wander by this share, so that charts and `for` conditions see life. */
const WANDER = 0.02;

export interface TrafficOptions {
  readonly plan: Plan;
  readonly startAt: number;
  readonly whatIf: readonly WhatIf[];
  readonly seed: number;
}

/** How much traffic there is. */
export type Load = ExpectedTraffic;

/** Whose requests a look can have seen. */
export interface Sampling {
  /** As much as any gate wants where null. */
  readonly load: Load | null;
  /** The candidate's share of the users, 0 to 1. */
  readonly share: number;
  /** Since when they are counted, epoch milliseconds. */
  readonly since: number;
}

/** Answers what every signal would read at a moment of virtual time. Deterministic by its seed. */
export interface Traffic {
  /** @param before what the target's watch remembers: both arms go on counting from there */
  measure(target: WatchTarget, now: number, sampling: Sampling, before: Watch): Measurement;
  /** What each signal reads when all is well. */
  usual(): UsualValues;
  /** The same as a step records it at a moment; modelled traffic is the same at every hour. */
  baseline(now: number, overMs: number): Baseline;
}

/** By signal, in its unit. */
export type UsualValues = Readonly<Record<string, number>>;

export function modelTraffic(options: TrafficOptions): Traffic {
  const { plan, startAt } = options;
  const random = randomOf(options.seed);
  const models = new Map(Object.values(plan.signals).map((signal) => [signal.name, healthyModel(plan, signal)]));
  const healthy = Object.fromEntries([...models].map(([name, model]) => [name, model.usual]));
  const faults = options.whatIf.filter((fault) => fault.kind === 'signal');
  const faultOf = (signal: string, flag: string | null, now: number): SignalFault | undefined =>
    faults.find((known) => known.signal === signal && reaches(known, flag) && isActiveAt(known, now - startAt));
  const read = (name: string, flag: string | null, now: number, sample: number): Reading => {
    const { usual, wander } = models.get(name) ?? { usual: 0, wander: 0 };
    const fault = faultOf(name, flag, now);
    const value = fault === undefined ? usual * (1 + wander * (random() - 0.5)) : fault.value;
    const source = 'modelled traffic';
    if (value === null) {
      return { signal: name, ageMs: 0, source, status: 'no-data', value, problem: 'the source is silent' };
    }
    const reading: Reading = { signal: name, ageMs: 0, source, status: 'ok', value, legacy: usual, sample };
    return { ...reading, ...modelledMetric(plan, flag, reading) };
  };
  /** What a metric of telemetry is usually, and on the candidate now; null where its source is silent. */
  const metricNow = (metrics: readonly TelemetryMetric[], flag: string | null, now: number): UsualAndNow => {
    const signal = telemetrySignal(plan, metrics);
    const usual = signal === undefined ? (HEALTHY[metrics[0] ?? ''] ?? 0) : (models.get(signal.name)?.usual ?? 0);
    const fault = faultOf(signal?.name ?? ANY_SIGNAL, flag, now);
    return [usual, fault === undefined ? usual : fault.value];
  };
  /** Failures in percent, also where the plan speaks of successes only. */
  const errorsNow = (flag: string | null, now: number): UsualAndNow => {
    const isBySuccess =
      telemetrySignal(plan, ['error-rate']) === undefined && telemetrySignal(plan, ['success-rate']) !== undefined;
    if (!isBySuccess) return metricNow(['error-rate'], flag, now);
    const [usual, value] = metricNow(['success-rate'], flag, now);
    return [100 - usual, value === null ? null : 100 - value];
  };
  const compare = (target: WatchTarget, now: number, { load, share }: Sampling, before: Watch): ArmComparison => {
    const [usualErrors, errors] = errorsNow(target.flag, now);
    const [usualLatency, latency] = metricNow(['latency-p95', 'latency-p99', 'latency-p50'], target.flag, now);
    const common = { at: now, epoch: 0, odds: share < 1 ? share / (1 - share) : null, ageMs: 0 };
    if (errors === null || latency === null) {
      return { ...common, counts: null, assigned: null, problem: 'the source is silent' };
    }
    const { users, requestsPerUserMinute } = load ?? MANY;
    const model: ArmsModel = {
      users,
      requestsPerUserMinute,
      share,
      errorShare: { legacy: usualErrors / 100, candidate: Math.min(1, errors / 100) },
      slowness: usualLatency > 0 ? latency / usualLatency : 1,
    };
    const counts = grownArms(before.judge?.state?.last ?? null, model, now - (before.lastAt ?? target.since), random);
    const assigned = { legacy: users * (1 - share), candidate: users * share };
    return { ...common, counts, assigned, problem: null };
  };
  return {
    measure: (target, now, sampling, before) => ({
      at: now,
      readings: signalsOf(target).map((name) =>
        read(name, target.flag, now, sampleOf(plan.signals[name], target, sampling, now)),
      ),
      ...(isJudgedGate(target.gate) && target.flag !== null
        ? { comparison: compare(target, now, sampling, before) }
        : {}),
      ...(target.asksRepairs ? { repairs: NOTHING_OWED } : {}),
    }),
    usual: () => healthy,
    baseline: (now, overMs) => recordedAs(plan, healthy, { from: now - overMs, to: now }),
  };
}

/** Second writes all succeed in a healthy system. */
const NOTHING_OWED: Repairs = { pending: 0, failed: 0, instances: 0, silent: 0 };

function recordedAs({ signals }: Plan, usual: UsualValues, over: RecordedBaseline['over']): Baseline {
  return Object.fromEntries(
    Object.values(signals).map(({ name, unit }) => {
      const recorded: RecordedBaseline = { value: usual[name] ?? 0, unit, over, source: 'modelled traffic' };
      return [name, recorded];
    }),
  );
}

type UsualAndNow = readonly [usual: number, now: number | null];

/** The first signal of a plan that counts one of these on both arms. */
export function telemetrySignal(plan: Plan, metrics: readonly TelemetryMetric[]): Signal | undefined {
  return Object.values(plan.signals).find(
    ({ source }) => source.kind === 'telemetry' && metrics.includes(source.metric),
  );
}

function reaches(fault: SignalFault, flag: string | null): boolean {
  return fault.flag === undefined || fault.flag === flag;
}

/** Only telemetry counts requests; what other sources say is believed as it is. */
function sampleOf(
  signal: Signal | undefined,
  { flag }: WatchTarget,
  { load, share, since }: Sampling,
  now: number,
): number {
  if (load === null || flag === null || signal?.source.kind !== 'telemetry') return SAMPLE;
  const requestsPerMs = (load.users * share * load.requestsPerUserMinute) / 60_000;
  return Math.floor(requestsPerMs * Math.min(signal.overMs, now - since));
}

const signalNames = new WeakMap<WatchTarget['gate'], readonly string[]>();

function signalsOf({ gate }: WatchTarget): readonly string[] {
  const known = signalNames.get(gate);
  if (known !== undefined) return known;
  const names = signalsRead(gate);
  signalNames.set(gate, names);
  return names;
}

interface HealthyModel {
  readonly usual: number;
  /** The share of it that readings wander by, around it. */
  readonly wander: number;
}

/**
 * What the signal reads when all is well, in gates and to contingencies. Telemetry has usual values; for anything else the plan itself says what it
 * would not accept, and the model stays on the good side of every absolute bound.
 */
function healthyModel(plan: Plan, signal: Signal): HealthyModel {
  const { lower, upper } = boundsOf(plan, signal);
  const usual = healthyValue(signal, lower, upper);
  // However narrow the good side is, what is healthy does not wander off it.
  const roomEachSide = Math.min(usual - lower, upper - usual);
  return { usual, wander: usual === 0 ? 0 : Math.min(WANDER, Math.abs(roomEachSide / usual)) };
}

/** The strictest absolute bounds that the plan compares the signal with. */
function boundsOf(plan: Plan, signal: Signal): { readonly lower: number; readonly upper: number } {
  const watched = [
    ...Object.values(plan.gates),
    ...Object.values(plan.contingencies).flatMap(({ gate }) => gate ?? []),
  ];
  const bounds = watched
    .flatMap(({ rules }) => rules.map(({ condition }) => condition))
    .filter((condition) => condition.signal === signal.name && condition.bound.kind === 'absolute')
    .map(({ comparison, bound }) => ({
      isUpper: comparison.startsWith('>'),
      value: bound.kind === 'absolute' ? bound.value : 0,
    }));
  const upper = Math.min(...bounds.filter(({ isUpper }) => isUpper).map(({ value }) => value));
  const lower = Math.max(...bounds.filter(({ isUpper }) => !isUpper).map(({ value }) => value));
  return { lower, upper };
}

function healthyValue({ source, unit }: Signal, lower: number, upper: number): number {
  const usual = source.kind === 'telemetry' ? HEALTHY[source.metric] : undefined;
  const accepted = (value: number): boolean =>
    (upper === Number.POSITIVE_INFINITY || value < upper * 0.9) &&
    (lower === Number.NEGATIVE_INFINITY || value > lower + Math.abs(lower) * 0.01);
  if (usual !== undefined && accepted(usual)) return usual;
  return between(lower, upper, unit);
}

function between(lower: number, upper: number, unit: SignalUnit): number {
  const isBounded = Number.isFinite(lower);
  const usualSpan = unit === 'percent' ? 100 : 2 * Math.max(1, isBounded ? Math.abs(lower) : 0);
  const most = unit === 'percent' ? 100 : Number.POSITIVE_INFINITY;
  const top = Math.min(most, Number.isFinite(upper) ? upper : (isBounded ? lower : 0) + usualSpan);
  return isBounded ? (lower + top) / 2 : top / 4;
}

/** mulberry32: small, fast and good enough to make readings wander. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
