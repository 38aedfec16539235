import { describe, expect, test } from 'vitest';
import { HELD_OUT_PAIRS, type Label, type LabelledPair, TUNED_PAIRS } from '../../../test-support/labelled-pairs.ts';
import { rankCorrelation } from '../../../test-support/rank-correlation.ts';
import { domSimilarity } from './dom-similarity.ts';

const LABELS: readonly Label[] = ['broken', 'visible-damage', 'small-loss', 'looks-the-same', 'identical'];
/** The lowest score of each label; 0.95 is what plans ask for, so it parts what looks the same from what lost something. */
const BANDS: Readonly<Record<Label, number>> = {
  broken: 0,
  'visible-damage': 0.4,
  'small-loss': 0.8,
  'looks-the-same': 0.95,
  identical: 1,
};
/** How many of the pairs nobody looked at while tuning may stand in a neighbour's band. */
const HELD_OUT_STRAYS_MOST = 4;

function scoreOf({ before, after }: LabelledPair): number {
  return domSimilarity(before, after).score;
}

function bandOf(score: number): number {
  return LABELS.findLastIndex((label) => score >= BANDS[label]);
}

function correlation(pairs: readonly LabelledPair[]): number {
  return rankCorrelation(
    pairs.map(scoreOf),
    pairs.map(({ label }) => LABELS.indexOf(label)),
  );
}

describe('domSimilarity() beside what a person says', () => {
  test.each(TUNED_PAIRS.map((pair) => [pair.name, pair] as const))('agrees on: %s [PX-2]', (_, pair) => {
    expect(LABELS[bandOf(scoreOf(pair))]).toBe(pair.label);
  });

  test('agrees on pairs that it was not tuned by, and is never two bands off [PX-2]', () => {
    const strays = HELD_OUT_PAIRS.map((pair) => Math.abs(bandOf(scoreOf(pair)) - LABELS.indexOf(pair.label)));
    expect(strays.filter((bands) => bands > 0).length).toBeLessThanOrEqual(HELD_OUT_STRAYS_MOST);
    expect(Math.max(...strays)).toBeLessThanOrEqual(1);
  });

  test('puts pages in the order a person does [PX-2]', () => {
    expect(TUNED_PAIRS.length + HELD_OUT_PAIRS.length).toBeGreaterThanOrEqual(60);
    expect(correlation(HELD_OUT_PAIRS)).toBeGreaterThan(0.97);
    expect(correlation([...TUNED_PAIRS, ...HELD_OUT_PAIRS])).toBeGreaterThan(0.97);
  });
});
