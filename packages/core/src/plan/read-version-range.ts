import { type AttributeCondition, isSemanticVersion, type VersionOperator } from '../flag/index.ts';
import type { Path } from './problems.ts';
import type { ReadingContext } from './reading-context.ts';

const OPERATORS: Readonly<Record<string, VersionOperator>> = {
  '>=': 'versionAtLeast',
  '<=': 'versionAtMost',
  '>': 'versionAbove',
  '<': 'versionBelow',
  '=': 'versionIs',
};
const COMPARATOR = /\s*(>=|<=|>|<|=)?\s*([^\s<>=]+)\s*/y;

/** `>= 2.3.0 < 3.0.0`: all of its comparisons hold. Empty after telling what is wrong. */
export function readVersionRange(
  { problems }: ReadingContext,
  path: Path,
  attribute: string,
  text: string,
): readonly AttributeCondition[] {
  const comparators = comparatorsOf(text);
  if (comparators === null) {
    const mend = "write '>= 2.3.0', '>= 2.3.0 < 3.0.0' or '2.3.0'";
    problems.add({ path, code: 'invalid-version', message: `'${text}' is no range of versions`, mend });
    return [];
  }
  const wrong = comparators.find(({ version }) => !isSemanticVersion(version));
  if (wrong !== undefined) {
    const message = `'${wrong.version}' is no version as semver.org has it`;
    problems.add({ path, code: 'invalid-version', message, mend: mendOf(wrong.version) });
    return [];
  }
  return comparators.map(({ operator, version }) => ({ attribute, operator, value: version }));
}

interface Comparator {
  readonly operator: VersionOperator;
  readonly version: string;
}

function comparatorsOf(text: string): readonly Comparator[] | null {
  const found: Comparator[] = [];
  COMPARATOR.lastIndex = 0;
  while (COMPARATOR.lastIndex < text.length) {
    const [, sign = '=', version] = COMPARATOR.exec(text) ?? [];
    const operator = OPERATORS[sign];
    if (version === undefined || operator === undefined) return null;
    found.push({ operator, version });
  }
  return found.length === 0 ? null : found;
}

/** Says what ranges of other tools would be here, and fills up versions that are too short. */
function mendOf(written: string): string {
  const [, sign = '', major = '', minor = '0', patch = '0', rest = ''] =
    /^([\^~v]*)(\d+)(?:\.(\d+))?(?:\.(\d+))?(-.*)?$/.exec(written) ?? [];
  if (major === '') return "write three numbers, such as '>= 2.3.0' or '>= 2.3.0-rc.1'";
  const version = `${Number(major)}.${Number(minor)}.${Number(patch)}${rest}`;
  const next = sign.includes('~') ? `${major}.${Number(minor) + 1}.0` : `${Number(major) + 1}.0.0`;
  return /[\^~]/.test(sign) ? `write '>= ${version} < ${next}'` : `did you mean '${version}'?`;
}
