import { type Assignment, compileFlags, type FlagDefinition, SubjectHasher } from '@theseus/core/flag';
import type { Metric, MetricComparison, TelemetryBatch } from '@theseus/core/health';
import type { PlanFlag } from '@theseus/core/plan';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { TelemetryCounters } from '../../../sdk/src/telemetry/flag-counters.ts';
import { PendingGoals } from '../../../sdk/src/telemetry/pending-goals.ts';
import { UserParts } from '../../../sdk/src/telemetry/user-parts.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { RunEngine } from '../engine/run-engine.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import { TelemetryBatchSchema } from '../http-api/telemetry-schema.ts';
import type { Database } from '../ports/database.ts';
import { compactTelemetry } from './compact-telemetry.ts';
import { migrate, openDatabase } from './database.ts';
import { ExperimentStore } from './experiment-store.ts';
import { FlagStore } from './flag-store.ts';
import { RunStore } from './run-store.ts';
import { TelemetryStore } from './telemetry-store.ts';

const ana = { kind: 'person', name: 'ana' } as const;
const FLAG = 'reply';
const REPLIED: Metric = { name: 'response-rate', goal: 'replied', measure: 'rate', better: 'higher' };
const SPENT: Metric = { name: 'spent', goal: 'ordered', measure: 'value', better: 'higher' };

