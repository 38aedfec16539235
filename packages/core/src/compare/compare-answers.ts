import type { DifferenceKind } from '../health/index.ts';
import { ANY_FIELD, ANY_ITEM, type CompareRules, type RuleNode, ruleInside, type Tolerance } from './compare-rules.ts';

/** How much is looked at in one comparison; what is larger is not compared. */
export interface CompareLimits {
  readonly values: number;
  /** Differences told, by path and kind. */
  readonly told: number;
}

const ANSWER_LIMITS: CompareLimits = { values: 20_000, told: 100 };
const DEPTH_MOST = 100;

/** One difference of one answer; its path has list indices folded. */
export interface Difference {
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly legacy: unknown;
  readonly candidate: unknown;
}

export type Comparison =
  | { readonly kind: 'equal' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'different'; readonly differences: readonly Difference[] };

const EQUAL = { kind: 'equal' } as const;
const TOO_LARGE = { kind: 'too-large' } as const;

/** Where a value stands; made only when differences are collected. */
interface Path {
  readonly above: Path | undefined;
  readonly step: string;
}

interface Walk {
  readonly rules: CompareRules;
  left: number;
  isTooLarge: boolean;
  /** Undefined while it only matters whether there is any difference. */
  readonly found: Map<string, Found> | undefined;
  readonly told: number;
  readonly onDifference?: ((place: DifferingPlace) => void) | undefined;
}

interface Found {
  readonly difference: Difference;
  count: number;
}

/** What is on both sides of one place that differs. */
export interface DifferingPlace {
  readonly legacy: unknown;
  readonly candidate: unknown;
}

/** As {@link Difference}, with how many values differ in this way at this path. */
export interface CountedDifference extends Difference {
  readonly count: number;
}

export type CountedComparison =
  | { readonly kind: 'equal' }
  | { readonly kind: 'too-large' }
  | { readonly kind: 'different'; readonly differences: readonly CountedDifference[] };

/**
 * Compares two answers by structure: fields, lists, dates, bytes, maps and sets; a field that is undefined is absent. What is equal costs
 * no path and no garbage; only what differs is walked a second time to tell where.
 */
export function compareAnswers(legacy: unknown, candidate: unknown, rules: CompareRules): Comparison {
  const found = walkBoth(legacy, candidate, rules, ANSWER_LIMITS);
  if ('kind' in found) return found;
  return { kind: 'different', differences: [...found.values()].map(({ difference }) => difference) };
}

/** As {@link compareAnswers}, within limits of the caller's, and telling how often each difference shows; `onDifference` hears of each by itself. */
export function countDifferences(
  legacy: unknown,
  candidate: unknown,
  rules: CompareRules,
  limits: CompareLimits,
  onDifference?: (place: DifferingPlace) => void,
): CountedComparison {
  const found = walkBoth(legacy, candidate, rules, limits, onDifference);
  if ('kind' in found) return found;
  return {
    kind: 'different',
    differences: [...found.values()].map(({ difference, count }) => ({ ...difference, count })),
  };
}

function walkBoth(
  legacy: unknown,
  candidate: unknown,
  rules: CompareRules,
  { values, told }: CompareLimits,
  onDifference?: (place: DifferingPlace) => void,
): Map<string, Found> | typeof EQUAL | typeof TOO_LARGE {
  const first: Walk = { rules, left: values, isTooLarge: false, found: undefined, told };
  if (same(first, rules.root, rules.tolerance, legacy, candidate, undefined, 0)) {
    return first.isTooLarge ? TOO_LARGE : EQUAL;
  }
  const found = new Map<string, Found>();
  const second: Walk = { rules, left: values, isTooLarge: false, found, told, onDifference };
  same(second, rules.root, rules.tolerance, legacy, candidate, undefined, 0);
  return found;
}

