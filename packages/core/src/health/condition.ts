/** What a signal is compared with. */
export type Bound =
  | { readonly kind: 'absolute'; readonly value: number }
  /** `2x baseline`, `90% of baseline`: the reference times the factor. */
  | { readonly kind: 'factor'; readonly reference: Reference; readonly factor: number }
  /** `baseline + 5 points`: the reference plus so many units of the signal. */
  | { readonly kind: 'offset'; readonly reference: Reference; readonly offset: number };

/** `baseline` is what was recorded before the start, `legacy` the other arm in the same moment. */
export type Reference = 'baseline' | 'legacy';

export type Comparison = '>' | '>=' | '<' | '<=';

/** A structured condition, so that charts can draw its threshold and messages can say how near it is. */
export interface Condition {
  readonly signal: string;
  readonly comparison: Comparison;
  readonly bound: Bound;
  /** How long the comparison must hold without a break before it counts, in milliseconds; 0 counts at once. */
  readonly forMs: number;
  /** The condition as the plan's author wrote it. */
  readonly text: string;
}

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
  | { readonly kind: 'hold' }
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
}
