import { type CompiledSegment, compileSegment } from './compiled-rules.ts';
import type { ContextTest } from './condition-test.ts';
import { evaluationOf, failedEvaluation, unknownFlagEvaluation } from './evaluation.ts';
import {
  type Arm,
  CONTROL,
  type Evaluation,
  type EvaluationContext,
  type FlagDefinition,
  type FlagDocument,
  type FlagPatch,
  PER_CALL,
  type SegmentDefinition,
} from './flag-document.ts';
import { isAnsweredByCandidate, toldAnswer } from './live-stage.ts';
import {
  ANSWER_DISABLED,
  ANSWER_KEPT_OUT,
  ANSWER_KEY_MISSING,
  ANSWER_PREREQUISITE,
  ANSWER_SPLIT_CANDIDATE,
  ANSWER_SPLIT_LEGACY,
  type Answer,
  answersCandidate,
  compileOwnAnswer,
  NOT_DRAWN,
  type OwnAnswer,
  SaltCache,
  subjectKey,
} from './own-answer.ts';
import { PrerequisiteGraph } from './prerequisite-graph.ts';
import { splitVersion } from './split-odds.ts';
import { SubjectHasher } from './subject-hash.ts';
import { NO_VARIANT, VariantSplit } from './variant-split.ts';

/** One flag as the evaluator keeps it. Compiled at its first evaluation, and anew when it changes. */
interface FlagNode {
  definition: FlagDefinition;
  own: OwnAnswer | undefined;
  /** All flags this one needs, directly or not; `undefined` until first asked. */
  needs: readonly FlagNode[] | 'unsatisfiable' | undefined;
  /** `undefined` until a request is first assigned. */
  comparing: Comparing | undefined;
  /** `undefined` until a variant is first asked for. */
  split: VariantSplit | undefined;
}

/** What is needed to count the requests of one flag for a comparison of its arms. */
interface Comparing {
  readonly hasher: SubjectHasher;
  readonly strata: readonly (ContextTest | undefined)[];
}

const NO_NEEDS: readonly FlagNode[] = [];
const NO_STRATA: readonly ContextTest[] = [];

/** More strata than this of one flag are left out: each is one bit of {@link Assignment.strata}. */
export const STRATA_LIMIT = 8;

/** Stands for a subject who must not be compared, as somebody else than hash chose the arm, or nobody compares. */
export const NOT_COMPARED = -1;

/** Stands for a subject who is compared and has no name: each call of a flag that keeps nobody is one of its own. */
export const NAMELESS = -2;

/** The arm of one request, with what is needed to count it. */
export interface Assignment {
  readonly definition: FlagDefinition;
  readonly arm: Arm;
  /**
   * The subject's pseudonym, from 0 to 2^53 - 1, where the percentage alone chose the arm; {@link NAMELESS} where it
   * chose for this call alone; else {@link NOT_COMPARED}.
   */
  readonly subject: number;
  /** The newest epoch of the flag and of all it requires: the users of an arm are the same people as long as it stays. */
  readonly epoch: number;
  /** The same without the marks of latency: see `FlagDefinition.split`. */
  readonly split: number;
  /** Bit by bit, whether the subject belongs to each of the definition's strata. */
  readonly strata: number;
  /** The variant's place among those of the definition; `NO_VARIANT` on legacy, and on a candidate that is one. */
  readonly variant: number;
}

/** For whom a goal counts: a subject of a flag that names the goal. */
export interface GoalSubject {
  readonly flag: string;
  readonly subject: number;
  /** As in {@link Assignment}. */
  readonly split: number;
}

/**
 * A flag document compiled to closures. Evaluating never throws and always names an arm; where anything is missing
 * or broken the arm is legacy.
 *
 * @example
 * const flags = compileFlags(document);
 * flags.isCandidate('cv-analyzer', { userId: 'user-1' });
 */
export class CompiledFlags {
  #version: number;
  #flushEveryMs: number;
  readonly #nodes = new Map<string, FlagNode>();
  readonly #segments: ReadonlyMap<string, SegmentDefinition>;
  readonly #compiledSegments = new Map<string, CompiledSegment>();
  readonly #salts = new SaltCache();
  readonly #graph = new PrerequisiteGraph();
  /** The flags of each goal; undefined until first asked, and again after each patch. */
  #goals: ReadonlyMap<string, readonly FlagNode[]> | undefined;
  #perCall = 0;

