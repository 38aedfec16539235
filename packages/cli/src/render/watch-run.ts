import type { RunView } from '@theseus/core/rollout';
import type { ApiClient } from '../api-client/api-client.ts';
import { followRun } from '../api-client/follow-run.ts';
import type { Output } from '../output.ts';
import { formatEventLine, utcClock, waitText } from './describe-event.ts';
import { LiveScreen } from './live-screen.ts';
import { renderRun } from './render-run.ts';
import { wrap } from './text-width.ts';

/** Between two repaints while nothing comes, so that countdowns move. */
const TICK_MS = 1_000;

/** Shows a run until it ends: live in a terminal, as lines elsewhere. Null when the person stopped looking. */
export async function watchRun(
  client: ApiClient,
  runId: string,
  output: Output,
  stopping?: AbortSignal,
): Promise<RunView | null> {
  const first = await client.run(runId);
  const isLive = process.stdout.isTTY === true && !output.json;
  return isLive ? watchLive(client, first, output, stopping) : watchLines(client, first, output, stopping);
}

async function watchLines(
  client: ApiClient,
  first: RunView,
  output: Output,
  stopping?: AbortSignal,
): Promise<RunView | null> {
  const stop = new AbortController();
  const signal = stopping === undefined ? stop.signal : AbortSignal.any([stop.signal, stopping]);
  let run = first;
  let waited = '';
  for await (const followed of followRun(client, first.runId, 0, signal)) {
    if (followed.kind === 'lost') output.warn(`connection lost (${followed.why}); trying again`);
    if (followed.kind === 'back') output.warn('connected again');
    if (followed.kind === 'event') {
      output.emit({ kind: 'event', ...followed.recorded });
      output.say(formatEventLine(followed.recorded.event, utcClock));
    }
    if (followed.kind !== 'view') continue;
    run = followed.view;
    output.emit({ kind: 'view', run });
    const waits = run.waits.filter(({ on }) => on === 'person').map(waitText);
    if (waits.join('\n') !== waited) for (const line of waits) output.say(line);
    waited = waits.join('\n');
    if (run.status === 'finished') break;
  }
  stop.abort();
  return run.status === 'finished' ? run : null;
}

async function watchLive(
  client: ApiClient,
  first: RunView,
  output: Output,
  stopping?: AbortSignal,
): Promise<RunView | null> {
  const stop = new AbortController();
  const signal = stopping === undefined ? stop.signal : AbortSignal.any([stop.signal, stopping]);
  const screen = new LiveScreen(process.stdout);
  const releaseKeys = listenForQuit(() => stop.abort());
  const releaseSignals = listenForSignals(() => stop.abort());
  let run = first;
  let receivedAt = Date.now();
  let lost = '';
  const paint = (): void => {
    const now = run.status === 'finished' ? run.now : run.now + (Date.now() - receivedAt);
    const trouble = lost === '' ? [] : ['', ...wrap(`! connection lost (${lost}); trying again`, screen.width)];
    const height = screen.height - trouble.length;
    screen.show([...renderRun({ ...run, now }, { width: screen.width, height, color: output.color }), ...trouble]);
  };
  const repaint = (): void => {
    screen.clear();
    paint();
  };
  process.stdout.on('resize', repaint);
  const timer = setInterval(paint, TICK_MS);
  try {
    paint();
    for await (const followed of followRun(client, first.runId, first.revision, signal)) {
      if (followed.kind === 'lost') lost = followed.why;
      if (followed.kind === 'back') lost = '';
      if (followed.kind === 'view') {
        run = followed.view;
        receivedAt = Date.now();
      }
      paint();
      if (run.status === 'finished') break;
    }
  } finally {
    clearInterval(timer);
    stop.abort();
    process.stdout.off('resize', repaint);
    screen.close();
    releaseKeys();
    releaseSignals();
  }
  return run.status === 'finished' ? run : null;
}

/** A signal ends the looking too, so that the terminal gets its cursor back. */
function listenForSignals(quit: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, quit);
  return () => {
    for (const signal of signals) process.off(signal, quit);
  };
}

function listenForQuit(quit: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const onData = (key: Buffer): void => {
    if (['q', '\u0003'].includes(key.toString())) quit();
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', onData);
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
