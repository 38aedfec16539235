/** Exposure is counted in parts of this whole: 25 % is 25 000. One part is 0.001 %. */
export const EXPOSURE_WHOLE = 100_000;

/** The old path or the new one. */
export type Arm = 'legacy' | 'candidate';

/** The attribute that `cohort` names when nobody keeps an arm: each call is decided by a number drawn for it. */
export const PER_CALL = 'call';

/** The name of the control among variants: whoever is not on the candidate. */
export const CONTROL = 'legacy';

/** More variants than these are refused. */
export const VARIANT_LIMIT = 20;

/** One of the ways in which subjects on the candidate are answered. */
export interface FlagVariant {
  /** Kebab-case, beginning with a letter; never {@link CONTROL}. */
  readonly name: string;
  /** Parts of {@link EXPOSURE_WHOLE}; those of all variants of a flag are the whole. */
  readonly weight: number;
}

/** Attributes of the subject a flag is asked about. Values that are not comparable never match a condition. */
export type EvaluationContext = Readonly<Record<string, unknown>>;

/**
 * One comparison of one attribute; a missing attribute never matches, not even `notIn`, unless `absent` asks for it.
 * The attribute may lie within another: `account.plan`.
 */
export type AttributeCondition =
  | { readonly attribute: string; readonly operator: 'in' | 'notIn'; readonly values: readonly AttributeValue[] }
  | { readonly attribute: string; readonly operator: 'startsWith' | 'endsWith'; readonly values: readonly string[] }
  | { readonly attribute: string; readonly operator: 'atLeast' | 'atMost' | 'above' | 'below'; readonly value: number }
  | { readonly attribute: string; readonly operator: 'after' | 'before'; readonly value: string }
  /** Versions by the precedence of semver.org; what is no such version never matches. */
  | { readonly attribute: string; readonly operator: VersionOperator; readonly value: string }
  | { readonly attribute: string; readonly operator: 'present' | 'absent' };

export type VersionOperator = 'versionIs' | 'versionAtLeast' | 'versionAtMost' | 'versionAbove' | 'versionBelow';

export type AttributeValue = string | number | boolean;

/** A named audience: every condition must match. */
export interface SegmentDefinition {
  readonly key: string;
  readonly conditions: readonly AttributeCondition[];
}

/** Members of the segment see the flag at this exposure instead of the flag's own; the first matching rule wins. */
export interface SegmentRule {
  readonly segment: string;
  /** Parts of {@link EXPOSURE_WHOLE}. */
  readonly exposure: number;
}

/** The only people whom a flag's percentage is about. */
export interface FlagAudience {
  readonly segment: string;
  /** Parts of {@link EXPOSURE_WHOLE}: members whose bucket lies below it take the candidate, and are compared. */
  readonly exposure: number;
}

/** All that an evaluator needs to know about one flag. */
export interface FlagDefinition {
  readonly key: string;
  /** A disabled flag answers legacy to everybody, overrides included. */
  readonly enabled: boolean;
  /**
   * The attribute that is bucketed, such as `userId`. OpenFeature's `targetingKey` stands in when it is absent. With
   * {@link PER_CALL} no attribute is read, and each call is bucketed by itself.
   */
  readonly cohort: string;
  /** Immutable and shared by all flags of a plan; its length in UTF-8 bytes is a multiple of four. */
  readonly salt: string;
  /** Parts of {@link EXPOSURE_WHOLE}: subjects whose bucket lies below it take the candidate. */
  readonly exposure: number;
  /** Flags that must answer candidate for the same subject before this one may. */
  readonly requires: readonly string[];
  /** Subjects that are let in or kept out whatever the percentage says. */
  readonly overrides: { readonly candidate: readonly string[]; readonly legacy: readonly string[] };
  readonly rules: readonly SegmentRule[];
  /**
   * Where there is one, everybody outside it who meets no rule sees {@link exposure}, which servers then set to 0: an
   * evaluator from before audiences, which ignores this, exposes nobody.
   */
  readonly audience?: FlagAudience;
  /** Whether `route()` may answer from legacy when the candidate throws. */
  readonly fallback: boolean;
  /**
   * The version at which it last changed who takes which arm, or by which marks latency is judged: what is known of
   * single users begins anew with it. Absent where a server wrote the flag that compares nothing.
   */
  readonly epoch?: number;
  /**
   * The version at which it last changed who takes which arm or variant, and nothing else: what users have reached is
   * known since then, whenever marks were fixed. The epoch where absent.
   */
  readonly split?: number;
  /** Segments by which the arms are compared besides the whole. */
  readonly strata?: readonly string[];
  /** Absent until legacy was timed often enough. */
  readonly marks?: LatencyMarks;
  /** How subjects on the candidate are divided; the candidate is one where absent. */
  readonly variants?: readonly FlagVariant[];
  /** What is tracked for the subjects of this flag, by name; nothing where absent. */
  readonly goals?: readonly string[];
  /** Present where the flag moves data from one store or service to another. */
  readonly migration?: MigrationSetting;
  /** Present once the flag was retired: candidate for everybody, whatever else is said of it, and nothing is counted. */
  readonly retired?: true;
}

