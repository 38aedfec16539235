import type { Usual } from './baseline.ts';
import type { RuleAction } from './condition.ts';
import type { InconclusiveReason } from './judge/judge-state.ts';
import type { JudgeMemory, Judgement } from './judge-memory.ts';
import type { Measurement, Repairs } from './reading.ts';

/** From best to worst. `inconclusive`: cannot tell; `error`: could not ask. Neither is ever healthy. */
export const VERDICTS = ['pass', 'warn', 'inconclusive', 'error', 'fail'] as const;

export type Verdict = (typeof VERDICTS)[number];

/** The worse of two verdicts, by the published precedence fail > error > inconclusive > warn > pass. */
export function worse(left: Verdict, right: Verdict): Verdict {
  return VERDICTS.indexOf(left) >= VERDICTS.indexOf(right) ? left : right;
}

/** What a value was compared with, and how it stands against that, for people. */
export interface JudgedUsual extends Usual {
  readonly text: string;
}

/** How one rule came out. */
export interface RuleResult {
  /** The rule's condition as its author wrote it. */
  readonly rule: string;
  readonly signal: string;
  readonly verdict: Verdict;
  readonly value: number | null;
  /** The bound in the signal's unit; null while its reference is not known. */
  readonly threshold: number | null;
  readonly sample: number | null;
  /** The legacy arm's value in the same moment; null where it is not known by enough requests. */
  readonly legacy: number | null;
  /** What the baseline says is usual now; only for rules that compare with it, once both are known. */
  readonly usual?: JudgedUsual;
  /** How long the comparison has held without a break, in milliseconds. */
  readonly heldMs: number;
  /** What was found, for people; empty when the rule keeps. */
  readonly text: string;
  /** Why it could not tell; only with `inconclusive`. */
  readonly cause?: InconclusiveReason;
  /** The judge's evidence, and how much is enough; only for rules that it answers. */
  readonly evidence?: number;
  readonly required?: number;
}

/** A gate's verdict at one moment. */
export interface GateVerdict {
  readonly at: number;
  readonly verdict: Verdict;
  /** What the worst rule that holds asks for. */
  readonly action: RuleAction | null;
  readonly text: string;
  readonly rules: readonly RuleResult[];
  /** What the judge says of both arms; only where the gate has rules for it. */
  readonly judgement?: Judgement;
  /** So soon after a change of exposure that it counts neither for nor against it. */
  readonly isWarmingUp?: true;
}

/** Whether nobody could tell or even ask, though there was something to be seen. Too little data is not blindness. */
export function isBlind({ verdict, rules }: GateVerdict): boolean {
  if (verdict !== 'inconclusive' && verdict !== 'error') return false;
  return rules.some((rule) => rule.verdict === 'error' || rule.cause === 'no-data');
}

/** Kept with an event: the verdict and the last samples that led to it. */
export interface Evidence {
  readonly verdict: GateVerdict;
  readonly samples: readonly Measurement[];
}

/** The memory of one gate that is being watched. Not part of the event log; losing some of it only lengthens a soak. */
export interface Watch {
  /** The step, or `step@flag` where a step watches several flags. */
  readonly id: string;
  readonly stepId: string;
  readonly flag: string | null;
  /** The ramp's stage it belongs to; a new stage begins a new watch. */
  readonly stage: number;
  /** The moment from which on its evidence counts; a step that is done again begins a new watch. */
  readonly since: number;
  readonly startedAt: number;
  /** The rules it was judged by: when they are edited, a new watch begins. */
  readonly rules: string;
  /** When it was last judged. */
  readonly lastAt: number | null;
  /** Healthy time so far: only time between two healthy looks counts. */
  readonly soakedMs: number;
  /** Since when the verdict has not been healthy; null while it is. */
  readonly unhealthySince: number | null;
  /** Since when nobody could tell; null while somebody can. */
  readonly blindSince?: number | null;
  /** Per rule, since when its comparison holds. */
  readonly holdsSince: readonly (number | null)[];
  readonly verdict: GateVerdict | null;
  /** The newest last, at most {@link KEPT_SAMPLES}. */
  readonly samples: readonly Measurement[];
  /** What compares the arms, over all stages of one attempt at the step. */
  readonly judge?: JudgeMemory;
  /** What its migration owed the other side at the last look. */
  readonly repairs?: Repairs | null;
}

/** How many measurements stay with a verdict. */
export const KEPT_SAMPLES = 10;
