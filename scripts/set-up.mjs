import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const OLDEST_NODE = [20, 19];
/** File descriptor 2. All chatter goes there, so that stdout carries nothing but the program's own output. */
const STDERR = 2;

function say(line) {
  process.stderr.write(`theseus: ${line}\n`);
}

function stop(line) {
  say(line);
  process.exit(1);
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isOldEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (!isOldEnough) {
    stop(
      `Cannot run on Node ${process.versions.node}: install Node ${OLDEST_NODE.join('.')} or newer (https://nodejs.org)`,
    );
  }
}

function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/** Whether a package that the lock names may rightly be absent: npm leaves out those made for other platforms. */
function mayBeAbsent(locked) {
  return locked.optional === true || locked.devOptional === true || locked.peer === true;
}

/** npm notes what it installed in a file of its own, last of all: a broken-off install has no such file. */
function isInstalled() {
  const locked = readLock(join(ROOT, 'package-lock.json'));
  const installed = readLock(join(ROOT, 'node_modules/.package-lock.json'));
  if (locked === undefined) return stop('Cannot read package-lock.json: the checkout is not complete');
  if (installed === undefined) return false;
  return Object.entries(locked).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const found = installed[path];
    if (found === undefined) return mayBeAbsent(entry);
    if (!existsSync(join(ROOT, path))) return false;
    return found.version === entry.version && found.integrity === entry.integrity && found.link === entry.link;
  });
}

function install() {
  if (isInstalled()) return;
  say('Installing dependencies (npm ci), about a minute the first time');
  const startedAt = Date.now();
  // npm names its own script when it started us, so that the same npm goes on.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund'];
  const result = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { cwd: ROOT, stdio: ['ignore', STDERR, STDERR] })
    : spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', STDERR, STDERR], shell: process.platform === 'win32' });
  if (result.status !== 0) {
    stop(
      `Could not install dependencies: npm ci ended with ${result.status ?? result.error?.message ?? result.signal}`,
    );
  }
  say(`Dependencies installed in ${seconds(startedAt)}`);
}

/** `tsc -b` itself knows what is stale: it takes well under a second when nothing is. */
function build() {
  const startedAt = Date.now();
  const isFirst = !existsSync(join(ROOT, 'packages/core/dist'));
  if (isFirst) say('Building (tsc -b)');
  const result = spawnSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b'], {
    cwd: ROOT,
    stdio: ['ignore', STDERR, STDERR],
  });
  if (result.status !== 0) stop('Could not build: tsc -b reported the errors above');
  if (isFirst) say(`Built in ${seconds(startedAt)}`);
}

export function seconds(startedAt) {
  return `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
}

/** Checks Node and installs what the lock names where that is not done yet. Ends the process where it cannot. */
export function setUpDependencies() {
  checkNode();
  install();
}

/** Makes a fresh clone runnable: dependencies and build. */
export function setUp() {
  setUpDependencies();
  build();
}
