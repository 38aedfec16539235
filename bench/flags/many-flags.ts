import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { applyPatch, compileFlags, type FlagDefinition, sentDocument } from '@theseus/core/flag';
import { exactly, type Figure, measuredOf } from '../support/figure.ts';
import { documentOf, MANY, started } from './many-flags-document.ts';
import { subjects, WHOLE } from './scenarios.ts';

const FEW = 100;
const ROUNDS = 9;
const PATCHES = 2_000;
const MOST_START_MS = 15;
const MOST_BYTES = 500;
const MOST_PATCH_MS = 0.1;

/** Ten thousand flags, each with a rule and a percentage: how soon they answer, what they weigh, what one change costs. */
export function benchManyFlags(): readonly Figure[] {
  const text = JSON.stringify(sentDocument(documentOf(MANY)));
  return [...start(), ...weight(text), change()];
}

/** In a process of its own, as a program starts. */
function start(): readonly Figure[] {
  const program = fileURLToPath(new URL('start.js', import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, ['--expose-gc', program], { encoding: 'utf8' });
  if (status !== 0) throw new Error('the start could not be measured');
  const { length, rounds } = JSON.parse(stdout) as Started;
  const parsing = measuredOf(rounds.map(({ readMs }) => readMs));
  const own = measuredOf(rounds.map(({ startedMs }) => startedMs));
  const whole = measuredOf(rounds.map(({ readMs, startedMs }) => readMs + startedMs));
  const floor = { name: 'JSON.parse', measured: parsing };
  const what = `start with ${MANY} flags (${Math.round(length / 1_000)} kB)`;
  return [
    {
      name: what,
      unit: 'ms CPU',
      measured: whole,
      floor,
      mark: { text: `at most ${MOST_START_MS} ms`, isKept: whole.median <= MOST_START_MS },
    },
    { name: `${what}, beyond JSON.parse`, unit: 'ms CPU', measured: own, floor },
  ];
}

interface Started {
  readonly length: number;
  readonly rounds: readonly { readonly readMs: number; readonly startedMs: number }[];
}

function weight(text: string): readonly Figure[] {
  if (globalThis.gc === undefined) return [];
  const kept: unknown[] = [];
  const bytes = (weigh: () => unknown): number => {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    kept.push(weigh());
    globalThis.gc?.();
    return (process.memoryUsage().heapUsed - before) / MANY;
  };
  const document = bytes(() => JSON.parse(text));
  const idle = bytes(() => started(JSON.parse(text)));
  const asked = bytes(() => {
    const flags = started(JSON.parse(text));
    for (const key of flags.keys()) flags.isCandidate(key, subjects[1] as unknown as Record<string, unknown>);
    return flags;
  });
  const mark = { text: `at most ${MOST_BYTES} bytes`, isKept: idle <= MOST_BYTES };
  const floor = { name: 'the parsed document', measured: exactly(document) };
  if (kept.length === 0) throw new Error('nothing was kept');
  return [
    { name: 'heap of a flag', unit: 'bytes', measured: exactly(idle), floor, mark },
    { name: 'heap of a flag once every one was asked', unit: 'bytes', measured: exactly(asked), floor },
  ];
}

/** One flag changes and is asked again. */
function change(): Figure {
  const [few, many] = [FEW, MANY].map(patching);
  if (few === undefined || many === undefined) throw new Error('nothing was measured');
  return {
    name: `one changed flag of ${MANY}`,
    unit: 'ms CPU',
    measured: many,
    floor: { name: `of ${FEW}`, measured: few },
    mark: { text: `at most ${MOST_PATCH_MS} ms`, isKept: many.median <= MOST_PATCH_MS },
  };
}

function patching(count: number) {
  const flags = compileFlags(documentOf(count));
  const context = { ...subjects[2] };
  let version = 1;
  const round = (): number =>
    cpuMs(() => {
      for (let at = 0; at < PATCHES; at += 1) {
        const key = `flag-${(at * 7) % count}`;
        const changed = { ...(flags.definition(key) as FlagDefinition), exposure: at % WHOLE };
        applyPatch(flags, { from: version, version: version + 1, flags: { [key]: changed }, removed: [] });
        version += 1;
        flags.isCandidate(key, context);
      }
    }) / PATCHES;
  round();
  return measuredOf(Array.from({ length: ROUNDS }, round));
}

function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
