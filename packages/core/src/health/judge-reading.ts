import { type Baseline, usualAt } from './baseline.ts';
import {
  type Condition,
  type Gate,
  type GateRule,
  needsBaseline,
  type ReadCondition,
  type SignalUnit,
} from './condition.ts';
import type { InconclusiveReason } from './judge/judge-state.ts';
import { metricFinding } from './judge-metric.ts';
import type { Reading } from './reading.ts';
import type { JudgedUsual, RuleResult, Verdict } from './verdict.ts';

/** What a condition is judged with, besides the condition itself. */
export interface Compared {
  readonly reading: Reading | undefined;
  readonly baseline: Baseline;
  /** The moment of the look, epoch milliseconds: what is usual may depend on the hour of the week. */
  readonly at: number;
}

/** The bound of a condition in the signal's unit, or null while its reference is not known, or where evidence decides. */
export function thresholdOf(condition: Condition, { reading, baseline, at }: Compared): number | null {
  const { bound } = condition;
  if (bound.kind === 'worse-than-legacy' || bound.kind === 'shown-worse') return null;
  if (bound.kind === 'absolute' || bound.kind === 'surely') return bound.value;
  const usual = needsBaseline(condition) ? usualAt(baseline[condition.signal], at)?.value : reading?.legacy;
  if (usual === undefined || !Number.isFinite(usual)) return null;
  return bound.kind === 'factor' ? usual * bound.factor : usual + bound.offset;
}

export interface JudgedRule {
  readonly result: RuleResult;
  /** Since when its comparison holds without a break, epoch ms; null while it does not. */
  readonly since: number | null;
}

/** A rule that a reading answers, and what is known when it is judged. */
export interface ReadRule {
  readonly condition: ReadCondition;
  readonly action: GateRule['action'];
  readonly reading: Reading | undefined;
  readonly baseline: Baseline;
  readonly gate: Gate;
  readonly since: number | null;
  readonly at: number;
  /** So soon after a change of exposure that latencies say nothing. */
  readonly isWarmingUp: boolean;
}

/** Judges one reading by one rule. What cannot be told is never health. */
export function judgeReading({ condition, action, reading, baseline, gate, ...rest }: ReadRule): JudgedRule {
  const threshold = thresholdOf(condition, { reading, baseline, at: rest.at });
  const { signal, text: written } = condition;
  const value = reading?.value ?? null;
  const sample = reading?.sample ?? null;
  const legacy = (reading?.legacySample ?? gate.minSample) < gate.minSample ? null : (reading?.legacy ?? null);
  const known = { rule: written, signal, value, threshold, sample, legacy };
  const usual = usualFor(condition, { value, threshold, baseline, at: rest.at });
  const found = usual === null ? known : { ...known, usual };
  const untold = (verdict: Verdict, why: string, cause?: InconclusiveReason): JudgedRule => ({
    result: { ...found, verdict, heldMs: 0, text: `${signal}: ${why}`, ...(cause === undefined ? {} : { cause }) },
    since: null,
  });
  if (rest.isWarmingUp && condition.unit === 'ms') return untold('pass', 'warming up, not judged yet');
  if (reading === undefined) return untold('inconclusive', 'was not measured', 'no-data');
  if (reading.status === 'error') return untold('error', reading.problem ?? 'the source could not be asked');
  if (reading.status === 'stale') {
    return untold('inconclusive', `last value is ${seconds(reading.ageMs)} old`, 'no-data');
  }
  const { bound } = condition;
  if (bound.kind === 'shown-worse' && reading.metric !== undefined) {
    const finding = metricFinding(reading.metric, bound.by);
    if (finding.kind === 'untold') return untold('inconclusive', finding.text, finding.cause);
    const isWorse = finding.kind === 'worse';
    const verdict: Verdict = isWorse ? (action.kind === 'warn' ? 'warn' : 'fail') : 'pass';
    const text = isWorse ? `${written}: ${finding.text}` : '';
    return { result: { ...found, verdict, heldMs: 0, text }, since: null };
  }
  if (reading.status === 'no-data' || value === null) {
    // A source that has counted, and counted nobody, is not blind.
    return untold('inconclusive', reading.problem ?? 'no data', sample === 0 ? 'no-traffic' : 'no-data');
  }
  if (!Number.isFinite(value)) return untold('inconclusive', `the source answered ${value}`, 'no-data');
  if (sample !== null && sample < gate.minSample) {
    return untold('inconclusive', `${sample} of at least ${gate.minSample} requests so far`, 'needs-data');
  }
  if (threshold === null) return untold('inconclusive', `no ${referenceOf(condition)} to compare with`, 'needs-data');
  const holds = breaks(value, condition, threshold);
  const since = holds ? (rest.since ?? rest.at) : null;
  const heldMs = since === null ? 0 : rest.at - since;
  const fires = holds && heldMs >= condition.forMs;
  const isNear = !holds && gate.near !== undefined && isNearTo(value, condition, threshold, gate.near);
  const verdict: Verdict = fires ? (action.kind === 'warn' ? 'warn' : 'fail') : isNear ? 'warn' : 'pass';
  const of = sample === null ? '' : `, by ${sample} requests`;
  const said = (number: number): string => inUnit(number, condition.unit);
  const text = holds
    ? `${signal} ${said(value)} breaks ${written} (${said(threshold)}${hourly(usual, said)})${of}`
    : isNear
      ? `${signal} ${said(value)} is near its bound ${said(threshold)}${of}`
      : '';
  return { result: { ...found, verdict, heldMs, text }, since };
}

