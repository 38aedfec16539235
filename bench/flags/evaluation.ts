import { FlagdCore } from '@openfeature/flagd-core';
import { compileFlags, type FlagDefinition, type FlagDocument, murmur3 } from '@theseus/core/flag';
import { exactly, type Figure, type Measured, measuredOf } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';

const EVALUATIONS = 1_000_000;
const SUBJECTS = 4_096;
const ROUNDS = 5;
const MANY_FLAGS = 10_000;

const KINDS: Readonly<Record<string, Partial<FlagDefinition>>> = {
  'a percentage': {},
  'a percentage and a list of 1 000 subjects': {
    overrides: { candidate: Array.from({ length: 1_000 }, (_, index) => `listed-${index}`), legacy: [] },
  },
  'a percentage and a segment of two attributes': { rules: [{ segment: 'team', exposure: 100_000 }] },
  'a percentage behind two other flags': { requires: ['first', 'second'] },
};

function flag(key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition {
  const overrides = { candidate: [], legacy: [] };
  const common = {
    enabled: true,
    cohort: 'userId',
    salt: 'benching',
    exposure: 50_000,
    requires: [],
    rules: [],
    fallback: true,
  };
  return { key, overrides, ...common, ...changes };
}

function documentOf(flags: readonly FlagDefinition[]): FlagDocument {
  return {
    version: 1,
    flags: Object.fromEntries(flags.map((one) => [one.key, one])),
    segments: {
      team: {
        key: 'team',
        conditions: [
          { attribute: 'team', operator: 'in', values: ['platform', 'support'] },
          { attribute: 'email', operator: 'endsWith', values: ['@acme.example'] },
        ],
      },
    },
    flushEveryMs: 5_000,
  };
}

const nanoseconds = ({ median, least, most }: Measured): Measured =>
  measuredOf([least, median, most].map((ms) => (ms * 1_000_000) / EVALUATIONS));

/** What one evaluation costs, by kind of flag, against hashing the subject alone. */
export function benchEvaluation(): readonly Figure[] {
  const contexts = Array.from({ length: SUBJECTS }, (_, index) => ({
    userId: `user-${index * 7_919}`,
    team: index % 2 === 0 ? 'platform' : 'sales',
    email: `somebody-${index}@acme.example`,
  }));
  const others = [flag('first', { exposure: 100_000 }), flag('second', { exposure: 100_000 })];
  const kinds = Object.entries(KINDS).map(([name, changes]) => ({ name, definition: flag(name, changes) }));
  const flags = compileFlags(documentOf([...others, ...kinds.map(({ definition }) => definition)]));
  const floor = rounds(ROUNDS, () => sum((context) => murmur3(context.userId) & 1));
  const figures = kinds.map(({ name }): Figure => {
    const taken = rounds(ROUNDS, () => sum((context) => (flags.evaluate(name, context).arm === 'candidate' ? 1 : 0)));
    return {
      name: `evaluating ${name}`,
      unit: 'ns',
      measured: nanoseconds(taken.wall),
      floor: { name: 'murmur3 of the key alone', measured: nanoseconds(floor.wall) },
    };
  });
  return [...figures, peer(sum, floor.wall), ...memory()];

  function sum(ask: (context: (typeof contexts)[number]) => number): number {
    let found = 0;
    for (let index = 0; index < EVALUATIONS; index += 1) {
      const context = contexts[index % SUBJECTS];
      if (context !== undefined) found += ask(context);
    }
    // Nothing that is thrown away may be optimised away.
    if (found === 0 || found === EVALUATIONS) throw new Error('every subject got the same answer');
    return found;
  }
}

type Sum = (ask: (context: { readonly userId: string }) => number) => number;

/** The fastest of the peers that evaluate locally, on the same subjects. */
function peer(sum: Sum, floor: Measured): Figure {
  const core = new FlagdCore();
  const targeting = { fractional: [{ cat: ['benching', { var: 'userId' }] }, ['candidate', 50], ['legacy', 50]] };
  const variants = { candidate: true, legacy: false };
  core.setConfigurations(
    JSON.stringify({ flags: { moved: { state: 'ENABLED', variants, defaultVariant: 'legacy', targeting } } }),
  );
  const taken = rounds(ROUNDS, () =>
    sum((context) => (core.resolveBooleanEvaluation('moved', false, context).value ? 1 : 0)),
  );
  return {
    name: 'for comparison: a percentage in flagd-core',
    unit: 'ns',
    measured: nanoseconds(taken.wall),
    floor: { name: 'murmur3 of the key alone', measured: nanoseconds(floor) },
  };
}

function memory(): readonly Figure[] {
  const definitions = Array.from({ length: MANY_FLAGS }, (_, index) => flag(`flag-${index}`));
  const text = JSON.stringify(documentOf(definitions));
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const flags = compileFlags(JSON.parse(text) as FlagDocument);
  for (const key of flags.keys()) flags.evaluate(key, { userId: 'somebody' });
  globalThis.gc?.();
  const bytes = (process.memoryUsage().heapUsed - before) / MANY_FLAGS;
  if (flags.version !== 1) throw new Error('the flags are gone');
  return globalThis.gc === undefined ? [] : [{ name: 'memory of a flag', unit: 'bytes', measured: exactly(bytes) }];
}
