import { drawScenario } from './draw/draw-scenario.ts';
import { KNOWN_FAILING } from './known-failing.ts';
import { MUTANTS } from './mutants/mutants.ts';
import { type Played, type PlayOptions, play } from './play.ts';
import { seedOf } from './random.ts';

/** What to play: every so manieth run of the seed, from the first on. */
export interface Range {
  readonly seed: number;
  readonly runs: number;
  readonly first: number;
  readonly stride: number;
  readonly bug: string | null;
  readonly isStrict: boolean;
}

export interface Finding {
  readonly index: number;
  readonly runSeed: number;
  readonly invariant: string;
  readonly text: string;
}

export function playOptions({ bug, isStrict }: Pick<Range, 'bug' | 'isStrict'>): PlayOptions {
  const ignored = new Set(isStrict ? [] : Object.keys(KNOWN_FAILING));
  const mutant = bug === null ? undefined : MUTANTS[bug];
  if (bug !== null && mutant === undefined) {
    throw new Error(`There is no bug '${bug}', there are: ${Object.keys(MUTANTS).join(', ')}`);
  }
  return { ignored, ...(mutant === undefined ? {} : { rules: mutant.rules }) };
}

export function playSeed(runSeed: number, options: PlayOptions): Played {
  const played = play(drawScenario(runSeed), options);
  if (played === null) throw new Error(`run ${runSeed} has a plan that is not valid`);
  return played;
}

/** Plays a range one run after another; each answer may stop it. */
export function* playRange(
  range: Range,
): Generator<{ readonly index: number; readonly events: number; readonly finding: Finding | null }> {
  const options = playOptions(range);
  for (let index = range.first; index < range.runs; index += range.stride) {
    const runSeed = seedOf(range.seed, index);
    const { violation, events } = playSeed(runSeed, options);
    yield { index, events: events.length, finding: violation === null ? null : { index, runSeed, ...violation } };
  }
}