/**
 * Whether a value that keeps has come so far towards its bound. A least share such as `success < 95%` is approached by
 * what is missing from 100 %; any other least value by falling towards it.
 */
function isNearTo(value: number, { comparison, unit }: Condition, threshold: number, near: number): boolean {
  if (comparison.startsWith('>')) return threshold > 0 && value >= near * threshold;
  if (unit === 'percent') return threshold < 100 && 100 - value >= near * (100 - threshold);
  return threshold > 0 && value <= threshold / near;
}

/** What is lacking until a condition with a bound of its own is seen to be true, for people; null where it is. */
export function stillMissing(condition: ReadCondition, reading: Reading | undefined, gate: Gate): string | null {
  const { text: written, unit } = condition;
  const threshold = thresholdOf(condition, { reading, baseline: {}, at: 0 });
  const value = reading?.value ?? null;
  if (reading?.status !== 'ok' || value === null || !Number.isFinite(value) || threshold === null) {
    return `${written}, and nobody can tell: ${reading?.problem ?? reading?.status ?? 'it was not measured'}`;
  }
  const { sample } = reading;
  if (sample !== undefined && sample < gate.minSample) {
    return `${written}, and ${sample} of at least ${gate.minSample} say so far`;
  }
  return breaks(value, condition, threshold) ? null : `${written}, and it is ${inUnit(value, unit)}`;
}

/** Whether a value breaks a condition whose bound stands there. */
export function breaks(value: number, { comparison }: Condition, threshold: number): boolean {
  switch (comparison) {
    case '>':
      return value > threshold;
    case '>=':
      return value >= threshold;
    case '<':
      return value < threshold;
    case '<=':
      return value <= threshold;
  }
}

interface ValueAgainst extends Pick<Compared, 'baseline' | 'at'> {
  readonly value: number | null;
  readonly threshold: number | null;
}

/** What is usual now, and how the value stands against it; null for conditions that do not ask, and where one of them is not known. */
function usualFor(condition: ReadCondition, { value, threshold, baseline, at }: ValueAgainst): JudgedUsual | null {
  const usual = needsBaseline(condition) ? usualAt(baseline[condition.signal], at) : null;
  if (usual === null || value === null || threshold === null) return null;
  const { signal, unit, bound } = condition;
  const said = (number: number): string => inUnit(number, unit);
  const when = usual.when === null ? 'recorded as baseline' : `usual on ${usual.when}`;
  const limit =
    bound.kind === 'factor'
      ? `${short(bound.factor)}x = `
      : bound.kind === 'offset'
        ? `${signed(bound.offset)} = `
        : '';
  const text = `${signal} ${said(value)} against ${said(usual.value)} ${when}; limit ${limit}${said(threshold)}`;
  return { ...usual, text };
}

/** What the limit was counted from, where it depends on the hour. */
function hourly(usual: JudgedUsual | null, said: (value: number) => string): string {
  return usual === null || usual.when === null ? '' : `; ${said(usual.value)} is usual on ${usual.when}`;
}

function referenceOf({ bound }: ReadCondition): string {
  return bound.kind === 'factor' || bound.kind === 'offset' ? bound.reference : 'bound';
}

const UNITS: Readonly<Record<SignalUnit, string>> = { percent: ' %', ms: ' ms', count: '', 'per-second': '/s' };

function inUnit(value: number, unit: SignalUnit | undefined): string {
  return `${short(value)}${unit === undefined ? '' : UNITS[unit]}`;
}

function signed(value: number): string {
  return value < 0 ? `- ${short(-value)}` : `+ ${short(value)}`;
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