let postgres: TestDatabase;
let database: Database;
let flags: FlagStore;
let engine: RunEngine;
let store: TelemetryStore;
let experiments: ExperimentStore;
let environment = '';
let number = 0;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 10, onError: () => undefined });
  await migrate(database);
  await migrateJobs(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

beforeEach(() => {
  flags = new FlagStore(database);
  engine = new RunEngine({ database, runs: new RunStore(), flags, clock: Date.now });
  store = new TelemetryStore(database);
  experiments = new ExperimentStore(database, flags);
  number += 1;
  environment = `place-${number}`;
});

const goal = (name: string, of: string, measure: 'rate' | 'value') => ({
  name,
  source: { kind: 'goal', goal: of, measure, better: 'higher' } as const,
  unit: 'percent' as const,
  overMs: 60_000,
  freshForMs: 60_000,
});

/** A run whose flag is at half, and then at all. */
async function begin(changes: Partial<PlanFlag> = {}): Promise<void> {
  const flag: PlanFlag = {
    key: FLAG,
    risk: null,
    requires: [],
    fallback: true,
    overrides: { candidate: [], legacy: [] },
    rules: [],
    variants: [
      { name: 'short', weight: 50_000 },
      { name: 'long', weight: 50_000 },
    ],
    metrics: ['response-rate', 'spent'],
    ...changes,
  };
  const signals = {
    'response-rate': goal('response-rate', 'replied', 'rate'),
    spent: goal('spent', 'ordered', 'value'),
  };
  const phases = [phase('one', [ramp('one', FLAG, { through: [50_000, 60_000, 100_000] })])];
  const checked = plan(phases, { environment, flags: { [FLAG]: flag }, signals });
  await engine.start({ runId: environment, plan: checked, planHash: 'sha256:test', actor: ana, reason: 'test' });
  await flags.refresh();
}

async function promote(): Promise<void> {
  const command = { verb: { verb: 'promote' }, actor: ana, reason: 'test' } as const;
  await engine.handle(environment, { kind: 'command', command });
  await flags.refresh();
}

const compiled = () => compileFlags(flags.document(environment));
const definition = (): FlagDefinition | undefined => flags.document(environment).flags[FLAG];

async function compare(metric = REPLIED, runId = environment): Promise<MetricComparison> {
  const { comparisons } = await experiments.compare({ runId, environment, flag: FLAG, metrics: [metric] });
  const [first] = comparisons;
  if (first === undefined) throw new Error('no metric was compared');
  return first;
}

const armsOf = ({ arms }: MetricComparison) =>
  Object.fromEntries(arms.map(({ variant, users, conversions, value }) => [variant, { users, conversions, value }]));

/** One program with the real counters of the SDK; what becomes of its batches is for the test to say. */
class Instance {
  readonly counters = new TelemetryCounters();
  readonly goals = new PendingGoals();
  readonly parts = new UserParts(() => this.counters.pendingUsers(), this.goals);
  readonly #name: string;
  #sequence = 0;

  constructor(name: string) {
    this.#name = name;
  }

  route(userId: string): Assignment {
    const assignment = compiled().assign(FLAG, { userId });
    if (assignment === undefined) throw new Error('there is no flag');
    this.counters.of(FLAG)?.countRequest(assignment, 1, 'answered');
    return assignment;
  }

  track(goalName: string, userId: string, value = 0): void {
    for (const subject of compiled().subjectsOf(goalName, { userId })) this.goals.count(subject, goalName, value);
  }

  batch(): { readonly batch: TelemetryBatch; readonly acknowledge: () => void } {
    const users = this.parts.next(4_000);
    this.#sequence += 1;
    // As the server reads it from the wire.
    const batch = TelemetryBatchSchema.parse({
      instance: this.#name,
      service: 'test',
      environment,
      sequence: this.#sequence,
      servedVersion: flags.document(environment).version,
      flags: JSON.parse(this.counters.changed(100_000).json),
      ...(users === undefined ? {} : { users: JSON.parse(users.json) }),
    }) as TelemetryBatch;
    return { batch, acknowledge: () => users?.acknowledge() };
  }

  /** Delivers all there is, over a network that loses answers and repeats what it was given. */
  async deliver(random: () => number = () => 1): Promise<void> {
    for (let more = true; more; ) {
      const { batch, acknowledge } = this.batch();
      more = batch.users !== undefined;
      if (random() < 0.3) continue;
      await store.receive(random() < 0.3 ? [batch, batch] : [batch]);
      if (random() < 0.3) continue;
      acknowledge();
    }
  }
}

function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('ExperimentStore', () => {
  it('counts each user and each first goal once, however batches are lost, repeated or late [CO-7]', async () => {
    await begin();
    const random = chance(20_261_123);
    const instances = ['a', 'b', 'webhook'].map((name) => new Instance(name));
    const told = new Map<string, string>();
    const reached = new Map<string, { count: number; value: number }>();
    for (let request = 0; request < 1_500; request += 1) {
      const instance = instances[request % 2] as Instance;
      const userId = `user-${Math.floor(random() * 400)}`;
      instance.route(userId);
      told.set(userId, compiled().variant(FLAG, { userId }));
      if (random() < 0.3) {
        // From another process than the one that answered, and of users who were never exposed as well.
        const who = `user-${Math.floor(random() * 600)}`;
        const value = Math.floor(random() * 50);
        instances[2]?.track('ordered', who, value);
        const before = reached.get(who) ?? { count: 0, value: 0 };
        reached.set(who, { count: before.count + 1, value: before.value + value });
      }
      if (request % 100 === 0) await instances[request % 3]?.deliver(random);
    }
    for (const instance of instances) await instance.deliver(random);
    for (const instance of instances) await instance.deliver();
    const expected: Record<string, { users: number; conversions: number; value: number; squares: number }> = {};
    for (const [userId, variant] of told) {
      const sums = expected[variant] ?? { users: 0, conversions: 0, value: 0, squares: 0 };
      const { value = 0 } = reached.get(userId) ?? {};
      const conversions = sums.conversions + (reached.has(userId) ? 1 : 0);
      expected[variant] = {
        users: sums.users + 1,
        conversions,
        value: sums.value + value,
        squares: sums.squares + value ** 2,
      };
    }
    const found = (await compare(SPENT)).arms.map(({ variant, users, conversions, value, squares }) => [
      variant,
      { users, conversions, value, squares },
    ]);
    expect(Object.fromEntries(found)).toEqual(expected);
    expect(Object.keys(expected).toSorted()).toEqual(['legacy', 'long', 'short']);
  }, 60_000);

  it('counts a goal that arrives before the exposure, and none of who was never exposed [CO-7]', async () => {
    await begin();
    const [front, hook] = [new Instance('front'), new Instance('hook')];
    hook.track('replied', 'early');
    hook.track('replied', 'early');
    hook.track('replied', 'nobody');
    await hook.deliver();
    expect((await compare()).problem).toBe('nobody was exposed yet');
    front.route('early');
    front.route('silent');
    await front.deliver();
    const sums = Object.values(armsOf(await compare()));
    expect(sums.reduce((all, { users }) => all + users, 0)).toBe(2);
    expect(sums.reduce((all, { conversions }) => all + conversions, 0)).toBe(1);
  });

  it('knows who was only told a variant, and makes no request of it for the judge [CO-7]', async () => {
    await begin();
    const front = new Instance('front');
    const assignment = compiled().assign(FLAG, { userId: 'u' }) as Assignment;
    front.counters.of(FLAG)?.expose(assignment);
    await front.deliver();
    const variant = compiled().variant(FLAG, { userId: 'u' });
    expect(armsOf(await compare())[variant]?.users).toBe(1);
    const { rowCount } = await database.query(
      'select from theseus.tally where tally_set = (select tally_set from theseus.comparison where environment = $1)',
      [environment],
    );
    expect(rowCount).toBe(0);
  });

  it('begins anew with the split, and leaves out what belongs to an older one or claims a later', async () => {
    await begin();
    const [late, front] = [new Instance('late'), new Instance('front')];
    late.route('one');
    late.track('replied', 'one');
    await promote();
    front.route('two');
    await front.deliver();
    await late.deliver();
    const sums = Object.values(armsOf(await compare()));
    expect(sums.reduce((all, { users }) => all + users, 0)).toBe(1);
    const split = (definition()?.split ?? 0) + 1_000;
    const users = { sequence: 9, flags: {}, goals: { [FLAG]: { split, goals: { replied: [1, 1, 0] } } } };
    await store.receive([{ ...late.batch().batch, users }]);
    expect(Object.values(armsOf(await compare())).reduce((all, each) => all + each.users, 0)).toBe(1);
    await compactTelemetry(database, Date.now());
    const { rowCount } = await database.query('select from theseus.old_user_set');
    expect(rowCount).toBe(0);
  });

  it('goes on where only the marks of latency are fixed, which begins an epoch for the judge', async () => {
    await begin();
    const [first, second] = [new Instance('first'), new Instance('second')];
    for (let user = 0; user < 2_500; user += 1) first.route(`user-${user}`);
    for (let user = 2_500; user < 3_000; user += 1) second.route(`user-${user}`);
    await first.deliver();
    await flags.refresh();
    expect(definition()?.marks).toBeDefined();
    expect(definition()?.epoch).toBeGreaterThan(definition()?.split ?? Number.NaN);
    // What it counted before it heard of the marks.
    await second.deliver();
    const users = Object.values(armsOf(await compare())).reduce((all, each) => all + each.users, 0);
    expect(users).toBe(3_000);
  });

  it('keeps no goal that the plan does not name, and nothing of flags that measure none', async () => {
    await begin();
    const split = definition()?.split ?? 0;
    const subject = new SubjectHasher('moving..').hash('u');
    const goals = {
      [FLAG]: { split, goals: { invented: [subject, 1, 0] } },
      unknown: { split, goals: { replied: [subject, 1, 0] } },
    };
    await store.receive([{ ...new Instance('i').batch().batch, users: { sequence: 1, flags: {}, goals } }]);
    const { rowCount } = await database.query('select from theseus.reached_goal where subject = $1', [subject]);
    expect(rowCount).toBe(0);
  });

  it('compares the variants with each other once nobody is left on legacy [CO-7]', async () => {
    await begin();
    await promote();
    await promote();
    expect(definition()?.exposure).toBe(100_000);
    const front = new Instance('front');
    for (let user = 0; user < 500; user += 1) {
      front.route(`user-${user}`);
      if (user % 3 === 0) front.track('replied', `user-${user}`);
    }
    await front.deliver();
    const { control, comparisons, arms } = await compare();
    expect(control).toBe('short');
    expect(arms.map(({ variant }) => variant)).toEqual(['short', 'long']);
    expect(comparisons).toMatchObject([{ variant: 'long', control: 'short', verdict: 'no-difference-shown' }]);
  });

  it('keeps what each exposure of a run has led to, for its report [CO-7]', async () => {
    await begin();
    const [front, later] = [new Instance('front'), new Instance('later')];
    for (let user = 0; user < 400; user += 1) {
      front.route(`user-${user}`);
      if (user % 2 === 0) front.track('replied', `user-${user}`);
    }
    await front.deliver();
    const atHalf = await compare();
    const past = () => experiments.past({ runId: environment, environment, flag: FLAG, metrics: [REPLIED] });
    expect(await past()).toEqual([]);
    await promote();
    // Nobody has reported of the new exposure yet, and what the old one led to is known all the same.
    const [ended, ...others] = await past();
    expect(others).toEqual([]);
    expect(ended).toMatchObject({ exposurePercent: 50, arms: atHalf.arms, comparisons: atHalf.comparisons });
    later.route('user-1');
    await later.deliver();
    expect((await past()).map(({ exposurePercent, arms }) => [exposurePercent, arms])).toEqual([[50, atHalf.arms]]);
    expect(await experiments.past({ runId: 'other', environment, flag: FLAG, metrics: [REPLIED] })).toEqual([]);
  });

  it('says whose the flag is, and that there is none [CO-7]', async () => {
    await begin();
    expect((await compare(REPLIED, 'an-older-run')).problem).toBe("'reply' belongs to another run by now");
    const { comparisons } = await experiments.compare({
      runId: environment,
      environment,
      flag: 'none',
      metrics: [REPLIED],
    });
    expect(comparisons[0]?.problem).toBe(`there is no flag 'none' in environment '${environment}'`);
  });
});

describe('a flag bucketed by an attribute of its own', () => {
  it('is told to SDKs by that attribute, and counts its users by it [CO-4] [CO-7]', async () => {
    await begin({ by: 'scrapeId' });
    expect(definition()).toMatchObject({ cohort: 'scrapeId', goals: ['replied', 'ordered'] });
    const front = new Instance('front');
    const assigned = ['a', 'b', 'a'].map((scrapeId) => {
      const assignment = compiled().assign(FLAG, { scrapeId, userId: 'one' }) as Assignment;
      front.counters.of(FLAG)?.countRequest(assignment, 1, 'answered');
      return assignment.subject;
    });
    expect(new Set(assigned).size).toBe(2);
    await front.deliver();
    expect(Object.values(armsOf(await compare())).reduce((all, { users }) => all + users, 0)).toBe(2);
  });
});
