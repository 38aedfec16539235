import { drawScenario } from './draw/draw-scenario.ts';
import { play } from './play.ts';
import { seedOf } from './random.ts';

const runs = Number(process.argv[2] ?? 100);
const ignored = new Set((process.argv[3] ?? '').split(','));
const startedAt = performance.now();
let steps = 0;
const found = new Map<string, { count: number; first: string }>();
for (let index = 0; index < runs; index += 1) {
  const seed = seedOf(1, index);
  const scenario = drawScenario(seed);
  const t = performance.now();
  const played = play(scenario, { ignored });
  const took = performance.now() - t;
  if (took > 1000) console.log('slow', seed, took, played?.events.length);
  steps += played?.events.length ?? 0;
  const v = played?.violation;
  if (v) {
    const known = found.get(v.invariant) ?? { count: 0, first: `${seed} ${v.text}` };
    found.set(v.invariant, { ...known, count: known.count + 1 });
  }
}
console.log(found, `${(runs / (performance.now() - startedAt)) * 1000} runs/s`, steps / runs, 'events per run');
