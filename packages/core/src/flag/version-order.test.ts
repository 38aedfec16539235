import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions, isVersion, VERSION_LENGTH_LIMIT } from './version-order.ts';

/** Each comes before the next; the pre-releases are the example of clause 11 of semver.org. */
const GROWING = [
  '0.0.0',
  '0.9.10',
  '0.10.2',
  '1.0.0-0',
  '1.0.0-9',
  '1.0.0-10',
  '1.0.0--',
  '1.0.0-0a',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-alpha-1',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '2.0.0',
  '2.1.0',
  '2.1.1',
  '9007199254740993.0.0',
  '90071992547409930.0.0',
];

describe('compareVersions()', () => {
  test.each(GROWING.map((version, at) => [version, at] as const))('puts %s in its place', (version, at) => {
    for (const [otherAt, other] of GROWING.entries()) {
      expect(Math.sign(compareVersions(version, other)), `${version} and ${other}`).toBe(Math.sign(at - otherAt));
    }
  });

  test.each([
    ['1.0.0+build.1', '1.0.0'],
    ['1.0.0-rc.1+a', '1.0.0-rc.1+b-c.d'],
  ])('takes %s and %s for the same', (left, right) => {
    expect(compareVersions(left, right)).toBe(0);
  });

  const malformed = [
    '',
    '1',
    '1.2',
    'v1.2.3',
    '1.2.3.4',
    '01.2.3',
    '1.2.3-',
    '1.2.3-01',
    '1.2.3-a..b',
    '1.2.3+',
    ' 1.2.3',
    '1.2.3\n',
    '1.2.x',
    '١.2.3',
    `1.2.${'3'.repeat(VERSION_LENGTH_LIMIT)}`,
  ];

  test.each(malformed)('knows no order for %j', (text) => {
    expect(isVersion(text)).toBe(false);
    expect(compareVersions(text, '1.0.0')).toBeNaN();
    expect(compareVersions('1.0.0', text)).toBeNaN();
  });

  test('is the order of numbers, whichever', () => {
    const version = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20));
    fc.assert(
      fc.property(version, version, (left, right) => {
        const at = left.findIndex((part, index) => part !== right[index]);
        const expected = at === -1 ? 0 : Math.sign((left[at] ?? 0) - (right[at] ?? 0));
        expect(Math.sign(compareVersions(left.join('.'), right.join('.')))).toBe(expected);
      }),
      { seed: 11 },
    );
  });
});
