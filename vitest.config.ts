import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { testSeed } from './test/setup/test-seed.ts';

/** Lets tests read the workspaces' sources, so that no build is needed before a test runs. */
const SOURCE_CONDITION = '@theseus/source';

interface Suite {
  readonly name: string;
  readonly include: readonly string[];
  readonly timeoutMs: number;
  readonly serial?: boolean;
}

function suite({ name, include, timeoutMs, serial = false }: Suite): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: [...include],
      exclude: ['**/node_modules/**', '**/dist/**'],
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
      fileParallelism: !serial,
    },
  };
}

const seed = testSeed(process.env);
// Every project loads this file anew: the environment keeps them on one seed, and the line to one.
// On stderr, so that a reporter's output on stdout stays clean.
if (process.env['THESEUS_TEST_SEED_SHOWN'] !== String(seed)) console.error(`fast-check seed: ${seed}`);
process.env['THESEUS_TEST_SEED'] = String(seed);
process.env['THESEUS_TEST_SEED_SHOWN'] = String(seed);

export default defineConfig({
  // Workers are started with these as Node's own conditions: `import` among them would break packages that require().
  resolve: { conditions: [SOURCE_CONDITION, 'node'] },
  ssr: {
    resolve: {
      conditions: [SOURCE_CONDITION, 'node'],
      externalConditions: [SOURCE_CONDITION, 'node', 'module-sync'],
    },
  },
  test: {
    environment: 'node',
    env: { THESEUS_TEST_SEED: String(seed) },
    setupFiles: ['./test/setup/fast-check.ts'],
    restoreMocks: true,
    projects: [
      suite({
        name: 'unit',
        include: ['packages/**/src/**/*.test.ts', 'examples/**/src/**/*.test.ts'],
        timeoutMs: 10_000,
      }),
      suite({ name: 'scenarios', include: ['test/scenarios/**/*.test.ts'], timeoutMs: 30_000 }),
      suite({ name: 'simulation', include: ['test/simulation/**/*.test.ts'], timeoutMs: 120_000 }),
      suite({ name: 'conformance', include: ['test/conformance/**/*.test.ts'], timeoutMs: 60_000 }),
      // Beside real programs of others, where they are installed.
      suite({ name: 'peers', include: ['test/peers/**/*.test.ts'], timeoutMs: 60_000, serial: true }),
      // Whole systems with real processes: one file at a time, so that timings mean something on two cores.
      suite({ name: 'e2e', include: ['test/e2e/**/*.test.ts'], timeoutMs: 300_000, serial: true }),
    ],
  },
});
