import { describe, expect, it } from 'vitest';
import { seedOf } from '../random.ts';
import { playOptions, playSeed } from '../run-range.ts';
import caughtAt from './caught-at.json' with { type: 'json' };
import { MUTANTS } from './mutants.ts';

const SEED = 1;
const RUNS = 2_000;

/** The run that is known to catch it goes first; where the generator has changed since, the others follow. */
function firstCatch(bug: string): { readonly index: number; readonly invariant: string } | null {
  const options = playOptions({ bug, isStrict: false });
  const known: number | undefined = (caughtAt as Readonly<Record<string, number>>)[bug];
  const all = Array.from({ length: RUNS }, (_, index) => index);
  for (const index of known === undefined ? all : [known, ...all]) {
    const { violation } = playSeed(seedOf(SEED, index), options);
    if (violation !== null) return { index, invariant: violation.invariant };
  }
  return null;
}

describe('planted bugs', () => {
  it.each(Object.entries(MUTANTS))('%s is caught within 2 000 runs', (name, { caughtBy }) => {
    const caught = firstCatch(name);
    expect(caughtBy).toContain(caught?.invariant);
    expect(caught?.index).toBeLessThan(RUNS);
  });

  it.each(Object.keys(MUTANTS))('the run that catches %s is clean without it', (name) => {
    const index = (caughtAt as Readonly<Record<string, number>>)[name] ?? 0;
    expect(playSeed(seedOf(SEED, index), playOptions({ bug: null, isStrict: false })).violation).toBeNull();
  });
});