  constructor(document: FlagDocument) {
    this.#version = document.version;
    this.#flushEveryMs = document.flushEveryMs;
    this.#segments = new Map(Object.entries(document.segments));
    const { flags } = document;
    for (const key of Object.keys(flags)) this.#enter(key, flags[key] as FlagDefinition);
  }

  /** The version of the document that answers. */
  get version(): number {
    return this.#version;
  }

  /** How often telemetry is sent, in milliseconds. */
  get flushEveryMs(): number {
    return this.#flushEveryMs;
  }

  /** Whether any flag decides call by call, so that evaluating needs a drawn number. */
  get needsDraw(): boolean {
    return this.#perCall > 0;
  }

  /** How many flags there are. */
  get size(): number {
    return this.#nodes.size;
  }

  /** The keys of all flags. */
  keys(): IterableIterator<string> {
    return this.#nodes.keys();
  }

  /** The definition of a flag; undefined where there is none of that key. */
  definition(key: string): FlagDefinition | undefined {
    return this.#nodes.get(key)?.definition;
  }

  /**
   * Whether the subject takes the candidate. The hot path: no garbage, nothing thrown.
   *
   * @param draw a number from 0 up to 1, drawn for this call; needed where {@link needsDraw} says so
   */
  isCandidate(key: string, context: EvaluationContext, draw: number = NOT_DRAWN): boolean {
    const node = this.#nodes.get(key);
    if (node === undefined || context === null || typeof context !== 'object') return false;
    try {
      const own = node.own ?? this.#compileOwn(node);
      if (!isAnsweredByCandidate(node.definition, own(context, draw))) return false;
      const needs = node.needs ?? this.#resolveNeeds(key, node);
      return needs === NO_NEEDS || this.#allCandidate(needs, context, draw);
    } catch {
      return false;
    }
  }

  /**
   * The variant the subject takes: `legacy`, or a name among the flag's variants, or `candidate` where it has none. No
   * garbage, nothing thrown.
   */
  variant(key: string, context: EvaluationContext, draw: number = NOT_DRAWN): string {
    if (!this.isCandidate(key, context, draw)) return CONTROL;
    const node = this.#nodes.get(key);
    try {
      return node === undefined ? CONTROL : this.#variantName(node, context, draw);
    } catch {
      return CONTROL;
    }
  }

  /** The arm of one request and how to count it; undefined where there is no such flag. Never throws. */
  assign(key: string, context: EvaluationContext, draw: number = NOT_DRAWN): Assignment | undefined {
    const node = this.#nodes.get(key);
    if (node === undefined) return undefined;
    const { definition } = node;
    try {
      const answer = this.#answer(key, node, context, draw);
      const arm = answersCandidate(answer) ? 'candidate' : 'legacy';
      const variant = arm === 'candidate' ? this.#variantIndex(node, context, draw) : NO_VARIANT;
      const isSplit = answer === ANSWER_SPLIT_LEGACY || answer === ANSWER_SPLIT_CANDIDATE;
      if (definition.epoch === undefined || !isSplit) return apart(definition, arm, variant);
      const comparing = node.comparing ?? this.#compileComparing(node);
      const isNameless = definition.cohort === PER_CALL;
      const subject = isNameless ? NAMELESS : comparing.hasher.hash(subjectKey(context, definition.cohort, draw));
      const epoch = newestOf(node, epochVersion);
      const split = newestOf(node, splitVersion);
      return { definition, arm, subject, epoch, split, strata: strataOf(comparing, context), variant };
    } catch {
      return apart(definition, 'legacy', NO_VARIANT);
    }
  }

  /**
   * The subjects that a goal counts for: of each flag that names it, or of one of them, whoever the context is there. Never throws; a flag for
   * which the context names nobody is left out.
   */
  subjectsOf(goal: string, context: EvaluationContext, only?: string): readonly GoalSubject[] {
    const found: GoalSubject[] = [];
    for (const node of this.#goalNodes(goal)) {
      const { definition } = node;
      if ((only !== undefined && definition.key !== only) || definition.cohort === PER_CALL) continue;
      try {
        const key = subjectKey(context, definition.cohort, NOT_DRAWN);
        if (key === '') continue;
        if (node.needs === undefined) this.#resolveNeeds(definition.key, node);
        const { hasher } = node.comparing ?? this.#compileComparing(node);
        found.push({ flag: definition.key, subject: hasher.hash(key), split: newestOf(node, splitVersion) });
      } catch {
        // A context that cannot be read names nobody.
      }
    }
    return found;
  }

