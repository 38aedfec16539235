import { formatDuration } from '../time/index.ts';
import type { Baseline } from './baseline.ts';
import { type Gate, type GateRule, isReadCondition, type RuleAction } from './condition.ts';
import type { ArmComparison } from './judge/arm-comparison.ts';
import {
  atNewExposure,
  beginJudgeMemory,
  begunAnew,
  findingAgainst,
  type JudgeMemory,
  type Judgement,
  type Judging,
  judgementNow,
  judgeOnce,
} from './judge-memory.ts';
import { breaks, judgeReading, stillMissing } from './judge-reading.ts';
import type { Measurement, Reading } from './reading.ts';
import {
  type GateVerdict,
  isBlind,
  KEPT_SAMPLES,
  type RuleResult,
  type Verdict,
  type Watch,
  worse,
} from './verdict.ts';

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
  /** For gates that compare the arms. */
  readonly judging?: Judging;
  /** Present where a migration moves: nobody goes on while second writes wait to be repaired. */
  readonly asksRepairs?: true;
}

/** A watch that has seen nothing yet. */
export function beginWatch(target: WatchTarget, at: number): Watch {
  const rules = rulesOf(target.gate);
  const judge = beginJudgeMemory(target.gate, target.judging ?? { begunAt: target.since }, rules);
  return {
    id: target.id,
    stepId: target.stepId,
    flag: target.flag,
    stage: target.stage,
    since: target.since,
    startedAt: at,
    rules,
    lastAt: null,
    soakedMs: 0,
    unhealthySince: null,
    holdsSince: target.gate.rules.map(() => null),
    verdict: null,
    samples: [],
    ...(judge === undefined ? {} : { judge }),
  };
}

/**
 * The watch of a target as it is remembered, or a new one where its exposure or its rules are others by now. What
 * compares the arms goes on from stage to stage, and begins anew only with another attempt, or other rules.
 */
export function resumeWatch(target: WatchTarget, remembered: Watch | undefined, at: number): Watch {
  if (remembered === undefined) return beginWatch(target, at);
  const isSame = isWatchOf(target, remembered);
  const known = remembered.judge;
  if (isSame && known === undefined) return remembered;
  const begun = beginWatch(target, at);
  if (known === undefined || begun.judge === undefined) return isSame ? remembered : begun;
  if (known.key !== begun.judge.key) return isSame ? { ...remembered, judge: begun.judge } : begun;
  return isSame ? remembered : { ...begun, judge: atNewExposure(known) };
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
  const text = gate.rules
    .map(
      ({ condition, action }) => `${condition.text}: ${action.kind}${action.kind === 'hold' ? untilText(action) : ''}`,
    )
    .join('\n');
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
  const { at } = measurement;
  if (watch.lastAt !== null && isRepetition(watch.lastAt, at, gate)) return watch;
  const elapsedMs = watch.lastAt === null ? 0 : Math.max(0, at - watch.lastAt);
  const gapless = watch.lastAt === null || (at > watch.lastAt && elapsedMs <= LONGEST_GAP * gate.everyMs);
  const isWarmingUp = at - watch.since < (gate.warmUpMs ?? 0);
  const judge = watch.judge && judgeOnce(watch.judge, gate, comparisonOf(measurement), { isWarmingUp });
  const looked = lookAtRules(watch, gate, measurement, { baseline, gapless, isWarmingUp, judge });
  const { verdict } = looked;
  const healthy = isHealthy(verdict.verdict);
  const wasHealthy = watch.verdict !== null && isHealthy(watch.verdict.verdict);
  const counts = options.counting && healthy && wasHealthy && gapless && !isWarmingUp;
  return {
    ...watch,
    lastAt: at,
    soakedMs: watch.soakedMs + (counts ? elapsedMs : 0),
    unhealthySince: healthy ? null : (watch.unhealthySince ?? at),
    ...(isBlind(verdict) ? { blindSince: Math.min(watch.blindSince ?? at, at) } : { blindSince: null }),
    ...(measurement.repairs === undefined ? {} : { repairs: measurement.repairs }),
    holdsSince: looked.holdsSince,
    verdict,
    samples: [...watch.samples.slice(1 - KEPT_SAMPLES), readingsOf(measurement)],
    ...(judge === undefined ? {} : { judge: isDestinationAsBad(gate, verdict) ? begunAnew(judge) : judge }),
  };
}

