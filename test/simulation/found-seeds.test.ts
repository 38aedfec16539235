import { describe, expect, it } from 'vitest';
import found from './found-seeds.json' with { type: 'json' };
import { KNOWN_FAILING } from './known-failing.ts';
import { play } from './play.ts';
import type { Scenario } from './scenario.ts';

interface Found {
  readonly invariant: string;
  readonly scenario: Scenario;
}

/** Whole scenarios, not only seeds: they stay what they are when the generator learns something new. */
const ALL = found as unknown as readonly Found[];
const KNOWN = ALL.filter(({ invariant }) => invariant in KNOWN_FAILING);
const MENDED = ALL.filter(({ invariant }) => !(invariant in KNOWN_FAILING));

function strictly({ scenario, invariant }: Found): string | null {
  const ignored = new Set(Object.keys(KNOWN_FAILING).filter((name) => name !== invariant));
  const played = play(scenario, { ignored });
  return played === null ? 'its plan is not valid' : (played.violation?.text ?? null);
}

describe('scenarios that once failed', () => {
  it.each(MENDED)('$scenario.seed keeps $invariant', (one) => {
    expect(strictly(one)).toBeNull();
  });

  // When this fails, the defect is mended: take the invariant out of known-failing.ts, so that it is held from now on.
  it.each(KNOWN)('$scenario.seed still breaks $invariant, as known-failing.ts says', (one) => {
    expect(strictly(one)).toMatch(new RegExp(`^${one.invariant}: `));
  });

  it('there is one for each invariant that is known to be broken', () => {
    const told = new Set(KNOWN.map(({ invariant }) => invariant));
    expect([...told].sort()).toEqual(Object.keys(KNOWN_FAILING).sort());
  });
});
