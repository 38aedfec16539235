import { type AttributeCondition, type AttributeValue, isInstantText } from '../flag/index.ts';
import { parseInstant } from '../time/index.ts';
import type { Segment } from './plan.ts';
import type { Path } from './problems.ts';
import { readVersionRange } from './read-version-range.ts';
import type { ReadingContext } from './reading-context.ts';
import type { AttributeTestSource } from './source-schema.ts';

export function readSegment(
  context: ReadingContext,
  key: string,
  source: Readonly<Record<string, AttributeTestSource>>,
): Segment {
  const conditions = Object.entries(source).flatMap(([attribute, test]) =>
    readTest(context, ['segments', key, attribute], attribute, test),
  );
  if (conditions.length === 0 && !context.problems.isTouched(['segments', key])) {
    const message = `segment '${key}' has no condition, so everybody would be in it`;
    const mend = `write what its members have in common, such as 'team: [platform]'`;
    context.problems.add({ path: ['segments', key], code: 'empty-segment', message, mend, atKey: true });
  }
  return { key, conditions };
}

function readTest(
  context: ReadingContext,
  path: Path,
  attribute: string,
  test: AttributeTestSource,
): readonly AttributeCondition[] {
  if (Array.isArray(test)) return [{ attribute, operator: 'in', values: test }];
  if (typeof test !== 'object') return [{ attribute, operator: 'in', values: [test] }];
  return Object.entries(test).flatMap(([operator, value]) => {
    if (operator === 'version') return readVersionRange(context, [...path, operator], attribute, String(value));
    if (operator !== 'after' && operator !== 'before') return readOperator(attribute, operator, value);
    const moment = readMoment(context, [...path, operator], String(value));
    return moment === null ? [] : [{ attribute, operator, value: moment }];
  });
}

/** A date alone is its first moment in UTC. What evaluators cannot read, such as a named zone, becomes what they can. */
function readMoment(context: ReadingContext, path: Path, text: string): string | null {
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const at = parseInstant(moment);
  if (at !== null) return isInstantText(moment) ? moment : new Date(at).toISOString();
  const mend = 'write 2026-05-01 or 2026-05-01T09:00:00Z';
  context.problems.add({ path, code: 'invalid-date', message: `'${text}' is not a date`, mend });
  return null;
}

function readOperator(attribute: string, operator: string, value: unknown): readonly AttributeCondition[] {
  switch (operator) {
    case 'in':
    case 'notIn':
      return [{ attribute, operator, values: value as AttributeValue[] }];
    case 'startsWith':
    case 'endsWith':
      return [{ attribute, operator, values: Array.isArray(value) ? value : [String(value)] }];
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return [{ attribute, operator, value: Number(value) }];
    case 'present':
    case 'absent':
      return [{ attribute, operator }];
    default:
      return [];
  }
}