function comparisonOf({ at, comparison }: Measurement): ArmComparison {
  const nobody = {
    counts: null,
    epoch: 0,
    odds: null,
    assigned: null,
    ageMs: 0,
    problem: 'nobody counts both arms here',
  };
  return comparison ?? { at, ...nobody };
}

/** Counts of both arms are in the judge's memory by now; samples are kept for people, and many. */
function readingsOf({ at, readings }: Measurement): Measurement {
  return { at, readings };
}

function untilText({ until }: Extract<RuleAction, { readonly kind: 'hold' }>): string {
  return until === undefined ? '' : ` until ${until.text}`;
}

interface RulesLook {
  readonly baseline: Baseline;
  readonly gapless: boolean;
  readonly isWarmingUp: boolean;
  readonly judge: JudgeMemory | undefined;
}

function lookAtRules(
  watch: Watch,
  gate: Gate,
  { at, readings }: Measurement,
  { baseline, gapless, isWarmingUp, judge }: RulesLook,
): { readonly verdict: GateVerdict; readonly holdsSince: readonly (number | null)[] } {
  const read = new Map(readings.map((reading) => [reading.signal, reading]));
  const judgement = judge && judgementNow(judge);
  const holdsSince: (number | null)[] = [];
  const results = gate.rules.map((rule, index): RuleResult => {
    const { condition, action } = rule;
    if (!isReadCondition(condition)) {
      holdsSince.push(null);
      return seenByMode(gate, rule, judgedResult(rule, gate, judge, judgement));
    }
    const since = gapless ? (watch.holdsSince[index] ?? null) : null;
    const reading = read.get(condition.signal);
    const judged = judgeReading({ condition, action, reading, baseline, gate, since, at, isWarmingUp });
    holdsSince.push(judged.since);
    const isLatched = watch.verdict?.rules[index]?.verdict === 'fail';
    return seenByMode(gate, rule, isLatched ? heldUntil(rule, judged.result, { read, gate }) : judged.result);
  });
  const verdict = {
    ...combine(gate.rules, results, at),
    ...(judgement === undefined ? {} : { judgement }),
    ...(isWarmingUp ? { isWarmingUp } : {}),
  };
  return { verdict, holdsSince };
}

/**
 * A hold that has begun and names what must be true for it to end goes on until that is seen, whatever became of what it
 * began with; silence is not seen.
 */
function heldUntil(
  { condition, action }: GateRule,
  result: RuleResult,
  { read, gate }: { readonly read: ReadonlyMap<string, Reading>; readonly gate: Gate },
): RuleResult {
  if (action.kind !== 'hold' || action.until === undefined || result.verdict === 'fail') return result;
  const missing = stillMissing(action.until, read.get(action.until.signal), gate);
  return missing === null ? result : { ...result, verdict: 'fail', text: `${condition.text}: held until ${missing}` };
}