  /** The arm, and why. Never throws. */
  evaluate(key: string, context: EvaluationContext, draw: number = NOT_DRAWN): Evaluation {
    const node = this.#nodes.get(key);
    if (node === undefined) return unknownFlagEvaluation(key, this.#version);
    try {
      if (context === null || typeof context !== 'object') return failedEvaluation(key, this.#version);
      const answer = toldAnswer(node.definition, this.#answer(key, node, context, draw));
      const variant = answersCandidate(answer) ? this.#variantName(node, context, draw) : CONTROL;
      return evaluationOf(key, answer, variant, this.#version);
    } catch {
      return failedEvaluation(key, this.#version);
    }
  }

  /** The document that would compile to these flags, for a copy on disk. */
  toDocument(): FlagDocument {
    const flags: [string, FlagDefinition][] = [];
    for (const [key, node] of this.#nodes) flags.push([key, node.definition]);
    return {
      version: this.#version,
      flags: Object.fromEntries(flags),
      segments: Object.fromEntries(this.#segments),
      flushEveryMs: this.#flushEveryMs,
    };
  }

  /** Takes over a patch; see {@link applyPatch}. */
  apply(patch: FlagPatch): void {
    for (const key of patch.removed) this.#remove(key);
    for (const [key, definition] of Object.entries(patch.flags)) {
      const node = this.#nodes.get(key);
      if (node === undefined) this.#add(key, definition);
      else this.#redefine(key, node, definition);
    }
    this.#version = patch.version;
    this.#goals = undefined;
  }

  #goalNodes(goal: string): readonly FlagNode[] {
    this.#goals ??= nodesByGoal(this.#nodes.values());
    return this.#goals.get(goal) ?? [];
  }

  #variantIndex(node: FlagNode, context: EvaluationContext, draw: number): number {
    const { variants, cohort } = node.definition;
    if (variants === undefined || variants.length === 0) return NO_VARIANT;
    node.split ??= new VariantSplit(node.definition, this.#salts);
    return node.split.indexOf(subjectKey(context, cohort, draw));
  }

  #variantName(node: FlagNode, context: EvaluationContext, draw: number): string {
    return variantName(node.definition, 'candidate', this.#variantIndex(node, context, draw));
  }

  #answer(key: string, node: FlagNode, context: EvaluationContext, draw: number): Answer {
    const own = (node.own ?? this.#compileOwn(node))(context, draw);
    // These three outrank the prerequisites; being let in does not.
    if (own === ANSWER_DISABLED || own === ANSWER_KEY_MISSING || own === ANSWER_KEPT_OUT) return own;
    const needs = node.needs ?? this.#resolveNeeds(key, node);
    return needs === NO_NEEDS || this.#allCandidate(needs, context, draw) ? own : ANSWER_PREREQUISITE;
  }

  #allCandidate(needs: readonly FlagNode[] | 'unsatisfiable', context: EvaluationContext, draw: number): boolean {
    if (needs === 'unsatisfiable') return false;
    for (let at = 0; at < needs.length; at += 1) {
      const node = needs[at] as FlagNode;
      const answer = (node.own ?? this.#compileOwn(node))(context, draw);
      if (!isAnsweredByCandidate(node.definition, answer)) return false;
    }
    return true;
  }

  #compileOwn(node: FlagNode): OwnAnswer {
    node.own = compileOwnAnswer(node.definition, (key) => this.#segment(key), this.#salts);
    return node.own;
  }

  #compileComparing(node: FlagNode): Comparing {
    const { salt, strata = [] } = node.definition;
    const tests = strata.slice(0, STRATA_LIMIT).map((segment) => this.#segment(segment)?.matches);
    node.comparing = { hasher: new SubjectHasher(salt), strata: tests.length === 0 ? NO_STRATA : tests };
    return node.comparing;
  }

  /**
   * The chain of prerequisites is flattened once: each flag in it is then asked once, however deep the chain and
   * however often a flag is needed. Only the order in which they are asked could differ, and it does not matter.
   */
  #resolveNeeds(key: string, node: FlagNode): readonly FlagNode[] | 'unsatisfiable' {
    if (node.definition.requires.length === 0) {
      node.needs = NO_NEEDS;
      return NO_NEEDS;
    }
    const keys = this.#graph.allRequiredBy(key, (other) => this.#nodes.get(other)?.definition.requires);
    node.needs = keys === 'unsatisfiable' ? keys : keys.map((other) => this.#nodes.get(other) as FlagNode);
    return node.needs;
  }

  /** Compiled once and shared by all flags, so that a long list of members is kept once. */
  #segment(key: string): CompiledSegment | undefined {
    const known = this.#compiledSegments.get(key);
    if (known !== undefined) return known;
    const segment = this.#segments.get(key);
    if (segment === undefined) return undefined;
    const compiled = compileSegment(segment);
    this.#compiledSegments.set(key, compiled);
    return compiled;
  }

  #add(key: string, definition: FlagDefinition): void {
    this.#enter(key, definition);
    this.#forgetNeedsOfDependents(key);
  }

  #enter(key: string, definition: FlagDefinition): void {
    this.#nodes.set(key, { definition, own: undefined, needs: undefined, comparing: undefined, split: undefined });
    this.#graph.connect(key, definition.requires);
    if (definition.cohort === PER_CALL) this.#perCall += 1;
  }

  #remove(key: string): void {
    const node = this.#nodes.get(key);
    if (node === undefined) return;
    this.#nodes.delete(key);
    if (node.definition.cohort === PER_CALL) this.#perCall -= 1;
    this.#graph.disconnect(key, node.definition.requires);
    this.#forgetNeedsOfDependents(key);
  }

  #redefine(key: string, node: FlagNode, definition: FlagDefinition): void {
    const before = node.definition.requires;
    this.#perCall += Number(definition.cohort === PER_CALL) - Number(node.definition.cohort === PER_CALL);
    node.definition = definition;
    node.own = undefined;
    node.comparing = undefined;
    node.split = undefined;
    if (sameList(before, definition.requires)) return;
    node.needs = undefined;
    this.#graph.disconnect(key, before);
    this.#graph.connect(key, definition.requires);
    this.#forgetNeedsOfDependents(key);
  }

  #forgetNeedsOfDependents(key: string): void {
    for (const dependent of this.#graph.allDependents(key)) {
      const node = this.#nodes.get(dependent);
      if (node !== undefined) node.needs = undefined;
    }
  }
}

