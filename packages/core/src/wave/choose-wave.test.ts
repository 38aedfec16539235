import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pickCohort } from '../flag/index.ts';
import { chooseWave, type WaveCandidate, type WaveRule } from './choose-wave.ts';

const SALT = 'phoenix-2026';
const REGIONS = ['EU', 'EU', 'EU', 'US', 'US', 'APAC'];
const CLASSES = ['simple', 'medium', 'complex'];
const users: readonly WaveCandidate[] = Array.from({ length: 1_250 }, (_, at) => ({
  key: `user-${at}`,
  attributes: { region: REGIONS[at % 6], complexity: CLASSES[at % 3], customizations: at % 8 },
  wave: null,
}));
const everybody: WaveRule = { size: { kind: 'count', count: 50 }, conditions: [], strata: [], salt: SALT };
const pilot: WaveRule = {
  ...everybody,
  conditions: [
    { attribute: 'customizations', operator: 'atLeast', value: 2 },
    { attribute: 'customizations', operator: 'atMost', value: 5 },
  ],
  strata: ['region', 'complexity'],
};

/** The list after a wave took its members. */
function after(wave: string, members: readonly string[], list: readonly WaveCandidate[]): readonly WaveCandidate[] {
  const taken = new Set(members);
  return list.map((user) => (taken.has(user.key) ? { ...user, wave } : user));
}

describe('chooseWave()', () => {
  test('takes exactly 50 with 2 to 5 customizations, spread over regions and complexities within one of their part [PX-3]', () => {
    const { members, selection } = chooseWave(pilot, users);
    expect(new Set(members).size).toBe(50);
    const fit = users.filter(
      ({ attributes }) => Number(attributes['customizations']) >= 2 && Number(attributes['customizations']) <= 5,
    );
    for (const [stratum, count] of Object.entries(selection.strata)) {
      const there = fit.filter(({ attributes }) => `${attributes['region']} / ${attributes['complexity']}` === stratum);
      expect(Math.abs(count - (50 * there.length) / fit.length)).toBeLessThan(1);
    }
    expect(selection.excluded).toEqual({
      'not in the segment': 1_250 - fit.length,
      'there is no room for them in this wave': fit.length - 50,
    });
  });

  test('takes the same members in the same order however the list is ordered [PX-3]', () => {
    const expected = chooseWave(pilot, users).members;
    const ranks = fc.array(fc.nat(), { minLength: users.length, maxLength: users.length });
    fc.assert(
      fc.property(ranks, (order) => {
        const list = users
          .map((user, at) => ({ user, place: order[at] ?? 0 }))
          .toSorted((one, other) => one.place - other.place)
          .map(({ user }) => user);
        expect(chooseWave(pilot, list).members).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  test('takes the people whom a flag of the same salt picks first', () => {
    const cohort = { count: 50, segment: undefined, cohort: 'userId', salt: SALT };
    const picked = pickCohort(
      cohort,
      users.map(({ key }) => ({ userId: key })),
    );
    const expected = picked.filter(({ isPicked }) => isPicked).map(({ subject }) => subject);
    expect(chooseWave(everybody, users).members).toEqual(expected);
  });

  test('takes nobody twice over three waves by class, and all of what remains in the end [PX-4, PX-5]', () => {
    const rules: readonly WaveRule[] = [
      ...CLASSES.map(
        (complexity): WaveRule => ({
          ...everybody,
          size: { kind: 'count', count: 100 },
          conditions: [{ attribute: 'complexity', operator: 'in', values: [complexity] }],
        }),
      ),
      { ...everybody, size: { kind: 'remaining', share: 40_000, after: [] } },
      { ...everybody, size: { kind: 'remaining', share: 60_000, after: [{ wave: 'wave-3', share: 40_000 }] } },
    ];
    const seen = new Set<string>();
    let list = users;
    const sizes = rules.map((rule, at) => {
      const { members } = chooseWave(rule, list);
      for (const key of members) {
        expect(seen.has(key)).toBe(false);
        seen.add(key);
      }
      list = after(`wave-${at}`, members, list);
      return members.length;
    });
    expect(sizes).toEqual([100, 100, 100, 380, 570]);
    expect(seen.size).toBe(1_250);
  });

  test('counts who lacks the attribute of a stratum as a stratum of its own', () => {
    const nameless = { key: 'user-x', attributes: {}, wave: null };
    const rule: WaveRule = { ...everybody, size: { kind: 'all' }, strata: ['region'] };
    expect(chooseWave(rule, [nameless]).selection.strata).toEqual({ '–': 1 });
  });
});
