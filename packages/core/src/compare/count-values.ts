import { ANY_FIELD, ANY_ITEM, type CompareRules, type RuleNode, ruleInside } from './compare-rules.ts';

interface Left {
  readonly value: unknown;
  readonly rule: RuleNode | undefined;
}

/** How many values a comparison looks at: what is no list and no object, without what is ignored; an empty list or object is one. */
export function countValues(value: unknown, { root }: CompareRules): number {
  const left: Left[] = [{ value, rule: root }];
  let count = 0;
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.rule?.isIgnored || next.value === undefined) continue;
    const inside = insideOf(next);
    if (inside.length === 0) count += 1;
    for (const one of inside) left.push(one);
  }
  return count;
}

function insideOf({ value, rule }: Left): readonly Left[] {
  if (Array.isArray(value)) return value.map((item) => ({ value: item, rule: ruleInside(rule, ANY_ITEM, ANY_ITEM) }));
  if (typeof value !== 'object' || value === null || !isPlain(value)) return [];
  return Object.entries(value).map(([key, one]) => ({ value: one, rule: ruleInside(rule, `.${key}`, ANY_FIELD) }));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
