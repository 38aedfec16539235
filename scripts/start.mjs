import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, setUp } from './set-up.mjs';

setUp();

const demo = join(ROOT, 'examples/cvplus/dist/demo.js');
const child = spawn(process.execPath, [demo, ...process.argv.slice(2)], { cwd: ROOT, stdio: 'inherit' });

// A terminal sends Ctrl-C to the demo too: forwarding it would make one press look like two.
const terminalSends = process.stdin.isTTY ? ['SIGINT'] : [];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const signal of SIGNALS) {
  process.on(signal, () => {
    if (!terminalSends.includes(signal)) child.kill(signal);
  });
}

child.on('error', (error) => {
  process.stderr.write(`theseus: Could not start the demo: ${error.message}\n`);
  process.exitCode = 1;
});

child.on('exit', (code, signal) => {
  if (signal === null) {
    process.exitCode = code;
    return;
  }
  // End the same way the demo did, so that a shell or supervisor sees what happened.
  for (const name of SIGNALS) process.removeAllListeners(name);
  process.kill(process.pid, signal);
});
