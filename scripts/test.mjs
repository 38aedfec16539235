import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT, setUp } from './set-up.mjs';

const SUITES = ['unit', 'scenarios', 'simulation', 'conformance', 'peers', 'e2e'];
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

function add(left, right) {
  return {
    passed: left.passed + right.passed,
    failed: left.failed + right.failed,
    skipped: left.skipped + right.skipped,
  };
}

function inWords({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A file that broke before its first test has no failed test of its own, and must still count. */
function brokenFiles(report) {
  return report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
}

function counts(reportPath, exitCode) {
  let report;
  try {
    report = JSON.parse(readFileSync(reportPath, 'utf8'));
  } catch {
    return { ...NOTHING, failed: exitCode === 0 ? 0 : 1 };
  }
  const failed = report.numFailedTests + brokenFiles(report);
  return {
    passed: report.numPassedTests,
    // Vitest also fails a run for an error outside any test.
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

function runSuite(suite, reportFolder, extraArgs) {
  const reportPath = join(reportFolder, `${suite}.json`);
  const args = ['run', '--project', suite, '--passWithNoTests', '--reporter=default', '--reporter=json'];
  const result = spawnSync(
    process.execPath,
    [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args, `--outputFile.json=${reportPath}`, ...extraArgs],
    { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (result.signal !== null) process.kill(process.pid, result.signal);
  return counts(reportPath, result.status);
}

function runSuites(extraArgs) {
  const reportFolder = mkdtempSync(join(tmpdir(), 'theseus-test-'));
  try {
    return SUITES.map((suite) => {
      console.log(`\n=== ${suite}`);
      return { suite, count: runSuite(suite, reportFolder, extraArgs) };
    });
  } finally {
    rmSync(reportFolder, { recursive: true, force: true });
  }
}

setUp();
const extraArgs = process.argv.slice(2);
const results = runSuites(extraArgs);

console.log('');
for (const { suite, count } of results) {
  const ran = count.passed + count.failed + count.skipped;
  const where = extraArgs.length > 0 ? ` for ${extraArgs.join(' ')}` : '';
  console.log(`${suite}: ${ran === 0 ? `no tests${where}` : inWords(count)}`);
}
const total = results.map(({ count }) => count).reduce(add, NOTHING);
// A filter that meets nothing is a mistyped filter, not a success.
if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
console.log(inWords(total));