function same(
  walk: Walk,
  rule: RuleNode | undefined,
  outer: Tolerance | undefined,
  legacy: unknown,
  candidate: unknown,
  path: Path | undefined,
  depth: number,
): boolean {
  if (legacy === candidate || rule?.isIgnored) return true;
  walk.left -= 1;
  if (walk.left < 0 || depth > DEPTH_MOST) {
    walk.isTooLarge = true;
    return true;
  }
  const tolerance = rule?.tolerance ?? outer;
  const form = formOf(legacy);
  if (form !== formOf(candidate)) {
    const kind = candidate === undefined ? 'missing' : legacy === undefined ? 'extra' : 'type';
    return differ(walk, kind, path, legacy, candidate);
  }
  switch (form) {
    case 'list': {
      const lists: Lists = { legacy: legacy as unknown[], candidate: candidate as unknown[] };
      if (rule?.key !== undefined) return sameKeyed(walk, rule, rule.key, tolerance, lists, path, depth);
      const isUnordered = walk.rules.isUnordered || rule?.isUnordered;
      return (isUnordered ? sameBag : sameList)(walk, rule, tolerance, lists, path, depth);
    }
    case 'fields':
      return sameFields(walk, rule, tolerance, legacy as Fields, candidate as Fields, path, depth);
    case 'map': {
      const [one, other] = [
        Object.fromEntries(legacy as Map<string, unknown>),
        Object.fromEntries(candidate as Map<string, unknown>),
      ];
      return sameFields(walk, rule, tolerance, one, other, path, depth);
    }
    case 'set': {
      const lists: Lists = { legacy: [...(legacy as Set<unknown>)], candidate: [...(candidate as Set<unknown>)] };
      return sameBag(walk, rule, tolerance, lists, path, depth);
    }
    default:
      return samePlain(form, legacy, candidate, tolerance) || differ(walk, 'changed', path, legacy, candidate);
  }
}

type Fields = Readonly<Record<string, unknown>>;

interface Lists {
  readonly legacy: readonly unknown[];
  readonly candidate: readonly unknown[];
}

function formOf(value: unknown): string {
  if (typeof value !== 'object') return typeof value;
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Date) return 'moment';
  if (ArrayBuffer.isView(value)) return 'bytes';
  if (value instanceof Map) return 'map';
  return value instanceof Set ? 'set' : 'fields';
}

