import { TheseusError } from '../error.ts';

/** How far two numbers may be apart and still count as equal: by either bound. */
export interface Tolerance {
  readonly absolute?: number;
  /** A share of the larger of both: 0.01 is one in a hundred. */
  readonly relative?: number;
}

/**
 * How two answers are compared. Paths are written as they are reported: `$.total`, `$.items[*].price`; `.*` is any key.
 *
 * @example { ignore: ['$.servedAt'], unordered: ['$.tags'], tolerances: { '$.score': { absolute: 0.001 } } }
 */
export interface CompareOptions {
  /** What may differ, with all that is in it. */
  readonly ignore?: readonly string[];
  /** Lists whose order says nothing; `true`: all. */
  readonly unordered?: true | readonly string[];
  /** Lists whose items are told apart by a field, whatever their order: `{ '$.items': 'id' }`. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Of all numbers; none unless given. */
  readonly tolerance?: Tolerance;
  /** Of the numbers at and below single paths, instead. */
  readonly tolerances?: Readonly<Record<string, Tolerance>>;
}

/** What holds at one place of an answer. */
export interface RuleNode {
  isIgnored: boolean;
  isUnordered: boolean;
  /** The field that names an item of this list. */
  key: string | undefined;
  tolerance: Tolerance | undefined;
  readonly inside: Map<string, RuleNode>;
}

export interface CompareRules {
  readonly root: RuleNode;
  readonly isUnordered: boolean;
  readonly tolerance: Tolerance | undefined;
}

/** The step into any item of a list. */
export const ANY_ITEM = '[*]';
/** The step into any field. */
export const ANY_FIELD = '.*';

const STEP = /\.(?<name>[^.[\]]+)|\[\*\]/y;

/** @throws TheseusError `invalid-argument` naming the path or bound that cannot be used */
export function compileCompareRules(options: CompareOptions): CompareRules {
  const root = newNode();
  const { ignore = [], unordered = [], keys = {}, tolerance, tolerances = {} } = options;
  for (const path of ignore) nodeAt(root, path).isIgnored = true;
  for (const path of unordered === true ? [] : unordered) nodeAt(root, path).isUnordered = true;
  for (const [path, key] of Object.entries(keys)) nodeAt(root, path).key = key;
  for (const [path, own] of Object.entries(tolerances)) nodeAt(root, path).tolerance = checked(own, path);
  return { root, isUnordered: unordered === true, tolerance: tolerance && checked(tolerance, '$') };
}

/** The rules of a place inside another; undefined where there are none. */
export function ruleInside(rule: RuleNode | undefined, step: string, anyStep: string): RuleNode | undefined {
  if (rule === undefined || rule.inside.size === 0) return undefined;
  return rule.inside.get(step) ?? rule.inside.get(anyStep);
}

function newNode(): RuleNode {
  return { isIgnored: false, isUnordered: false, key: undefined, tolerance: undefined, inside: new Map() };
}

function nodeAt(root: RuleNode, path: string): RuleNode {
  let node = root;
  for (const step of stepsOf(path)) {
    let next = node.inside.get(step);
    if (next === undefined) {
      next = newNode();
      node.inside.set(step, next);
    }
    node = next;
  }
  return node;
}

function stepsOf(path: string): readonly string[] {
  const steps: string[] = [];
  let at = 1;
  while (path.startsWith('$') && at < path.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) break;
    steps.push(match[0]);
    at = STEP.lastIndex;
  }
  if (at === path.length && path.startsWith('$')) return steps;
  throw new TheseusError(
    'invalid-argument',
    `Cannot compare by the path '${path}': paths look like $.items[*].price, and .* is any key`,
  );
}

function checked(tolerance: Tolerance, path: string): Tolerance {
  for (const bound of [tolerance.absolute ?? 0, tolerance.relative ?? 0]) {
    if (typeof bound === 'number' && bound >= 0) continue;
    throw new TheseusError('invalid-argument', `Cannot use the tolerance ${bound} at '${path}': it must be from 0`);
  }
  return tolerance;
}
