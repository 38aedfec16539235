import { join, relative } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { createDataFolder, type DataFolder, defaultParents } from './data-folder.ts';
import { loadDemoPlan } from './demo-plan.ts';
import { carryOutRun, FAULTY } from './demo-run.ts';
import { DemoSystem } from './demo-system.ts';
import type { Tell } from './fact.ts';
import type { LoadCounts } from './load-generator.ts';
import { type DemoOptions, HELP, parseOptions } from './options.ts';
import { planVariables } from './plan-variables.ts';
import { buildSummary, type Summary } from './summary.ts';
import { renderSummary } from './summary-table.ts';
import { jsonTeller, terminalTeller, wantsColour } from './terminal.ts';
import { TheseusApi } from './theseus-api.ts';

const EXAMPLE = join(import.meta.dirname, '..');
const CLI = join(EXAMPLE, '../../packages/cli/bin/theseus.js');
const LOAD_TOLD_EVERY = 15;
/** The first requests of a fresh process are slow, and would make a poor baseline. */
const WARM_UP_MS = 3_000;
const STOP_SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

const began = performance.now();
const elapsedMs = (): number => performance.now() - began;
const write = (text: string): void => void process.stdout.write(text);
// Whoever read the output has gone, as `head` does; there is nobody to tell anything more.
process.stdout.on('error', () => process.exit(1));

const parsed = parseOptions(process.argv.slice(2), Boolean(process.stdin.isTTY && process.stdout.isTTY));
if (parsed.kind === 'help') write(HELP);
else if (parsed.kind === 'wrong') {
  process.stderr.write(`${parsed.problem}\n\n${HELP}`);
  process.exitCode = 2;
} else process.exitCode = await main(parsed.options);
// Sockets that linger must not keep the demo alive once it has said everything.
process.stdout.write('', () => process.exit());

async function main(options: DemoOptions): Promise<number> {
  const colour = wantsColour(process.stdout.isTTY, process.env);
  const tell = options.json ? jsonTeller({ write, elapsedMs }) : terminalTeller({ write, colour, elapsedMs });
  const ending = new AbortController();
  let system: DemoSystem | undefined;
  let signalCode: number | undefined;
  for (const [signal, code] of Object.entries(STOP_SIGNALS)) {
    process.on(signal, () => {
      // Asked twice, it goes at once; what it started ends by itself when it is gone.
      if (signalCode !== undefined) process.exit(code);
      signalCode = code;
      tell({ kind: 'stopping', tone: 'notice', text: `${signal}: stopping everything` });
      ending.abort(new Error(signal));
    });
  }
  try {
    const folder = await createDataFolder(defaultParents(EXAMPLE), { keep: options.keep });
    system = createSystem(folder, options, tell, ending);
    const summary = await Promise.race([
      runDemo({ system, folder, options, tell, stop: ending.signal }),
      whenAborted(ending.signal),
    ]);
    await system.stop();
    showSummary(summary, options);
    return summary.success ? 0 : 1;
  } catch (error) {
    if (signalCode === undefined)
      tell({ kind: 'error', tone: 'bad', text: error instanceof Error ? error.message : String(error) });
    ending.abort(error);
    await system?.stop();
    return signalCode ?? 1;
  }
}

function createSystem(folder: DataFolder, options: DemoOptions, tell: Tell, ending: AbortController): DemoSystem {
  let intervals = 0;
  let starts = 0;
  return new DemoSystem({
    folder,
    cliProgram: CLI,
    pagesPerSecond: options.pages,
    redisUrl: process.env['CVPLUS_REDIS_URL'],
    onServerStarted: (pid) => {
      starts += 1;
      const text = `The Theseus server ${starts === 1 ? 'runs' : 'is back'} as process ${pid}. kill -9 ${pid} now, if you like: no request will fail`;
      tell({ kind: 'server-started', tone: 'notice', text, data: { pid } });
    },
    onServerDied: (how) => {
      const text = `The Theseus server is gone (${how}). Services, front and users go on; the demo starts the server again`;
      tell({ kind: 'server-died', tone: 'bad', text, data: { how } });
    },
    onBroken: (error) => ending.abort(error),
    onMessage: ({ text, duplicate }) => {
      tell({
        kind: 'message',
        tone: 'quiet',
        text: `team chat${duplicate ? ' (delivered again)' : ''}: ${text}`,
        data: { message: text, duplicate },
      });
    },
    onLoad: (counts) => {
      intervals += 1;
      if (intervals % LOAD_TOLD_EVERY === 0) tellLoad(counts, tell);
    },
  });
}

function tellLoad({ served, failed, pace, latencyP95Ms }: LoadCounts, tell: Tell): void {
  const latency = latencyP95Ms === null ? '' : `, 95 % within ${Math.round(latencyP95Ms)} ms`;
  const text = `users: ${served} pages served, ${failed} failed, ${Math.round(pace)} a second${latency}`;
  tell({ kind: 'load', tone: 'quiet', text, data: { served, failed, pace, latencyP95Ms } });
}

interface Demo {
  readonly system: DemoSystem;
  readonly folder: DataFolder;
  readonly options: DemoOptions;
  readonly tell: Tell;
  readonly stop: AbortSignal;
}

async function runDemo({ system, folder, options, tell, stop }: Demo): Promise<Summary> {
  tell({
    kind: 'began',
    tone: 'heading',
    text: 'cvplus: seven services move from legacy to candidate, and one of them goes bad',
  });
  const { frontUrl, messagesUrl, theseus } = await system.start();
  const variables = planVariables({
    frontUrl,
    messagesUrl,
    services: system.services,
    ops: join(EXAMPLE, 'ops'),
    backups: folder.backups,
  });
  const plan = await loadDemoPlan(join(EXAMPLE, 'plan.yaml'), variables, options.pace);
  system.startLoad(frontUrl);
  const text = `10 services, 2 caches, a front and 2000 users are up (${frontUrl}/page?user=user-0001). Time is compressed ${options.pace} times: a 30m soak takes ${1800 / options.pace} s.\nData and logs: ${folder.path}`;
  tell({ kind: 'ready', tone: 'plain', text, data: { frontUrl, timeFactor: options.pace, dataFolder: folder.path } });
  await delay(WARM_UP_MS, undefined, { signal: stop });
  const api = new TheseusApi(theseus.url, theseus.operatorToken);
  const runId = await carryOutRun({ api, system, plan, tell, stop, input: options.interactive ? process.stdin : null });
  const { load, features } = await system.stopTraffic();
  const [run, events, totals] = await Promise.all([api.run(runId), api.events(runId), api.totals()]);
  return buildSummary({
    run,
    events,
    totals,
    load,
    features,
    messages: system.messages,
    serverRestarts: system.serverRestarts,
    elapsedMs: elapsedMs(),
    dataFolder: folder.path,
    faulty: FAULTY,
  });
}

function showSummary(summary: Summary, { json }: DemoOptions): void {
  if (json) return write(`${JSON.stringify(summary)}\n`);
  const data = relative(process.cwd(), summary.dataFolder);
  const folder = data.startsWith('..') ? summary.dataFolder : data;
  write(`\n${renderSummary(summary)}\n\nWhere to look next:
  the record of this run    npx theseus serve --data ${folder}, and beside it: npx theseus report
  watch the next one live   npm start -- --pace 1800, and beside it: npx theseus watch
  the plan                  examples/cvplus/plan.yaml, explained in docs/reference/plan.md
  how it works              README.md and ARCHITECTURE.md\n`);
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
