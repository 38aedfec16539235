import type { Condition, Gate, GateRule, RuleAction } from './condition.ts';
import type { Baseline, Measurement, Reading } from './reading.ts';
import { type GateVerdict, KEPT_SAMPLES, type RuleResult, type Verdict, type Watch, worse } from './verdict.ts';

/** How far apart two looks may be and still count as watched without a gap, in intervals of the gate. */
export const LONGEST_GAP = 3;

export interface WatchTarget {
  readonly id: string;
  readonly stepId: string;
  readonly flag: string | null;
  readonly stage: number;
  /** The moment (epoch ms) from which on evidence counts: when the exposure was set, or the step began. */
  readonly since: number;
  readonly gate: Gate;
}

/** A watch that has seen nothing yet. */
export function beginWatch(target: WatchTarget, at: number): Watch {
  return {
    id: target.id,
    stepId: target.stepId,
    flag: target.flag,
    stage: target.stage,
    since: target.since,
    startedAt: at,
    rules: rulesOf(target.gate),
    lastAt: null,
    soakedMs: 0,
    unhealthySince: null,
    holdsSince: target.gate.rules.map(() => null),
    verdict: null,
    samples: [],
  };
}

/** The watch of a target as it is remembered, or a new one where its exposure or its rules are others by now. */
export function resumeWatch(target: WatchTarget, remembered: Watch | undefined, at: number): Watch {
  return remembered !== undefined && isWatchOf(target, remembered) ? remembered : beginWatch(target, at);
}

/** Whether what the watch has seen says something of the target as it is now. */
export function isWatchOf(
  { stage, since, gate }: Pick<WatchTarget, 'stage' | 'since' | 'gate'>,
  watch: Watch,
): boolean {
  return watch.stage === stage && watch.since === since && watch.rules === rulesOf(gate);
}

const rulesTexts = new WeakMap<Gate, string>();

function rulesOf(gate: Gate): string {
  const known = rulesTexts.get(gate);
  if (known !== undefined) return known;
  const text = gate.rules.map(({ condition, action }) => `${condition.text}: ${action.kind}`).join('\n');
  rulesTexts.set(gate, text);
  return text;
}

export interface ObserveOptions {
  /** False while the run is paused: health is judged, but soak does not grow. */
  readonly counting: boolean;
}

/**
 * Judges one measurement by the gate's rules and returns the watch as it is afterwards.
 *
 * A measurement that is not newer than the last one changes nothing. A gap longer than three intervals, or a clock that
 * was set back by as much, does not count towards the soak and breaks every `for`.
 */
export function observe(
  watch: Watch,
  gate: Gate,
  measurement: Measurement,
  baseline: Baseline,
  options: ObserveOptions,
): Watch {
  if (watch.lastAt !== null && isRepetition(watch.lastAt, measurement.at, gate)) return watch;
  const elapsedMs = watch.lastAt === null ? 0 : Math.max(0, measurement.at - watch.lastAt);
  const gapless = watch.lastAt === null || (measurement.at > watch.lastAt && elapsedMs <= LONGEST_GAP * gate.everyMs);
  const readings = new Map(measurement.readings.map((reading) => [reading.signal, reading]));
  const holdsSince: (number | null)[] = [];
  const results: RuleResult[] = gate.rules.map((rule, index) => {
    const since = gapless ? (watch.holdsSince[index] ?? null) : null;
    const result = judgeRule(rule, readings.get(rule.condition.signal), baseline, gate, since, measurement.at);
    holdsSince.push(result.since);
    return result.result;
  });
  const verdict = combine(gate.rules, results, measurement.at);
  const healthy = isHealthy(verdict.verdict);
  const wasHealthy = watch.verdict !== null && isHealthy(watch.verdict.verdict);
  const counts = options.counting && healthy && wasHealthy && gapless;
  return {
    ...watch,
    lastAt: measurement.at,
    soakedMs: watch.soakedMs + (counts ? elapsedMs : 0),
    unhealthySince: healthy ? null : (watch.unhealthySince ?? measurement.at),
    holdsSince,
    verdict,
    samples: [...watch.samples.slice(1 - KEPT_SAMPLES), measurement],
  };
}

/**
 * A measurement that is a little older than the last one came late and says nothing new. One that is much older was
 * taken by a clock that has been set back: it is the present, and it must not take an hour until it is judged again.
 */
function isRepetition(lastAt: number, at: number, gate: Gate): boolean {
  return at <= lastAt && lastAt - at <= LONGEST_GAP * gate.everyMs;
}

/** Pass and warn are healthy; everything else is not, silence included. */
export function isHealthy(verdict: Verdict): boolean {
  return verdict === 'pass' || verdict === 'warn';
}

/**
 * Whether legacy, where a rollback would take people, is itself beyond every bound that asks for it, and by no less:
 * then moving anybody would not help them.
 */
