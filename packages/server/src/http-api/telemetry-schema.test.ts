import { expect, it } from 'vitest';
import { TelemetryBatchSchema } from './telemetry-schema.ts';

const arm = { requests: 1, errors: 0, fallbacks: 0, latency: [5, 1] };
const users = (changes: object = {}) => ({
  sequence: 1,
  flags: { cache: { epoch: 3, level: 0, legacy: [2 ** 53 - 1, 3, 1, 2, 0], candidate: [], ...changes } },
});
const batch = (changes: object = {}) => ({
  instance: 'i',
  service: 'front',
  sequence: 1,
  servedVersion: 3,
  flags: { cache: { legacy: arm, candidate: { ...arm, compared: 'all' } } },
  ...changes,
});
const withArm = (changes: object) => batch({ flags: { cache: { legacy: { ...arm, ...changes }, candidate: arm } } });

const differences = (changes: object = {}) => ({
  compared: 9,
  equal: 7,
  different: 2,
  dropped: 0,
  timedOut: 1,
  shadowFailed: 0,
  paths: [
    { path: '$.items[*].price', kind: 'changed', count: 2, samples: [{ legacy: 'number', candidate: 'string(4)' }] },
  ],
  ...changes,
});
const withMigration = (changes: object) => batch({ flags: { cache: { legacy: arm, candidate: arm, ...changes } } });
const path = differences().paths[0];

const counts = { requests: 1, errors: 0 };
const goals = (replied: readonly number[]) => ({ cache: { split: 1, goals: { replied } } });

it.each<[string, object]>([
  ['from before comparisons', batch({ flags: { cache: { legacy: arm, candidate: arm } } })],
  ['with users', batch({ users: users() })],
  [
    'with users of variants who were only told one, and goals',
    batch({
      users: { ...users({ candidate: [1, 0, 0, 0, 0], variants: [['short', 1]] }), goals: goals([1, 2, -9.5]) },
    }),
  ],
  ['with what may be compared', withArm({ compared: { ...counts, latency: [5, 1] }, strata: { 'plan/new': counts } })],
  ['with the repairs of a migration', withMigration({ repairs: { pending: 3, failed: 0 } })],
  ['with differences [CV-14]', withMigration({ differences: differences() })],
])('takes a batch %s', (_what, given) => {
  expect(TelemetryBatchSchema.parse(given)).toEqual(given);
});

it.each<[string, object]>([
  ['a part without a number', batch({ users: { ...users(), sequence: 0 } })],
  ['half a user', batch({ users: users({ legacy: [1, 1, 0, 0] }) })],
  ['a key instead of a pseudonym', batch({ users: users({ legacy: ['ada', 1, 0, 0, 0] }) })],
  ['a pseudonym of more than 53 bits', batch({ users: users({ legacy: [2 ** 53, 1, 0, 0, 0] }) })],
  ['a user with less than no request', batch({ users: users({ legacy: [1, -1, 0, 0, 0] }) })],
  ['a user of no variant', batch({ users: users({ candidate: [1, 1, 0, 0, 0], variants: [['short', 0]] }) })],
  ['a goal that was not reached', batch({ users: { ...users(), goals: goals([1, 0, 5]) } })],
  ['a goal of half a user', batch({ users: { ...users(), goals: goals([1, 1]) } })],
  ['a value without end', batch({ users: { ...users(), goals: goals([1, 1, Number.POSITIVE_INFINITY]) } })],
  ['a value whose square is none', batch({ users: { ...users(), goals: goals([1, 1, 1e300]) } })],
  ['more errors than requests', batch({ users: users({ legacy: [1, 1, 2, 0, 0] }) })],
  ['less than nothing', batch({ users: users({ legacy: [1, 1, 0, -1, 0] }) })],
  ['a sample of nobody', batch({ users: users({ level: 32 }) })],
  ['fewer than no repairs', withMigration({ repairs: { pending: -1, failed: 0 } })],
  ['a difference of no kind', withMigration({ differences: differences({ paths: [{ ...path, kind: 'worse' }] }) })],
  ['more paths than are kept', withMigration({ differences: differences({ paths: Array(52).fill(path) }) })],
  [
    'a sample that is too long to be redacted',
    withMigration({
      differences: differences({ paths: [{ ...path, samples: [{ legacy: 'x'.repeat(121), candidate: '' }] }] }),
    }),
  ],
  [
    'too many strata',
    withArm({ strata: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`s${at}`, counts])) }),
  ],
])('refuses %s', (_what, given) => {
  expect(TelemetryBatchSchema.safeParse(given).success).toBe(false);
});
