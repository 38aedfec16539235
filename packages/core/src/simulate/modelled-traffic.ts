import type { Baseline, Measurement, Reading, WatchTarget } from '../health/index.ts';
import type { Plan, Signal, SignalUnit } from '../plan/index.ts';
import type { WhatIf } from './what-if.ts';

/** A healthy system, as the simulator imagines it: what each kind of signal reads when nothing is wrong. */
const HEALTHY: Readonly<Record<string, number>> = {
  'error-rate': 0.5,
  'success-rate': 99.5,
  'latency-p50': 40,
  'latency-p95': 120,
  'latency-p99': 250,
  'request-rate': 100,
};

/** Requests behind one reading: enough for any gate. */
const SAMPLE = 100_000;
/** Readings wander by this share, so that charts and `for` conditions see life. */
const WANDER = 0.02;

export interface TrafficOptions {
  readonly plan: Plan;
  readonly startAt: number;
  readonly whatIf: readonly WhatIf[];
  readonly seed: number;
}

/** Answers what every signal would read at a moment of virtual time. Deterministic by its seed. */
export interface Traffic {
  measure(target: WatchTarget, now: number): Measurement;
  baseline(): Baseline;
}

export function modelTraffic(options: TrafficOptions): Traffic {
  const random = randomOf(options.seed);
  const healthy = new Map(
    Object.values(options.plan.signals).map((signal) => [signal.name, healthyValue(options.plan, signal)]),
  );
  const valueAt = (name: string, flag: string | null, now: number): number | null => {
    const fault = options.whatIf.find((known) => isActive(known, name, flag, now - options.startAt));
    if (fault !== undefined) return fault.value;
    const value = healthy.get(name) ?? 0;
    return value * (1 + WANDER * (random() - 0.5));
  };
  return {
    measure: (target, now) => ({
      at: now,
      readings: signalsOf(target).map((name) => reading(name, valueAt(name, target.flag, now), healthy.get(name) ?? 0)),
    }),
    baseline: () => Object.fromEntries(healthy),
  };
}

function reading(signal: string, value: number | null, healthy: number): Reading {
  const common = { signal, ageMs: 0, source: 'modelled traffic' };
  if (value === null) return { ...common, status: 'no-data', value: null, problem: 'the source is silent' };
  return { ...common, status: 'ok', value, legacy: healthy, sample: SAMPLE };
}

const signalNames = new WeakMap<WatchTarget['gate'], readonly string[]>();

function signalsOf({ gate }: WatchTarget): readonly string[] {
  const known = signalNames.get(gate);
  if (known !== undefined) return known;
  const names = [...new Set(gate.rules.map(({ condition }) => condition.signal))];
  signalNames.set(gate, names);
  return names;
}

function isActive(fault: WhatIf, signal: string, flag: string | null, elapsedMs: number): boolean {
  if (fault.signal !== signal || (fault.flag !== undefined && fault.flag !== flag)) return false;
  return elapsedMs >= fault.atMs && (fault.forMs === undefined || elapsedMs < fault.atMs + fault.forMs);
}

/**
 * What the signal reads when all is well. Telemetry has usual values; for anything else the plan itself says what it
 * would not accept, and the model stays on the good side of every absolute bound.
 */
function healthyValue(plan: Plan, signal: Signal): number {
  const { source } = signal;
  const usual = source.kind === 'telemetry' ? HEALTHY[source.metric] : undefined;
  const bounds = Object.values(plan.gates)
    .flatMap(({ rules }) => rules.map(({ condition }) => condition))
    .filter((condition) => condition.signal === signal.name && condition.bound.kind === 'absolute')
    .map(({ comparison, bound }) => ({
      isUpper: comparison.startsWith('>'),
      value: bound.kind === 'absolute' ? bound.value : 0,
    }));
  const upper = Math.min(...bounds.filter(({ isUpper }) => isUpper).map(({ value }) => value));
  const lower = Math.max(...bounds.filter(({ isUpper }) => !isUpper).map(({ value }) => value));
  const accepted = (value: number): boolean =>
    (upper === Number.POSITIVE_INFINITY || value < upper * 0.9) &&
    (lower === Number.NEGATIVE_INFINITY || value > lower + Math.abs(lower) * 0.01);
  if (usual !== undefined && accepted(usual)) return usual;
  return between(lower, upper, signal.unit);
}

function between(lower: number, upper: number, unit: SignalUnit): number {
  const isBounded = Number.isFinite(lower);
  const usualSpan = unit === 'percent' ? 100 : 2 * Math.max(1, isBounded ? Math.abs(lower) : 0);
  const most = unit === 'percent' ? 100 : Number.POSITIVE_INFINITY;
  const top = Math.min(most, Number.isFinite(upper) ? upper : (isBounded ? lower : 0) + usualSpan);
  return isBounded ? (lower + top) / 2 : top / 4;
}

/** mulberry32: small, fast and good enough to make readings wander. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
