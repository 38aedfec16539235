import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, seconds, setUpDependencies } from './set-up.mjs';

const FORMAT = ['check', '--linter-enabled=false', '--error-on-warnings'];

/** Each runs as a script of Node from the root: no shell, no npx, the same on every platform. */
function steps({ isFixing }) {
  return [
    {
      name: 'format',
      script: 'node_modules/@biomejs/biome/bin/biome',
      args: [...FORMAT, ...(isFixing ? ['--write'] : [])],
    },
    { name: 'lint', script: 'node_modules/@biomejs/biome/bin/biome', args: ['lint', '--error-on-warnings'] },
    {
      name: 'lint with types, pure core',
      script: 'node_modules/eslint/bin/eslint.js',
      args: ['.', '--max-warnings=0'],
    },
    { name: 'types', script: 'node_modules/typescript/bin/tsc', args: ['-b', '--pretty', 'false'] },
    {
      name: 'types of tests',
      script: 'node_modules/typescript/bin/tsc',
      args: ['-p', 'tsconfig.test.json', '--pretty', 'false'],
    },
    {
      name: 'boundaries',
      script: 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs',
      args: ['--config', '.dependency-cruiser.cjs', 'packages', 'examples', 'test'],
    },
    { name: 'dead code', script: 'node_modules/knip/bin/knip.js', args: ['--no-progress'] },
    { name: 'style', script: 'scripts/style-guard.mjs', args: [] },
  ];
}

function run({ name, script, args }) {
  const startedAt = Date.now();
  const result = spawnSync(process.execPath, [join(ROOT, script), ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const isOk = result.status === 0;
  console.log(`${isOk ? 'ok    ' : 'FAILED'}  ${name} (${seconds(startedAt)})`);
  if (!isOk) console.log(`${result.error?.message ?? ''}${result.stdout ?? ''}${result.stderr ?? ''}`.trimEnd(), '\n');
  return { name, isOk };
}

setUpDependencies();
const results = steps({ isFixing: process.argv.includes('--fix') }).map(run);
const failed = results.filter(({ isOk }) => !isOk).map(({ name }) => name);
console.log(
  failed.length === 0
    ? '\nAll checks passed'
    : `\n${failed.length} of ${results.length} checks failed: ${failed.join(', ')}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