export function isDestinationAsBad(gate: Gate, verdict: GateVerdict): boolean {
  const asking = verdict.rules.filter(
    (result, index) => result.verdict === 'fail' && gate.rules[index]?.action.kind === 'rollback',
  );
  return asking.length > 0 && asking.every((result) => isLegacyAsBad(gate, result));
}

function isLegacyAsBad(gate: Gate, { rule, value, legacy, threshold }: RuleResult): boolean {
  const condition = gate.rules.find(({ condition: { text } }) => text === rule)?.condition;
  if (condition === undefined || value === null || legacy === null || threshold === null) return false;
  const isNoBetter = condition.comparison.startsWith('>') ? legacy >= value : legacy <= value;
  return isNoBetter && compare(legacy, condition.comparison, threshold);
}

/** The bound of a condition in the signal's unit, or null while its reference is not known. */
export function thresholdOf(condition: Condition, reading: Reading | undefined, baseline: Baseline): number | null {
  const { bound } = condition;
  if (bound.kind === 'absolute') return bound.value;
  const reference = bound.reference === 'baseline' ? baseline[condition.signal] : reading?.legacy;
  if (reference === undefined || !Number.isFinite(reference)) return null;
  return bound.kind === 'factor' ? reference * bound.factor : reference + bound.offset;
}

interface JudgedRule {
  readonly result: RuleResult;
  readonly since: number | null;
}

function judgeRule(
  rule: GateRule,
  reading: Reading | undefined,
  baseline: Baseline,
  gate: Gate,
  since: number | null,
  at: number,
): JudgedRule {
  const { condition } = rule;
  const threshold = thresholdOf(condition, reading, baseline);
  const { signal, text: written } = condition;
  const value = reading?.value ?? null;
  const sample = reading?.sample ?? null;
  const legacy = (reading?.legacySample ?? gate.minSample) < gate.minSample ? null : (reading?.legacy ?? null);
  const cannotTell = (verdict: Verdict, why: string): JudgedRule => ({
    result: { rule: written, signal, verdict, value, threshold, sample, legacy, heldMs: 0, text: `${signal}: ${why}` },
    since: null,
  });
  if (reading === undefined) return cannotTell('inconclusive', 'was not measured');
  if (reading.status === 'error') return cannotTell('error', reading.problem ?? 'the source could not be asked');
  if (reading.status === 'stale') return cannotTell('inconclusive', `last value is ${seconds(reading.ageMs)} old`);
  if (reading.status === 'no-data' || value === null) return cannotTell('inconclusive', reading.problem ?? 'no data');
  if (!Number.isFinite(value)) return cannotTell('inconclusive', `the source answered ${value}`);
  if (sample !== null && sample < gate.minSample) {
    return cannotTell('inconclusive', `${sample} of at least ${gate.minSample} requests so far`);
  }
  if (threshold === null) return cannotTell('inconclusive', `no ${referenceOf(condition)} to compare with`);
  const holds = compare(value, condition.comparison, threshold);
  const from = holds ? (since ?? at) : null;
  const heldMs = from === null ? 0 : at - from;
  const fires = holds && heldMs >= condition.forMs;
  const verdict: Verdict = fires ? (rule.action.kind === 'warn' ? 'warn' : 'fail') : 'pass';
  const text = holds ? `${signal} ${round(value)} breaks ${written} (${round(threshold)})` : '';
  return { result: { rule: written, signal, verdict, value, threshold, sample, legacy, heldMs, text }, since: from };
}

function combine(rules: readonly GateRule[], results: readonly RuleResult[], at: number): GateVerdict {
  let verdict: Verdict = 'pass';
  let action: RuleAction | null = null;
  let text = 'all rules keep';
  results.forEach((result, index) => {
    const rule = rules[index];
    const firing = rule && (result.verdict === 'fail' || result.verdict === 'warn') ? rule.action : null;
    const harder = firing !== null && severity(firing) > severity(action);
    const worst = worse(verdict, result.verdict);
    if (worst !== verdict || (harder && result.verdict === verdict)) text = result.text;
    if (harder) action = firing;
    verdict = worst;
  });
  return { at, verdict, action, text, rules: results };
}

/** Wider and faster rollbacks win over narrower and slower ones, those over hold, hold over warn. */
function severity(action: RuleAction | null): number {
  if (action === null) return 0;
  if (action.kind === 'warn') return 1;
  if (action.kind === 'hold') return 2;
  return 3 + ['flag', 'phase', 'point', 'plan'].indexOf(action.scope) * 2 + (action.overMs === 0 ? 1 : 0);
}

function compare(value: number, comparison: Condition['comparison'], threshold: number): boolean {
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

function referenceOf(condition: Condition): string {
  return condition.bound.kind === 'absolute' ? 'bound' : condition.bound.reference;
}

function round(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
