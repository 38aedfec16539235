import { describe, expect, it } from 'vitest';
import { drawScenario } from './draw/draw-scenario.ts';
import { play } from './play.ts';
import { playOptions, playRange } from './run-range.ts';
import { shrink } from './shrink.ts';

const CHOSEN = { bug: 'approvals-forgotten', isStrict: false };

function stepsOf(scenario: ReturnType<typeof drawScenario>): number {
  return scenario.source.phases.reduce((sum, { steps }) => sum + steps.length, 0);
}

describe('shrink()', () => {
  it('leaves little but what breaks the same invariant', () => {
    const range = playRange({ seed: 7, runs: 200, first: 0, stride: 1, ...CHOSEN });
    const finding = [...range]
      .flatMap(({ finding: found }) => found ?? [])
      .find(({ invariant }) => invariant === 'approved');
    const drawn = drawScenario(finding?.runSeed ?? 0);
    const shrunk = shrink(drawn, 'approved', playOptions(CHOSEN));

    expect(play(shrunk, playOptions(CHOSEN))?.violation?.invariant).toBe('approved');
    expect(play(shrunk, playOptions({ bug: null, isStrict: false }))?.violation).toBeNull();
    expect(stepsOf(shrunk)).toBeLessThanOrEqual(2);
    expect([shrunk.faults, shrunk.commands, shrunk.moods]).toEqual([[], [], []]);
  });
});
