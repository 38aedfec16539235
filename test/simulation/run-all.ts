import { Worker } from 'node:worker_threads';
import type { Finding } from './run-range.ts';

export interface RunAllOptions {
  readonly seed: number;
  readonly runs: number;
  readonly jobs: number;
  readonly bug: string | null;
  readonly isStrict: boolean;
  /** Plays on after a violation and gathers the first of each invariant. */
  readonly keepsGoing: boolean;
  readonly onProgress: (done: number) => void;
}

export interface RunAllResult {
  readonly done: number;
  readonly events: number;
  /** The first of each invariant, in the order of the runs. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<string, number>>;
}

interface Progress {
  readonly done: number;
  readonly events: number;
  readonly finding: Finding | null;
}

/** Plays all runs on several threads. What is found first is the same however many there are. */
export async function runAll(options: RunAllOptions): Promise<RunAllResult> {
  const first = new Map<string, Finding>();
  const counts: Record<string, number> = {};
  let done = 0;
  let events = 0;
  const take = (progress: Progress): void => {
    done += progress.done;
    events += progress.events;
    options.onProgress(done);
    const { finding } = progress;
    if (finding === null) return;
    counts[finding.invariant] = (counts[finding.invariant] ?? 0) + 1;
    const known = first.get(finding.invariant);
    if (known === undefined || finding.index < known.index) first.set(finding.invariant, finding);
  };
  const threads = Array.from({ length: options.jobs }, (_, index) => runThread(options, index, take));
  await Promise.all(threads);
  const findings = [...first.values()].sort((left, right) => left.index - right.index);
  return { done, events, findings: options.keepsGoing ? findings : findings.slice(0, 1), counts };
}

/** A thread plays every so manieth run; after a violation the others play on to the same place, and no further. */
function runThread(options: RunAllOptions, index: number, take: (progress: Progress) => void): Promise<void> {
  const { seed, runs, jobs, bug, isStrict, keepsGoing } = options;
  return new Promise((resolve, reject) => {
    const workerData = { seed, runs, first: index, stride: jobs, bug, isStrict };
    const worker = new Worker(new URL('./sim-worker.js', import.meta.url), { workerData });
    worker.on('message', (progress: Progress) => {
      take(progress);
      if (progress.finding !== null && !keepsGoing) void worker.terminate();
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}
