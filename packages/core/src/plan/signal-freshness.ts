import type { Gate } from '../health/index.ts';
import type { Signal } from './plan.ts';
import { isMap } from './read-outline.ts';

/** Between two looks of a gate a value may be missed this often before it counts as stale. */
const LOOKS = 3;

/**
 * How old a value may be, for signals that do not say: three looks of the slowest gate that uses it, and never less
 * than the 90 s it was read with. Reports come from people, who keep no such pace.
 */
export function settleFreshness(
  signals: Readonly<Record<string, Signal>>,
  gates: Readonly<Record<string, Gate>>,
  sources: ReadonlyMap<string, unknown>,
): Readonly<Record<string, Signal>> {
  const slowest = new Map<string, number>();
  for (const { everyMs, rules } of Object.values(gates)) {
    for (const { condition } of rules) {
      slowest.set(condition.signal, Math.max(everyMs, slowest.get(condition.signal) ?? 0));
    }
  }
  const settled = Object.entries(signals).map(([name, signal]): readonly [string, Signal] => {
    const source = sources.get(name);
    const said = isMap(source) && source['freshFor'] !== undefined;
    if (said || signal.source.kind === 'reported') return [name, signal];
    return [name, { ...signal, freshForMs: Math.max(signal.freshForMs, LOOKS * (slowest.get(name) ?? 0)) }];
  });
  return Object.fromEntries(settled);
}
