import type { JudgedMetric } from './judge/judge-state.ts';
import type { ProfileName } from './judge/profile.ts';

/** What a signal is compared with. */
export type Bound =
  | { readonly kind: 'absolute'; readonly value: number }
  /** `2x baseline`, `90% of baseline`: the reference times the factor. */
  | { readonly kind: 'factor'; readonly reference: Reference; readonly factor: number }
  /** `baseline + 5 points`: the reference plus so many units of the signal. */
  | { readonly kind: 'offset'; readonly reference: Reference; readonly offset: number }
  /** `worse than legacy`, by the judge's evidence: in one metric, or in any (null). */
  | { readonly kind: 'worse-than-legacy'; readonly metric: JudgedMetric | null }
  /** `surely > 5%`: that value, but by the judge's evidence and never by a reading. */
  | { readonly kind: 'surely'; readonly value: number }
  /**
   * `response-rate worse than legacy`, of a goal: some variant is, by the whole interval of a metric, and by more than
   * `by` points of a rate, or units of a value.
   */
  | { readonly kind: 'shown-worse'; readonly by: number };

/** A bound that one reading is enough to compare with. */
export type ReadBound = Exclude<Bound, { readonly kind: 'worse-than-legacy' | 'surely' }>;

/** `baseline` is what was recorded before the start, `legacy` the other arm in the same moment. */
export type Reference = 'baseline' | 'legacy';

export type Comparison = '>' | '>=' | '<' | '<=';

/** A structured condition, so that charts can draw its threshold and messages can say how near it is. */
export interface Condition {
  /** `*` where the judge looks at all of them. */
  readonly signal: string;
  readonly comparison: Comparison;
  readonly bound: Bound;
  /** How long the comparison must hold without a break before it counts, in milliseconds; 0 counts at once. */
  readonly forMs: number;
  /** The condition as the plan's author wrote it. */
  readonly text: string;
  /** What the signal is measured in, where the plan was read by a version that kept it. */
  readonly unit?: SignalUnit;
}

/** The signal of a condition that speaks of all that is judged. */
export const ANY_SIGNAL = '*';

/** A condition on what a signal reads. */
export type ReadCondition = Condition & { readonly bound: ReadBound };

/** Whether the judge answers a condition, by its evidence; any other is answered by a reading. */
export function isReadCondition(condition: Condition): condition is ReadCondition {
  return condition.bound.kind !== 'worse-than-legacy' && condition.bound.kind !== 'surely';
}

/** Whether a baseline must have been recorded for a condition to be judged. */
export function needsBaseline({ bound }: Condition): boolean {
  return (bound.kind === 'factor' || bound.kind === 'offset') && bound.reference === 'baseline';
}

export type SignalUnit = 'percent' | 'ms' | 'count' | 'per-second';

/** What a rule asks for once its condition holds. */
export type RuleAction =
  | {
      readonly kind: 'rollback';
      readonly scope: RollbackScope;
      /** The point to go back to, where that is the scope. */
      readonly point?: string;
      /** 0 is `now`. */
      readonly overMs: number;
    }
  /** Until health returns; or, with a condition of its own, until that is seen to be true. */
  | { readonly kind: 'hold'; readonly until?: ReadCondition }
  | { readonly kind: 'warn' };

export type RollbackScope = 'flag' | 'phase' | 'point' | 'plan';

export interface GateRule {
  readonly condition: Condition;
  readonly action: RuleAction;
}

/** When, and by which rules, an exposure is judged. */
export interface Gate {
  readonly name: string;
  readonly everyMs: number;
  readonly rules: readonly GateRule[];
  /** Below so many requests a telemetry reading is inconclusive: it neither passes nor fires. */
  readonly minSample: number;
  /** How much worse the judge tolerates; balanced where absent. */
  readonly profile?: ProfileName;
  /** `observe` tells what it would have done, and never does it; `act` where absent. */
  readonly mode?: 'act' | 'observe';
  /** For so long after each change of exposure latency is not judged, and no soak grows; 0 where absent. */
  readonly warmUpMs?: number;
  /** From this share of the way to its bound on a value is warned of: 0.8 is 80 %; never where absent. */
  readonly near?: number;
  /** Blind for longer than this, a ramp goes back to its exposure before; never where absent. */
  readonly maxBlindMs?: number;
  /** What follows when a soak is over and the judge cannot rule harm out; `extend` where absent. */
  readonly onInconclusive?: OnInconclusive;
}

/** `extend`: soak up to as long again, then hold; `approve`: ask a person; `hold`: until the evidence is there. */
export type OnInconclusive = 'extend' | 'approve' | 'hold';

/** Whether any of the gate's rules is answered by the judge. */
export function isJudgedGate({ rules }: Pick<Gate, 'rules'>): boolean {
  return rules.some(({ condition }) => !isReadCondition(condition));
}

/** The signals that a look at the gate reads, each once. */
export function signalsRead({ rules }: Pick<Gate, 'rules'>): readonly string[] {
  const read = rules.flatMap(({ condition, action }) => [
    ...(isReadCondition(condition) ? [condition.signal] : []),
    ...(action.kind === 'hold' && action.until !== undefined ? [action.until.signal] : []),
  ]);
  return [...new Set(read)];
}
