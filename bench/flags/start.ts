import { sentDocument } from '@theseus/core/flag';
import { documentOf, MANY, started } from './many-flags-document.ts';

// A program starts with little in its memory: what else a bench has in its own would be collected with each round.
const ROUNDS = 15;

const text = JSON.stringify(sentDocument(documentOf(MANY)));
const rounds: { readonly readMs: number; readonly startedMs: number }[] = [];
for (let round = 0; round <= ROUNDS; round += 1) {
  globalThis.gc?.();
  let json: unknown;
  const readMs = cpuMs(() => {
    json = JSON.parse(text);
  });
  const startedMs = cpuMs(() => started(json));
  // The first round is never counted.
  if (round > 0) rounds.push({ readMs, startedMs });
}
console.log(JSON.stringify({ length: text.length, rounds }));

function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