/** The six stages of a migration, in their order. */
export const MIGRATION_STAGES = ['off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const;

export type MigrationStage = (typeof MIGRATION_STAGES)[number];

/** Which side's answer a caller gets where both are read. */
export type ReadPreference = 'legacy' | 'candidate' | 'fastest';

/** How `migration()` treats a flag. */
export interface MigrationSetting {
  /** The stage of the subjects on either arm: raising the exposure moves subjects from the one to the other. */
  readonly stages: { readonly legacy: MigrationStage; readonly candidate: MigrationStage };
  /** Absent: the side that is authoritative at the stage. */
  readonly read?: ReadPreference;
  /** How many reads are compared, parts of {@link EXPOSURE_WHOLE}. */
  readonly compared: number;
  /** A side that has not answered after so long counts as failed; absent: no deadline. */
  readonly deadlineMs?: number;
  /** The breaker opens when more than this share of the last candidate calls failed (parts of {@link EXPOSURE_WHOLE}); absent: no breaker. */
  readonly breakAbove?: number;
}

/** Where legacy's latency stands, in milliseconds; each mark is the lower edge of a bucket of the latency histogram. */
export interface LatencyMarks {
  /** About a quarter of legacy's requests take at least so long. */
  readonly bodyMs: number;
  /** About one in a hundred does. */
  readonly tailMs: number;
}

/** What the server hands to every evaluator; `version` grows with each change of any flag. */
export interface FlagDocument {
  readonly version: number;
  readonly flags: Readonly<Record<string, FlagDefinition>>;
  readonly segments: Readonly<Record<string, SegmentDefinition>>;
  /** How often SDKs send telemetry, in milliseconds. */
  readonly flushEveryMs: number;
}

/** A change of some flags, sent on the stream instead of the whole document. Applies to exactly `from`. */
export interface FlagPatch {
  readonly from: number;
  readonly version: number;
  readonly flags: Readonly<Record<string, FlagDefinition>>;
  readonly removed: readonly string[];
}

export type EvaluationReason =
  | 'OVERRIDE'
  | 'SEGMENT'
  | 'SPLIT'
  | 'PREREQUISITE'
  | 'RETIRED'
  | 'DISABLED'
  | 'DEFAULT'
  | 'ERROR';

export type EvaluationErrorCode = 'FLAG_NOT_FOUND' | 'TARGETING_KEY_MISSING' | 'PROVIDER_NOT_READY' | 'GENERAL';

/** The answer to one evaluation, and why. Never thrown, always an arm. */
export interface Evaluation {
  readonly key: string;
  readonly arm: Arm;
  /** `legacy`, the name of a variant, or `candidate` where the flag has no variants. */
  readonly variant: string;
  readonly reason: EvaluationReason;
  readonly errorCode?: EvaluationErrorCode;
  /** The version of the document that answered; 0 when nothing is known. */
  readonly version: number;
}
