import fc from 'fast-check';
import { afterAll } from 'vitest';

const text = process.env['THESEUS_TEST_SEED'];
const isCi = process.env['CI'] === 'true';

if (text !== undefined) {
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(text) });
} else if (isCi) {
  throw new Error('Cannot run random tests in CI without a fixed seed: THESEUS_TEST_SEED is missing');
}

// A test file that replaces the global settings would drop the seed without a word.
afterAll(() => {
  if (isCi && fc.readConfigureGlobal().seed === undefined) {
    throw new Error('Cannot end a CI run that dropped the fixed seed: keep `seed` when calling fc.configureGlobal');
  }
});
