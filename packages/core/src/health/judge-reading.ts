import type { Condition, Gate, GateRule, ReadCondition, SignalUnit } from './condition.ts';
import type { InconclusiveReason } from './judge/judge-state.ts';
import { metricFinding } from './judge-metric.ts';
import type { Baseline, Reading } from './reading.ts';
import type { RuleResult, Verdict } from './verdict.ts';

/** The bound of a condition in the signal's unit, or null while its reference is not known, or where evidence decides. */
export function thresholdOf(condition: Condition, reading: Reading | undefined, baseline: Baseline): number | null {
  const { bound } = condition;
  if (bound.kind === 'worse-than-legacy' || bound.kind === 'shown-worse') return null;
  if (bound.kind === 'absolute' || bound.kind === 'surely') return bound.value;
  const reference = bound.reference === 'baseline' ? baseline[condition.signal] : reading?.legacy;
  if (reference === undefined || !Number.isFinite(reference)) return null;
  return bound.kind === 'factor' ? reference * bound.factor : reference + bound.offset;
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
  const threshold = thresholdOf(condition, reading, baseline);
  const { signal, text: written } = condition;
  const value = reading?.value ?? null;
  const sample = reading?.sample ?? null;
  const legacy = (reading?.legacySample ?? gate.minSample) < gate.minSample ? null : (reading?.legacy ?? null);
  const found = { rule: written, signal, value, threshold, sample, legacy };
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
    ? `${signal} ${said(value)} breaks ${written} (${said(threshold)})${of}`
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

function referenceOf({ bound }: ReadCondition): string {
  return bound.kind === 'factor' || bound.kind === 'offset' ? bound.reference : 'bound';
}

const UNITS: Readonly<Record<SignalUnit, string>> = { percent: ' %', ms: ' ms', count: '', 'per-second': '/s' };

function inUnit(value: number, unit: SignalUnit | undefined): string {
  return `${Number(value.toPrecision(4))}${unit === undefined ? '' : UNITS[unit]}`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
