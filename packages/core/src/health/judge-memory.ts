import { type Gate, type GateRule, isJudgedGate, isReadCondition } from './condition.ts';
import type { ArmComparison } from './judge/arm-comparison.ts';
import { explainJudgement } from './judge/explain.ts';
import {
  beginJudge,
  JUDGED_METRICS,
  type JudgedMetric,
  type JudgeSetting,
  type JudgeState,
  type JudgeVerdict,
} from './judge/judge-state.ts';
import { brokenOff, look } from './judge/look.ts';
import { PROFILES } from './judge/profile.ts';

/** What a rule of the judge can be about: a metric against legacy, or the limit that is surely broken. */
export type JudgedPart = JudgedMetric | 'limit';

/** What the judge must know of the step beyond its gate. */
export interface Judging {
  /** When this attempt at the step began, epoch ms: another attempt is judged by evidence of its own. */
  readonly begunAt: number;
  /** How long the whole of it is planned to be watched, in milliseconds. */
  readonly plannedMs: number;
  /** What legacy did before. */
  readonly prior: JudgeSetting['prior'];
  /** The segments by which the arms are compared besides the whole. */
  readonly segments: readonly string[];
}

/** The judge's verdict with its reason in words and numbers. */
export interface Judgement extends Omit<JudgeVerdict, 'problem' | 'at'> {
  readonly text: string;
}

/** One judge's memory: plain JSON that outlives stages and processes. */
export interface JudgeMemory {
  /** The attempt and the rules it belongs to: for others a new judge begins. */
  readonly key: string;
  readonly setting: JudgeSetting;
  /** Null until there was something to count. */
  readonly state: JudgeState | null;
  /** What failed without being rolled back: it stays so, and the judge goes on with the rest. */
  readonly failed: readonly Failure[];
  /** Why nothing was counted at the last look; null where something was. */
  readonly silence: string | null;
}

interface Failure {
  readonly part: JudgedPart;
  readonly judgement: Judgement;
}

const USUAL_JUDGING: Omit<Judging, 'begunAt'> = {
  plannedMs: 3_600_000,
  prior: { requests: 0, errors: 0 },
  segments: [],
};

/** The judge of a gate that has seen nothing; undefined where no rule asks for one. */
export function beginJudgeMemory(gate: Gate, judging: Partial<Judging>, rules: string): JudgeMemory | undefined {
  if (!isJudgedGate(gate)) return undefined;
  const { begunAt = 0, plannedMs, prior, segments } = { ...USUAL_JUDGING, ...judging };
  const profile = gate.profile ?? 'balanced';
  const setting: JudgeSetting = {
    profile: PROFILES[profile],
    looks: Math.max(1, Math.round(plannedMs / gate.everyMs)),
    warmUpLooks: 0,
    errorLimit: errorLimitOf(gate),
    metrics: JUDGED_METRICS.filter((metric) => ruleFor(gate, metric) !== undefined),
    prior,
    segments,
    everyMs: gate.everyMs,
  };
  return {
    key: `${begunAt} ${profile} ${gate.mode ?? 'act'}\n${rules}`,
    setting,
    state: null,
    failed: [],
    silence: null,
  };
}

/** The rule that a finding is a matter of: the one that names it, or else the one for any. */
export function ruleFor({ rules }: Pick<Gate, 'rules'>, part: JudgedPart): GateRule | undefined {
  const named = rules.find(({ condition: { bound } }) =>
    part === 'limit' ? bound.kind === 'surely' : bound.kind === 'worse-than-legacy' && bound.metric === part,
  );
  if (named !== undefined || part === 'limit') return named;
  return rules.find(({ condition: { bound } }) => bound.kind === 'worse-than-legacy' && bound.metric === null);
}

/** The strictest limit on failures as a share; success below 95 % is failure above 5 %. */
function errorLimitOf({ rules }: Gate): number | null {
  const limits = rules.flatMap(({ condition: { bound, comparison } }) => {
    if (bound.kind !== 'surely') return [];
    return (comparison.startsWith('>') ? bound.value : 100 - bound.value) / 100;
  });
  return limits.length === 0 ? null : Math.min(...limits);
}

/** The memory after one more look at both arms. */
export function judgeOnce(
  known: JudgeMemory,
  gate: Gate,
  comparison: ArmComparison,
  options: { readonly isWarmingUp: boolean },
): JudgeMemory {
  const silence = comparison.counts === null ? (comparison.problem ?? 'the source has no counts') : null;
  const memory = { ...known, silence };
  return isDone(memory) ? memory : lookOnce(memory, gate, comparison, options);
}

