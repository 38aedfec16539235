import { parentPort, workerData } from 'node:worker_threads';
import { playRange, type Range } from './run-range.ts';

/** Between two messages that tell how far it is. */
const TELL_EVERY = 20;

let done = 0;
let events = 0;
for (const played of playRange(workerData as Range)) {
  done += 1;
  events += played.events;
  if (played.finding === null && done < TELL_EVERY) continue;
  parentPort?.postMessage({ done, events, finding: played.finding });
  done = 0;
  events = 0;
}
parentPort?.postMessage({ done, events, finding: null });