function samePlain(form: string, legacy: unknown, candidate: unknown, tolerance: Tolerance | undefined): boolean {
  if (form === 'number') return sameNumber(legacy as number, candidate as number, tolerance);
  if (form === 'moment') return sameNumber(Number(legacy), Number(candidate), undefined);
  if (form !== 'bytes') return false;
  const [one, other] = [bytesOf(legacy as ArrayBufferView), bytesOf(candidate as ArrayBufferView)];
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sameNumber(legacy: number, candidate: number, tolerance: Tolerance | undefined): boolean {
  if (legacy === candidate || (Number.isNaN(legacy) && Number.isNaN(candidate))) return true;
  if (tolerance === undefined) return false;
  const apart = Math.abs(legacy - candidate);
  const largest = Math.max(Math.abs(legacy), Math.abs(candidate));
  // Infinities are equal to themselves only: any bound relative to them would be met.
  if (!Number.isFinite(largest)) return false;
  return apart <= (tolerance.absolute ?? 0) || apart <= (tolerance.relative ?? 0) * largest;
}

function sameFields(
  walk: Walk,
  rule: RuleNode | undefined,
  tolerance: Tolerance | undefined,
  legacy: Fields,
  candidate: Fields,
  path: Path | undefined,
  depth: number,
): boolean {
  let isSame = true;
  for (const key in legacy) {
    if (!sameField(walk, rule, tolerance, key, legacy[key], candidate[key], path, depth)) {
      if (walk.found === undefined) return false;
      isSame = false;
    }
  }
  for (const key in candidate) {
    if (Object.hasOwn(legacy, key)) continue;
    if (!sameField(walk, rule, tolerance, key, undefined, candidate[key], path, depth)) {
      if (walk.found === undefined) return false;
      isSame = false;
    }
  }
  return isSame;
}

function sameField(
  walk: Walk,
  rule: RuleNode | undefined,
  tolerance: Tolerance | undefined,
  key: string,
  legacy: unknown,
  candidate: unknown,
  path: Path | undefined,
  depth: number,
): boolean {
  if (legacy === candidate) return true;
  const inside = rule === undefined || rule.inside.size === 0 ? undefined : ruleInside(rule, `.${key}`, ANY_FIELD);
  const below = walk.found === undefined ? undefined : { above: path, step: fieldStep(key) };
  return same(walk, inside, tolerance, legacy, candidate, below, depth + 1);
}

function sameList(
  walk: Walk,
  rule: RuleNode | undefined,
  tolerance: Tolerance | undefined,
  { legacy, candidate }: Lists,
  path: Path | undefined,
  depth: number,
): boolean {
  if (walk.found === undefined && legacy.length !== candidate.length) return false;
  const inside = ruleInside(rule, ANY_ITEM, ANY_ITEM);
  const below = walk.found === undefined ? undefined : { above: path, step: ANY_ITEM };
  let isSame = true;
  for (let at = 0; at < Math.max(legacy.length, candidate.length); at += 1) {
    if (same(walk, inside, tolerance, legacy[at], candidate[at], below, depth + 1)) continue;
    if (walk.found === undefined) return false;
    isSame = false;
  }
  // Items that are undefined look like none.
  return isSame && (legacy.length === candidate.length || differ(walk, 'changed', path, legacy, candidate));
}

/** As {@link sameList}, where each item of one list has to be found somewhere in the other. */
function sameBag(
  walk: Walk,
  rule: RuleNode | undefined,
  tolerance: Tolerance | undefined,
  { legacy, candidate }: Lists,
  path: Path | undefined,
  depth: number,
): boolean {
  if (walk.found === undefined && legacy.length !== candidate.length) return false;
  const inside = ruleInside(rule, ANY_ITEM, ANY_ITEM);
  const silent: Walk = { rules: walk.rules, left: walk.left, isTooLarge: false, found: undefined, told: walk.told };
  const left = [...candidate];
  const missing: unknown[] = [];
  for (const item of legacy) {
    const at = left.findIndex((other) => same(silent, inside, tolerance, item, other, undefined, depth + 1));
    if (at === -1) missing.push(item);
    else left.splice(at, 1);
  }
  walk.left = silent.left;
  if (silent.isTooLarge) {
    walk.isTooLarge = true;
    return true;
  }
  const below = walk.found === undefined ? undefined : { above: path, step: ANY_ITEM };
  for (const item of missing) differ(walk, 'missing', below, item, undefined);
  for (const item of left) differ(walk, 'extra', below, undefined, item);
  return missing.length === 0 && left.length === 0;
}

/** Items with the same key are compared, wherever they stand; those without a key, or with one that another has too, as a bag. */
function sameKeyed(
  walk: Walk,
  rule: RuleNode,
  key: string,
  tolerance: Tolerance | undefined,
  lists: Lists,
  path: Path | undefined,
  depth: number,
): boolean {
  const [legacy, candidate] = [byKey(lists.legacy, key), byKey(lists.candidate, key)];
  const inside = ruleInside(rule, ANY_ITEM, ANY_ITEM);
  const below = walk.found === undefined ? undefined : { above: path, step: ANY_ITEM };
  let isSame = true;
  for (const name of new Set([...legacy.named.keys(), ...candidate.named.keys()])) {
    if (same(walk, inside, tolerance, legacy.named.get(name), candidate.named.get(name), below, depth + 1)) continue;
    if (walk.found === undefined) return false;
    isSame = false;
  }
  const rest: Lists = { legacy: legacy.rest, candidate: candidate.rest };
  return sameBag(walk, rule, tolerance, rest, path, depth) && isSame;
}

interface KeyedItems {
  readonly named: Map<unknown, unknown>;
  readonly rest: unknown[];
}

function byKey(items: readonly unknown[], key: string): KeyedItems {
  const keyed: KeyedItems = { named: new Map(), rest: [] };
  for (const item of items) {
    const name = formOf(item) === 'fields' ? (item as Fields)[key] : undefined;
    if (name === undefined || name === null || keyed.named.has(name)) keyed.rest.push(item);
    else keyed.named.set(name, item);
  }
  return keyed;
}

function differ(walk: Walk, kind: DifferenceKind, path: Path | undefined, legacy: unknown, candidate: unknown): false {
  if (walk.found === undefined) return false;
  walk.onDifference?.({ legacy, candidate });
  const text = pathText(path);
  const key = `${kind} ${text}`;
  const known = walk.found.get(key);
  // Told once an answer, however many items of a list show it.
  if (known !== undefined) known.count += 1;
  else if (walk.found.size < walk.told) {
    walk.found.set(key, { difference: { path: text, kind, legacy, candidate }, count: 1 });
  }
  return false;
}

function pathText(path: Path | undefined): string {
  let text = '';
  for (let at = path; at !== undefined; at = at.above) text = at.step + text;
  return `$${text}`;
}

/** Keys that look like data, such as an address or an id, are folded: they would tell of people and never be the same twice. */
function fieldStep(key: string): string {
  return key.length <= 40 && /^[A-Za-z_$][A-Za-z_$-]*\d{0,3}$/.test(key) ? `.${key}` : ANY_FIELD;
}
