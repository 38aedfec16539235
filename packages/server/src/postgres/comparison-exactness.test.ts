import { type Assignment, compileFlags, type FlagDefinition, type FlagDocument, isSampled } from '@theseus/core/flag';
import {
  type ArmPair,
  type FlagUsers,
  latencyFactors,
  NO_USERS,
  PROFILES,
  type TelemetryBatch,
  type UserSums,
} from '@theseus/core/health';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TelemetryCounters } from '../../../sdk/src/telemetry/flag-counters.ts';
import { PendingGoals } from '../../../sdk/src/telemetry/pending-goals.ts';
import { userLimits } from '../../../sdk/src/telemetry/pending-users.ts';
import { UserParts } from '../../../sdk/src/telemetry/user-parts.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { TelemetryBatchSchema } from '../http-api/telemetry-schema.ts';
import type { Database } from '../ports/database.ts';
import { ComparisonStore } from './comparison-store.ts';
import { migrate, openDatabase } from './database.ts';
import { TelemetryStore } from './telemetry-store.ts';

let postgres: TestDatabase;
let database: Database;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

const MARKS = { bodyMs: 10, tailMs: 100 };
const FLAG = 'moved';
const ARMS = ['legacy', 'candidate'] as const;

function documentAt(version: number, exposure: number): FlagDocument {
  const flag = (key: string, more: Partial<FlagDefinition>): FlagDefinition => ({
    key,
    enabled: true,
    cohort: 'userId',
    salt: 'cvplus-2026a',
    exposure,
    requires: [],
    overrides: { candidate: [], legacy: ['user-1'] },
    rules: [],
    fallback: true,
    epoch: version,
    strata: ['plan/even'],
    marks: MARKS,
    ...more,
  });
  // Only nine of ten have the candidate of what the flag needs.
  const base = flag('base', { exposure: 90_000, epoch: 1 });
  const segments = {
    'plan/even': { key: 'plan/even', conditions: [{ attribute: 'even', operator: 'in', values: [true] }] },
  } as const;
  return { version, flags: { base, [FLAG]: flag(FLAG, { requires: ['base'] }) }, segments, flushEveryMs: 1_000 };
}

/** One program with the real counters of the SDK, whose network does as it is told. */
class Instance {
  readonly name: string;
  readonly counters: TelemetryCounters;
  readonly parts: UserParts;
  document: FlagDocument;
  #sequence = 0;

  constructor(name: string, document: FlagDocument, pendingLimit: number) {
    this.name = name;
    this.document = document;
    this.counters = new TelemetryCounters(100, userLimits(pendingLimit));
    this.parts = new UserParts(() => this.counters.pendingUsers(), new PendingGoals());
  }

  route(user: number, latencyMs: number, outcome: 'answered' | 'failed'): Assignment {
    const context = { userId: `user-${user}`, even: user % 2 === 0 };
    const assignment = compileFlags(this.document).assign(FLAG, context) as Assignment;
    this.counters.of(FLAG)?.countRequest(assignment, latencyMs, outcome);
    return assignment;
  }

  /** As the sender makes it; what is then acknowledged is the network's to say. */
  batch(environment: string): { readonly batch: TelemetryBatch; readonly acknowledge: () => void } {
    const users = this.parts.next(100_000);
    const changed = this.counters.changed(100_000);
    this.#sequence += 1;
    // As the server reads it from the wire.
    const batch = TelemetryBatchSchema.parse({
      instance: this.name,
      service: 'test',
      environment,
      sequence: this.#sequence,
      servedVersion: this.document.version,
      flags: JSON.parse(changed.json),
      ...(users === undefined ? {} : { users: JSON.parse(users.json) }),
    }) as TelemetryBatch;
    const acknowledge = (): void => {
      changed.acknowledge();
      users?.acknowledge();
    };
    return { batch, acknowledge };
  }
}

interface Totals {
  requests: number;
  errors: number;
  even: number;
  evenErrors: number;
}

/** What really happened, request by request. */
class Truth {
  readonly totals: ArmPair<Totals> = { legacy: noTotals(), candidate: noTotals() };
  readonly requests: { readonly assignment: Assignment; readonly e: number; readonly s: number; readonly t: number }[] =
    [];
  atRisk: ArmPair<number> = { legacy: 0, candidate: 0 };
  #failed = new Set<string>();
  #epoch = 0;
  #level = 0;
  readonly #taken = new Set<string>();

