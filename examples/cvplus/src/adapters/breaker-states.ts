import type { Adapters } from './adapters.ts';

type Breakers = Adapters['breakers'];

/** What the adapters know of their candidates: how many calls failed lately, and whether the breaker is open. By flag, as JSON. */
export function saveBreakers(breakers: Breakers): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(breakers).map(([flag, breaker]) => [flag, breaker.snapshot()]));
}

/**
 * Puts back what was saved, of the flags that are named in it.
 *
 * @throws TheseusError `invalid-argument` when a state is not that flag's
 */
export function restoreBreakers(breakers: Breakers, states: unknown): readonly string[] {
  if (typeof states !== 'object' || states === null) throw new Error('the states are an object by flag');
  const given = new Map(Object.entries(states));
  const known = Object.entries(breakers).filter(([flag]) => given.has(flag));
  if (known.length === 0 || known.length < given.size)
    throw new Error(`the states are those of ${Object.keys(breakers).join(', ')}`);
  for (const [flag, breaker] of known) breaker.restore(given.get(flag));
  return known.map(([flag]) => flag);
}
