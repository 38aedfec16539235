import { expect, test } from 'vitest';
import type { FlagDefinition } from './flag-document.ts';
import { splitOf } from './split-odds.ts';

function flag(key: string, exposure: number, more: Partial<FlagDefinition> = {}): FlagDefinition {
  const nobody = { candidate: [], legacy: [] };
  return {
    key,
    enabled: true,
    cohort: 'userId',
    salt: 'cvplus-2026a',
    exposure,
    requires: [],
    overrides: nobody,
    rules: [],
    fallback: true,
    epoch: 5,
    ...more,
  };
}

const split = (...flags: FlagDefinition[]) => splitOf(Object.fromEntries(flags.map((each) => [each.key, each])), 'own');

test.each([
  ['at 10 %', [flag('own', 10_000)], 1 / 9],
  ['for an audience at 10 %', [flag('own', 0, { audience: { segment: 's', exposure: 10_000 } })], 1 / 9],
  [
    'behind one for an audience at 50 %',
    [flag('own', 10_000, { requires: ['a'] }), flag('a', 0, { audience: { segment: 's', exposure: 50_000 } })],
    1 / 4,
  ],
  ['at 50 %', [flag('own', 50_000)], 1],
  ['at 0 %', [flag('own', 0)], null],
  ['at 100 %', [flag('own', 100_000)], null],
  ['disabled', [flag('own', 10_000, { enabled: false })], null],
  ['behind one at 50 %', [flag('own', 10_000, { requires: ['a'] }), flag('a', 50_000)], 1 / 4],
  ['behind one that is smaller', [flag('own', 10_000, { requires: ['a'] }), flag('a', 5_000)], null],
  ['behind one that is gone', [flag('own', 10_000, { requires: ['a'] })], null],
  ['behind one of another salt', [flag('own', 10_000, { requires: ['a'] }), flag('a', 5_000, { salt: 'else' })], 1 / 9],
  [
    'behind a chain',
    [flag('own', 10_000, { requires: ['a'] }), flag('a', 50_000, { requires: ['b'] }), flag('b', 20_000)],
    1,
  ],
  ['in a circle', [flag('own', 10_000, { requires: ['a'] }), flag('a', 50_000, { requires: ['own'] })], null],
])('splitOf() gives the odds of a flag %s', (_what, flags, odds) => {
  const found = split(...flags)?.odds;
  if (odds === null) expect(found).toBeNull();
  else expect(found).toBeCloseTo(odds);
});

test('splitOf() begins a new epoch when a prerequisite moves', () => {
  expect(split(flag('own', 1, { requires: ['a'] }), flag('a', 2, { epoch: 9 }))?.epoch).toBe(9);
  expect(split(flag('own', 1, { requires: ['a'] }), flag('a', 2, { epoch: 3 }))?.epoch).toBe(5);
});

test('splitOf() knows nothing of a flag whose server compares nothing', () => {
  const { epoch: _epoch, ...old } = flag('own', 10_000);
  expect(split(old)).toBeNull();
  expect(split(flag('other', 10_000))).toBeNull();
});