  add(assignment: Assignment, user: number, latencyMs: number, isFailed: boolean): void {
    if (assignment.subject < 0) return;
    const e = isFailed ? 1 : 0;
    const totals = this.totals[assignment.arm];
    totals.requests += 1;
    totals.errors += e;
    if (user % 2 === 0) {
      totals.even += 1;
      totals.evenErrors += e;
    }
    const s = latencyMs >= MARKS.bodyMs ? 1 : 0;
    this.requests.push({ assignment, e, s, t: latencyMs >= MARKS.tailMs ? 1 : 0 });
  }

  /** Who is at risk depends on the order of reports, so it is known when they arrive for the first time. */
  arrive(batches: readonly TelemetryBatch[]): void {
    const fresh = batches.flatMap(({ instance, users }) => {
      const name = `${instance} ${users?.sequence}`;
      if (users?.flags[FLAG] === undefined || this.#taken.has(name)) return [];
      this.#taken.add(name);
      return [users.flags[FLAG]];
    });
    for (const users of fresh) this.#begin(users);
    for (const users of fresh.filter(({ epoch }) => epoch === this.#epoch)) {
      for (const arm of ARMS) this.#arriveOf(users, arm);
    }
  }

  /** The sums over the users of the newest epoch who are in the sample. */
  users(arm: 'legacy' | 'candidate'): Omit<UserSums, 'atRisk'> {
    const newest = Math.max(0, ...this.requests.map(({ assignment }) => assignment.epoch));
    const bySubject = new Map<number, { n: number; e: number; s: number; t: number }>();
    for (const { assignment, e, s, t } of this.requests) {
      if (assignment.arm !== arm || assignment.epoch !== newest) continue;
      const sum = bySubject.get(assignment.subject) ?? { n: 0, e: 0, s: 0, t: 0 };
      bySubject.set(assignment.subject, { n: sum.n + 1, e: sum.e + e, s: sum.s + s, t: sum.t + t });
    }
    const all = [...bySubject.values()];
    const total = (of: (user: (typeof all)[number]) => number) => all.reduce((sum, user) => sum + of(user), 0);
    return {
      seen: all.length,
      failed: all.filter(({ e }) => e > 0).length,
      n: total(({ n }) => n),
      e: total(({ e }) => e),
      s: total(({ s }) => s),
      t: total(({ t }) => t),
      nn: total(({ n }) => n * n),
      ee: total(({ e }) => e * e),
      ne: total(({ n, e }) => n * e),
      ss: total(({ s }) => s * s),
      ns: total(({ n, s }) => n * s),
      tt: total(({ t }) => t * t),
      nt: total(({ n, t }) => n * t),
    };
  }

  #begin({ epoch, level }: FlagUsers): void {
    if (epoch < this.#epoch || (epoch === this.#epoch && level <= this.#level)) return;
    this.#epoch = epoch;
    this.#level = level;
    this.#failed = new Set();
    this.atRisk = { legacy: 0, candidate: 0 };
  }

  #arriveOf(users: FlagUsers, arm: 'legacy' | 'candidate'): void {
    for (let at = 0; at < users[arm].length; at += 5) {
      const [subject = 0, , errors = 0] = users[arm].slice(at, at + 5);
      if (!isSampled(subject, this.#level) || this.#failed.has(`${arm} ${subject}`)) continue;
      this.atRisk = { ...this.atRisk, [arm]: this.atRisk[arm] + 1 };
      if (errors > 0) this.#failed.add(`${arm} ${subject}`);
    }
  }
}

function noTotals(): Totals {
  return { requests: 0, errors: 0, even: 0, evenErrors: 0 };
}

const instance = fc.nat(2);
const command = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('route' as const),
      instance,
      user: fc.nat(15),
      ms: fc.constantFrom(1, 10, 50, 100, 500),
      isFailed: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      instances: fc.uniqueArray(instance, { minLength: 1, maxLength: 3 }),
      fate: fc.constantFrom('arrives', 'is lost', 'answer is lost', 'arrives twice', 'a copy comes late'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('follow' as const), instance }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('expose' as const),
      exposure: fc.constantFrom(0, 20_000, 50_000, 80_000, 100_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

let runs = 0;

/** Plays a history against the real tables, lets everything that is left arrive, and reads what a judge would. */
async function play(commands: readonly Command[], { pendingLimit }: { readonly pendingLimit: number }) {
  runs += 1;
  const environment = `e-${runs}`;
  let store = new TelemetryStore(database);
  let document = documentAt(1, 20_000);
  const serve = () =>
    database.query(
      `insert into theseus.environment (name, version) values ($1, $2)
       on conflict (name) do update set version = excluded.version`,
      [environment, document.version],
    );
  await serve();
  const instances = [0, 1, 2].map((number) => new Instance(`i-${number}`, document, pendingLimit));
  const truth = new Truth();
  const late: TelemetryBatch[] = [];
  const deliver = async (batches: readonly TelemetryBatch[]) => {
    const inOrder = batches.toSorted((left, right) => (left.users?.sequence ?? 0) - (right.users?.sequence ?? 0));
    truth.arrive(inOrder);
    await store.receive(inOrder);
  };
  const send = async (of: readonly Instance[], fate: string) => {
    const sent = of.map((each) => each.batch(environment));
    const batches = sent.map(({ batch }) => batch);
    if (fate !== 'is lost') await deliver(batches);
    if (fate === 'arrives twice') await deliver(batches);
    if (fate === 'a copy comes late') late.push(...batches);
    if (fate !== 'is lost' && fate !== 'answer is lost') for (const { acknowledge } of sent) acknowledge();
  };
  for (const each of commands) {
    switch (each.kind) {
      case 'route': {
        const at = instances[each.instance] as Instance;
        const assignment = at.route(each.user, each.ms, each.isFailed ? 'failed' : 'answered');
        truth.add(assignment, each.user, each.ms, each.isFailed);
        break;
      }
      case 'send':
        await send(
          each.instances.map((number) => instances[number] as Instance),
          each.fate,
        );
        break;
      case 'follow':
        (instances[each.instance] as Instance).document = document;
        break;
      case 'expose':
        document = documentAt(document.version + 1, each.exposure);
        await serve();
        break;
      case 'restart':
        store = new TelemetryStore(database);
    }
  }
  // Twice: the first may repeat a part that was made before the last requests.
  await send(instances, 'arrives');
  await deliver(late);
  await send(instances, 'arrives');
  const epoch = Math.max(1, ...truth.requests.map(({ assignment }) => assignment.epoch));
  const comparisons = new ComparisonStore(database, { document: () => documentAt(epoch, 20_000) });
  const found = await comparisons.compare({
    flag: FLAG,
    environment,
    now: Date.now(),
    freshForMs: 60_000,
    factors: latencyFactors(PROFILES.balanced),
    segments: ['even'],
  });
  return { found, truth, epoch };
}

const history = fc.array(command, { minLength: 1, maxLength: 150, size: 'max' });

describe('counts for a judge', () => {
  it('are those of the requests themselves, however they are spread, lost, repeated and moved [CV-3]', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (commands) => {
        const { found, truth, epoch } = await play(commands, { pendingLimit: 1_000 });
        if (truth.requests.length === 0) return;
        expect(found.epoch).toBe(epoch * 32);
        for (const arm of ARMS) {
          const counts = found.counts?.[arm];
          const { requests, errors, even, evenErrors } = truth.totals[arm];
          expect(counts).toMatchObject({ requests, errors, segments: [{ requests: even, errors: evenErrors }] });
          expect(counts?.latency.timed).toBe(requests);
          expect(counts?.users).toEqual({ ...truth.users(arm), atRisk: truth.atRisk[arm] });
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('are those of a fixed sample of users where there are too many', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (commands) => {
        const { found, truth } = await play(commands, { pendingLimit: 3 });
        if (truth.requests.length === 0) return;
        for (const arm of ARMS) {
          const { requests, errors } = truth.totals[arm];
          expect(found.counts?.[arm]).toMatchObject({ requests, errors });
          const users = found.counts?.[arm].users ?? NO_USERS;
          expect(users.atRisk).toBe(truth.atRisk[arm]);
          expect(users.n).toBeLessThanOrEqual(truth.users(arm).n);
          expect(users.nn * users.seen).toBeGreaterThanOrEqual(users.n ** 2);
        }
      }),
      { numRuns: 20 },
    );
  }, 120_000);
});