function lookOnce(
  memory: JudgeMemory,
  gate: Gate,
  comparison: ArmComparison,
  { isWarmingUp }: { readonly isWarmingUp: boolean },
): JudgeMemory {
  const { state: known } = memory;
  const isFirst = known === null || known.last === null;
  const segments = isFirst ? segmentsOf(comparison, memory.setting.segments) : memory.setting.segments;
  const before = isFirst ? beginJudge({ ...memory.setting, segments }) : known;
  const setting = {
    ...memory.setting,
    segments,
    warmUpLooks: isWarmingUp ? before.looks + 1 : 0,
  };
  const state = look(leftToJudge(setting, memory.failed), before, comparison);
  const judged = { ...memory, setting, state };
  if (state.verdict?.verdict !== 'fail') return judged;
  const part = blamedPart(leftToJudge(setting, memory.failed), before, comparison, state.verdict);
  const rule = ruleFor(gate, part);
  const isFinal = rule === undefined || (rule.action.kind === 'rollback' && gate.mode !== 'observe');
  // Kept also where it is final, so that it is known which rule it was.
  const failed = [...memory.failed, { part, judgement: judgementOf(judged, state.verdict) }];
  return isFinal ? { ...judged, failed } : { ...judged, failed, state: { ...state, verdict: null } };
}

/** Nothing is left to be found out. */
function isDone({ setting, state, failed }: JudgeMemory): boolean {
  const left = leftToJudge(setting, failed);
  return state?.verdict?.verdict === 'fail' || (left.metrics.length === 0 && left.errorLimit === null);
}

/** The memory for another exposure: all evidence stays, but looks on either side of the change cannot be compared. */
export function atNewExposure(memory: JudgeMemory): JudgeMemory {
  const { state } = memory;
  if (state === null) return memory;
  return { ...memory, state: { ...state, scatter: brokenOff(state.scatter) } };
}

/** The memory without its evidence: what was found could not be acted on, and must be found anew before it can be. */
export function begunAnew(memory: JudgeMemory): JudgeMemory {
  return { ...memory, state: null, failed: [] };
}

/** What is still to be judged: all but what has failed for good. */
export function leftToJudge(setting: JudgeSetting, failed: readonly Failure[]): JudgeSetting {
  const isOut = (part: JudgedPart): boolean => failed.some((known) => known.part === part);
  return {
    ...setting,
    metrics: setting.metrics.filter((metric) => !isOut(metric)),
    errorLimit: isOut('limit') ? null : setting.errorLimit,
  };
}

/** Errors are blamed for both; whether the limit was needed shows when it is left out. */
function blamedPart(
  setting: JudgeSetting,
  before: JudgeState,
  comparison: ArmComparison,
  { metric }: JudgeVerdict,
): JudgedPart {
  if (metric !== 'errors' || setting.errorLimit === null) return metric ?? 'errors';
  if (!setting.metrics.includes('errors')) return 'limit';
  const without = look({ ...setting, errorLimit: null }, before, comparison);
  return without.verdict?.verdict === 'fail' ? 'errors' : 'limit';
}

/** Those that were counted, by the names that the plan gives them where it names as many. */
function segmentsOf({ counts }: ArmComparison, named: readonly string[]): readonly string[] {
  const counted = counts?.legacy.segments ?? [];
  return counted.length === named.length ? named : counted.map((_, index) => String(index + 1));
}

function judgementOf({ setting, state, failed }: JudgeMemory, verdict: JudgeVerdict): Judgement {
  const text = state === null ? 'nothing was seen yet' : explainJudgement(leftToJudge(setting, failed), state).text;
  const { verdict: said, metric, reason, evidence, required } = verdict;
  return { verdict: said, metric, reason, evidence, required, text };
}

/** What the judge says now; undefined before its first look. */
export function judgementNow(memory: JudgeMemory): Judgement | undefined {
  const last = memory.failed.at(-1)?.judgement;
  const verdict = memory.state?.verdict ?? null;
  if (verdict === null || (isDone(memory) && last !== undefined)) return last;
  return judgementOf(memory, verdict);
}

/** What was found against a rule that the judge answers; undefined while nothing was. */
export function findingAgainst({ failed }: JudgeMemory, gate: Gate, rule: GateRule): Judgement | undefined {
  if (isReadCondition(rule.condition)) return undefined;
  return failed.find(({ part }) => ruleFor(gate, part) === rule)?.judgement;
}