/** How a rule stands that the judge answers. Too little data is no alarm; it is asked for when the soak is over. */
function judgedResult(
  rule: GateRule,
  gate: Gate,
  judge: JudgeMemory | undefined,
  judgement: Judgement | undefined,
): RuleResult {
  const { condition, action } = rule;
  const { bound, signal, text: written } = condition;
  const arms = judge?.state?.judged;
  const found = judge && findingAgainst(judge, gate, rule);
  const said = found ?? judgement;
  const isLatency = bound.kind === 'worse-than-legacy' && bound.metric !== 'errors' && bound.metric !== null;
  const common = {
    rule: written,
    signal,
    value: isLatency || arms === undefined ? null : errorPercent(arms.candidate, condition.comparison),
    threshold: bound.kind === 'surely' ? bound.value : null,
    sample: arms?.candidate.requests ?? null,
    legacy: isLatency || arms === undefined ? null : errorPercent(arms.legacy, condition.comparison),
    heldMs: 0,
    ...(said === undefined ? {} : { evidence: said.evidence, required: said.required }),
  };
  const isFatal = found !== undefined && action.kind !== 'warn' && gate.mode !== 'observe';
  const silence = judge?.silence ?? null;
  // What was only warned of says nothing of now, when nobody counts.
  if (silence !== null && !isFatal) return { ...common, verdict: 'inconclusive', cause: 'no-data', text: silence };
  if (found !== undefined) {
    return { ...common, verdict: action.kind === 'warn' ? 'warn' : 'fail', text: `${written}: ${found.text}` };
  }
  if (judgement?.verdict !== 'inconclusive' || judgement.reason === 'needs-data') {
    return { ...common, verdict: 'pass', text: judgement?.text ?? '' };
  }
  const cause = judgement.reason ?? 'no-data';
  return { ...common, verdict: 'inconclusive', cause, text: judgement.text };
}

/** Failures in percent, or successes for a condition that asks for a least share of them. */
function errorPercent(
  { requests, errors }: { readonly requests: number; readonly errors: number },
  comparison: GateRule['condition']['comparison'],
): number | null {
  if (requests === 0) return null;
  const percent = (100 * errors) / requests;
  return comparison.startsWith('>') ? percent : 100 - percent;
}

/** A gate that only observes warns of what it would have done. */
function seenByMode(gate: Gate, { action }: GateRule, result: RuleResult): RuleResult {
  if (gate.mode !== 'observe' || result.verdict !== 'fail') return result;
  return { ...result, verdict: 'warn', text: `would ${actionText(action)}: ${result.text}` };
}

/** An action in the words of the plan, such as `roll back the phase over 5m`. */
function actionText(action: RuleAction): string {
  if (action.kind === 'hold') return `hold${untilText(action)}`;
  if (action.kind !== 'rollback') return action.kind;
  const what = action.scope === 'point' ? `to ${action.point}` : `the ${action.scope}`;
  return `roll back ${what} ${action.overMs === 0 ? 'now' : `over ${formatDuration(action.overMs)}`}`;
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
  return isNoBetter && breaks(legacy, condition, threshold);
}

function combine(rules: readonly GateRule[], results: readonly RuleResult[], at: number): GateVerdict {
  let verdict: Verdict = 'pass';
  let action: RuleAction | null = null;
  let text = 'all rules keep';
  results.forEach((result, index) => {
    const rule = rules[index];
    const firing = rule === undefined ? null : firingOf(rule, result);
    const harder = firing !== null && severity(firing) > severity(action);
    const worst = worse(verdict, result.verdict);
    if (worst !== verdict || (harder && result.verdict === verdict)) text = result.text;
    if (harder) action = firing;
    verdict = worst;
  });
  return { at, verdict, action, text, rules: results };
}

/** What a rule asks for now: a warning that it is near, or would have acted, asks for no more than that. */
function firingOf({ action }: GateRule, { verdict }: RuleResult): RuleAction | null {
  if (verdict === 'fail') return action;
  return verdict === 'warn' ? { kind: 'warn' } : null;
}

/** Wider and faster rollbacks win over narrower and slower ones, those over hold, hold over warn. */
function severity(action: RuleAction | null): number {
  if (action === null) return 0;
  if (action.kind === 'warn') return 1;
  if (action.kind === 'hold') return 2;
  return 3 + ['flag', 'phase', 'point', 'plan'].indexOf(action.scope) * 2 + (action.overMs === 0 ? 1 : 0);
}
