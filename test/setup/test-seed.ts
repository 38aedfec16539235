/** The seed of every run that names no other, so that a failure seen once is seen again. */
const DEFAULT_SEED = 20_261_123;

/**
 * Reads the seed of random tests from THESEUS_TEST_SEED: a whole number, or `random` to explore.
 * In CI a run must be repeatable, so `random` is an error there.
 */
export function testSeed(env: NodeJS.ProcessEnv): number {
  const text = env['THESEUS_TEST_SEED'] ?? '';
  if (text === '') return DEFAULT_SEED;
  if (text === 'random') {
    if (env['CI'] === 'true') throw new Error('Cannot run with THESEUS_TEST_SEED=random in CI: name a whole number');
    return Math.floor(Math.random() * 0x7fff_ffff);
  }
  const seed = Number(text);
  if (!Number.isInteger(seed)) {
    throw new Error(`Cannot seed random tests with THESEUS_TEST_SEED=${text}: name a whole number or random`);
  }
  return seed;
}