function apart(definition: FlagDefinition, arm: Arm, variant: number): Assignment {
  return { definition, arm, subject: NOT_COMPARED, epoch: 0, split: 0, strata: 0, variant };
}

/** The name of what an arm answers by: `legacy`, a variant, or `candidate` where the definition has none. */
export function variantName({ variants }: FlagDefinition, arm: Arm, variant: number): string {
  return arm === 'legacy' ? CONTROL : (variants?.[variant]?.name ?? arm);
}

function nodesByGoal(nodes: Iterable<FlagNode>): ReadonlyMap<string, readonly FlagNode[]> {
  const found = new Map<string, FlagNode[]>();
  for (const node of nodes) {
    for (const goal of node.definition.goals ?? []) {
      const known = found.get(goal);
      if (known === undefined) found.set(goal, [node]);
      else known.push(node);
    }
  }
  return found;
}

/** The newest version of a flag and all it requires. */
function newestOf({ definition, needs }: FlagNode, versionOf: (definition: FlagDefinition) => number): number {
  let newest = versionOf(definition);
  if (needs === NO_NEEDS || needs === undefined || needs === 'unsatisfiable') return newest;
  for (let at = 0; at < needs.length; at += 1) newest = Math.max(newest, versionOf((needs[at] as FlagNode).definition));
  return newest;
}

function epochVersion({ epoch }: FlagDefinition): number {
  return epoch ?? 0;
}

function strataOf({ strata }: Comparing, context: EvaluationContext): number {
  let bits = 0;
  for (let at = 0; at < strata.length; at += 1) if (strata[at]?.(context)) bits |= 1 << at;
  return bits;
}

/** Compiles a whole document. The document is kept by reference and must not change afterwards. */
export function compileFlags(document: FlagDocument): CompiledFlags {
  return new CompiledFlags(document);
}

/**
 * Takes a patch over in place and returns the same object: the cost depends on what changed and on who requires it, not on how many
 * flags there are. Whether `patch.from` is the version at hand is the caller's to check.
 */
export function applyPatch(compiled: CompiledFlags, patch: FlagPatch): CompiledFlags {
  compiled.apply(patch);
  return compiled;
}

function sameList(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((key, at) => key === right[at]);
}
