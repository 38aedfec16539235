import { hashOf } from '../seeded-random.ts';
import type { ServiceFactory, ServiceState } from './service-behaviour.ts';

const DEPENDENCIES = ['language-model', 'mail', 'payments', 'search'] as const;
const FAILURES_TO_OPEN = 3;
const REFUSALS_TO_PROBE = 5;

type BreakerStatus = 'closed' | 'open' | 'half-open';

/** One breaker: how many failures in a row, or how many refusals since it opened. */
export interface Breaker {
  readonly status: BreakerStatus;
  readonly count: number;
}

type Call = 'succeeded' | 'failed';

/** Guards calls to other systems: after some failures in a row it refuses, then lets one call try. */
export const circuitBreaker: ServiceFactory = (arm) => {
  const next = arm === 'legacy' ? byBranches : byTable;
  const breakers = new Map<string, Breaker>(DEPENDENCIES.map((name) => [name, { status: 'closed', count: 0 }]));
  let calls = 0;
  return {
    answer: (user) => {
      calls += 1;
      const dependency = DEPENDENCIES[hashOf(user) % DEPENDENCIES.length] ?? 'search';
      const before = breakers.get(dependency) ?? { status: 'closed', count: 0 };
      const after = next(before, hashOf(`${user} ${calls}`) % 4 === 0 ? 'failed' : 'succeeded');
      breakers.set(dependency, after);
      return { dependency, status: after.status, allowed: before.status !== 'open' };
    },
    state: stateOf(breakers),
  };
};

/** The old way. An open breaker makes no call, so what the call would have brought does not matter to it. */
export function byBranches({ status, count }: Breaker, call: Call): Breaker {
  if (status === 'closed') {
    if (call === 'succeeded') return { status: 'closed', count: 0 };
    if (count + 1 >= FAILURES_TO_OPEN) return { status: 'open', count: 0 };
    return { status: 'closed', count: count + 1 };
  }
  if (status === 'open') {
    if (count + 1 >= REFUSALS_TO_PROBE) return { status: 'half-open', count: 0 };
    return { status: 'open', count: count + 1 };
  }
  return call === 'succeeded' ? { status: 'closed', count: 0 } : { status: 'open', count: 0 };
}

interface Transition {
  /** How many in a row bring the next status. */
  readonly limit: number;
  readonly to: BreakerStatus;
}

const TABLE: Readonly<Record<BreakerStatus, Readonly<Record<Call, Transition>>>> = {
  closed: { succeeded: { limit: 1, to: 'closed' }, failed: { limit: FAILURES_TO_OPEN, to: 'open' } },
  open: {
    succeeded: { limit: REFUSALS_TO_PROBE, to: 'half-open' },
    failed: { limit: REFUSALS_TO_PROBE, to: 'half-open' },
  },
  'half-open': { succeeded: { limit: 1, to: 'closed' }, failed: { limit: 1, to: 'open' } },
};

/** The new way: the same transitions as a table. */
export function byTable({ status, count }: Breaker, call: Call): Breaker {
  const { limit, to } = TABLE[status][call];
  return count + 1 >= limit || limit === 1 ? { status: to, count: 0 } : { status, count: count + 1 };
}

function stateOf(breakers: Map<string, Breaker>): ServiceState {
  return {
    save: () => Object.fromEntries(breakers),
    restore: (value) => {
      if (!isSavedState(value)) return false;
      for (const name of DEPENDENCIES) breakers.set(name, value[name] ?? { status: 'closed', count: 0 });
      return true;
    },
  };
}

function isSavedState(value: unknown): value is Readonly<Record<string, Breaker>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value as Record<string, unknown>);
  return entries.length > 0 && entries.every(([name, breaker]) => isDependency(name) && isBreaker(breaker));
}

function isDependency(name: string): boolean {
  return (DEPENDENCIES as readonly string[]).includes(name);
}

function isBreaker(value: unknown): value is Breaker {
  if (typeof value !== 'object' || value === null) return false;
  const { status, count } = value as Partial<Record<keyof Breaker, unknown>>;
  return (
    typeof status === 'string' && status in TABLE && typeof count === 'number' && Number.isInteger(count) && count >= 0
  );
}
