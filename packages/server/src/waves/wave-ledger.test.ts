import { SUBJECT_STATES, type SubjectState, type WaveProgress } from '@theseus/core/wave';
import type { DataMigration, Subject } from '@theseus/migrate';
import { Pool, type PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import type { MemberChange } from '../ports/wave-ledger.ts';
import type { WaveOrder } from '../ports/wave-service.ts';
import { migrate, openDatabase } from '../postgres/database.ts';
import { WaveLedgerStore } from '../postgres/wave-ledger-store.ts';
import { WaveStore } from '../postgres/wave-store.ts';
import { subjectHandler } from './subject-handler.ts';
import { WaveWorker } from './wave-worker.ts';

let testbed: TestDatabase;
let database: Database;
let number = 0;

beforeAll(async () => {
  testbed = await testDatabase();
  database = openDatabase({ connectionString: testbed.url, maxConnections: 8, onError: () => undefined });
  await migrate(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await testbed?.close();
});

/** Data of subjects that forgets nothing: how often each was migrated, and what it holds. */
class Target {
  readonly data = new Map<string, { value: string; migrated: number }>();
  readonly calls: string[] = [];
  readonly subjects: readonly Subject[];

  constructor(subjects: readonly Subject[]) {
    this.subjects = subjects;
    for (const { key } of subjects) this.data.set(key, { value: `old ${key}`, migrated: 0 });
  }

  readonly of = ({ key }: Subject) => {
    const known = this.data.get(key);
    if (known === undefined) throw new Error(`nobody knows ${key}`);
    return known;
  };

  handler(more: Partial<DataMigration> = {}): DataMigration {
    const { subjects } = this;
    return {
      async *subjects() {
        yield* subjects;
      },
      save: async (subject) => ({ ...this.of(subject) }),
      migrate: async (subject) => {
        const known = this.of(subject);
        this.calls.push(subject.key);
        this.data.set(subject.key, { value: known.value.replace('old', 'new'), migrated: known.migrated + 1 });
        return undefined;
      },
      validate: async (subject) => ({ scores: { dom: this.of(subject).value.startsWith('new') ? 1 : 0 } }),
      restore: async (subject, saved) => {
        this.data.set(subject.key, saved as { value: string; migrated: number });
      },
      ...more,
    };
  }
}

let target: Target;
let order: WaveOrder;
let members: MemberChange[];

beforeEach(() => {
  number += 1;
  target = new Target(subjectsOf(40));
  members = [];
  order = {
    key: { environment: 'test', migration: `slots-${number}`, wave: 'pilot' },
    runId: 'run',
    stepId: 'pilot/slots',
    flag: 'slot-renderer',
    size: { kind: 'all' },
    conditions: [],
    strata: [],
    salt: 'phoenix-2026',
    handler: { kind: 'module', path: 'slots.ts' },
    source: { kind: 'handler' },
    batch: 10,
    concurrency: 4,
    perSecond: null,
    deadlineMs: 200,
    attempts: 2,
    bounds: [{ score: 'dom', operator: '>=', bound: 0.95 }],
    watchMs: 0,
  };
});

function subjectsOf(count: number): readonly Subject[] {
  return Array.from({ length: count }, (_, at) => ({
    key: `user-${at}`,
    attributes: { region: at % 4 === 0 ? 'US' : 'EU', customizations: at % 7 },
  }));
}

const store = (subjects = target.subjects) =>
  new WaveStore(database, async function* () {
    yield* subjects;
  });

/** Waves of other tests are none of its business. */
const own = ({ key }: WaveOrder) => key.migration === order.key.migration;

const ledger = (claimMs = 5_000) =>
  new WaveLedgerStore({ database, claimMs, onMembers: async (_client, change) => void members.push(change) });

const signal = new AbortController().signal;

async function permit(given: 'open' | 'paused' | 'undoing'): Promise<void> {
  await database.transaction((client) => store().permit(client, order.key, given));
}

/** Lets one worker work until the wave is idle. */
async function workOut(handler: DataMigration, name = 'one'): Promise<WaveProgress> {
  const problems: string[] = [];
  const worker = new WaveWorker({
    worker: name,
    ledger: { ...wrapped(ledger()), take: (worker) => ledger().take(worker, own) },
    handlers: { allows: () => true, open: () => Promise.resolve(subjectHandler(handler)) },
    concurrency: 3,
    holdEveryMs: 1_000,
    onProblem: (problem) => problems.push(problem),
    pollMs: 20,
  });
  worker.start();
  try {
    for (;;) {
      const progress = await store().progress(order.key);
      if (progress?.isIdle) return progress;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  } finally {
    await worker.stop();
    expect(problems).toEqual([]);
  }
}

const only = (counts: Partial<Record<SubjectState, number>>) =>
  Object.fromEntries(SUBJECT_STATES.map((state) => [state, counts[state] ?? 0]));

async function rowOf(key: string) {
  const { rows } = await database.query<{
    state: number;
    reason: string | null;
    is_conflict: boolean;
    attempts: number;
  }>(
    `select state, reason, is_conflict, attempts from theseus.ledger s join theseus.data_migration m on m.id = s.migration_id
     where m.name = $1 and s.key = $2`,
    [order.key.migration, key],
  );
  const row = rows[0];
  return row && { ...row, state: SUBJECT_STATES[row.state] };
}

describe('selecting a wave', () => {
  it('freezes its members, the same ones again however often it is asked [PX-3]', async () => {
    const first = await store().select({ ...order, size: { kind: 'count', count: 12 } }, signal);
    expect(first).toMatchObject({ total: 12, seen: 40, excluded: { 'there is no room for them in this wave': 28 } });
    const again = await store(subjectsOf(60)).select({ ...order, size: { kind: 'count', count: 30 } }, signal);
    expect(again).toEqual(first);
  });

  it('spreads a wave over strata in proportion, and says who was left out and why [PX-3]', async () => {
    const conditions = [{ attribute: 'customizations', operator: 'atLeast', value: 2 }] as const;
    const chosen = await store().select(
      { ...order, size: { kind: 'count', count: 12 }, conditions, strata: ['region'] },
      signal,
    );
    const fit = target.subjects.filter(({ attributes }) => Number(attributes?.['customizations']) >= 2);
    const eu = fit.filter(({ attributes }) => attributes?.['region'] === 'EU').length;
    expect(chosen.total).toBe(12);
    expect(chosen.strata['EU']).toBeCloseTo((12 * eu) / fit.length, -0.5);
    expect((chosen.strata['EU'] ?? 0) + (chosen.strata['US'] ?? 0)).toBe(12);
    expect(chosen.excluded['not in the segment']).toBe(40 - fit.length);
  });

  it('takes 40, 30, 20 and 10 % of what remains, which is everybody, and nobody twice [PX-5]', async () => {
    const shares = [40_000, 30_000, 20_000, 10_000];
    const after: { wave: string; share: number }[] = [];
    await store().select({ ...order, key: { ...order.key, wave: 'pilot' }, size: { kind: 'count', count: 7 } }, signal);
    const totals: number[] = [];
    for (const [at, share] of shares.entries()) {
      const key = { ...order.key, wave: `part-${at}` };
      const size = { kind: 'remaining', share, after: [...after] } as const;
      totals.push((await store().select({ ...order, key, size }, signal)).total);
      after.push({ wave: key.wave, share });
    }
    expect(totals).toEqual([13, 10, 7, 3]);
    const { rows } = await database.query<{ count: string }>(
      `select count(*) from theseus.subject s join theseus.data_migration m on m.id = s.migration_id
       where m.name = $1 and not exists (select from theseus.ledger l where l.migration_id = m.id and l.key = s.key)`,
      [order.key.migration],
    );
    expect(rows[0]?.count).toBe('0');
  });

  it('previews without keeping anything', async () => {
    expect(await store().preview(order, signal)).toMatchObject({ total: 40, seen: 40 });
    expect(await store().progress(order.key)).toBeNull();
  });
});

describe('working a wave off', () => {
  it('begins nothing before it is open, and then brings each subject to its end, with its flag [PX-1]', async () => {
    await store().select(order, signal);
    expect(await ledger().take('early', own)).toBeNull();
    await permit('open');
    const { counts } = await workOut(target.handler());
    expect(counts.byState).toEqual(only({ done: 40 }));
    expect([...target.data.values()].every(({ migrated, value }) => migrated === 1 && value.startsWith('new'))).toBe(
      true,
    );
    expect(members.flatMap(({ added }) => added).toSorted()).toEqual(target.subjects.map(({ key }) => key).toSorted());
    expect(await store().counts('test', order.key.migration)).toMatchObject({ byState: only({ done: 40 }) });
  });

  it.each<[string, Partial<DataMigration>, SubjectState, RegExp]>([
    ['throws', { migrate: async () => Promise.reject(new Error('no such slot')) }, 'failed', /migrate: no such slot/],
    ['hangs', { migrate: () => new Promise(() => undefined) }, 'failed', /not answered within 200 ms/],
    ['measures nothing', { validate: async () => ({ scores: {} }) }, 'migrated', /dom was not measured/],
    [
      'measures what is no number',
      { validate: async () => ({ scores: { dom: Number.NaN } }) },
      'migrated',
      /dom is NaN/,
    ],
    ['wants to skip', { check: async () => ({ outcome: 'skip', reason: 'is closed' }) }, 'skipped', /is closed/],
    ['cannot be read', { save: async () => ({ at: Number.NaN }) }, 'failed', /the number NaN/],
  ])(
    'lets a handler that %s harm that one subject only',
    async (_what, spoilt, state, reason) => {
      const well = target.handler();
      const handler = target.handler();
      for (const name of ['check', 'save', 'migrate', 'validate'] as const) {
        const own = well[name] ?? (() => Promise.resolve({ outcome: 'go' }));
        const spoil = spoilt[name];
        if (spoil === undefined) continue;
        Object.assign(handler, {
          [name]: (subject: Subject, context: never) =>
            (subject.key === 'user-7' ? spoil : own)(subject as never, context as never),
        });
      }
      await store().select(order, signal);
      await permit('open');
      const { counts } = await workOut(handler);
      expect(counts.byState).toEqual(only({ done: 39, [state]: 1 }));
      expect(await rowOf('user-7')).toMatchObject({ state, reason: expect.stringMatching(reason) as string });
      expect(target.data.get('user-7')?.migrated).toBe(state === 'migrated' ? 1 : 0);
      if (state === 'migrated') expect(counts).toMatchObject({ validated: 40, invalid: 1 });
    },
    30_000,
  );

  it('puts back what a handler left half done before it gives up', async () => {
    const handler = target.handler();
    const half = async (subject: Subject) => {
      if (subject.key === 'user-3') {
        target.data.set('user-3', { value: 'half', migrated: 0 });
        throw new Error('half way');
      }
      return target.handler().migrate(subject, undefined as never);
    };
    await store().select(order, signal);
    await permit('open');
    const { counts } = await workOut({ ...handler, migrate: half });
    expect(counts.byState).toEqual(only({ done: 39, failed: 1 }));
    expect(target.data.get('user-3')).toEqual({ value: 'old user-3', migrated: 0 });
  }, 30_000);

  it('goes on where a worker was killed, and migrates nobody twice though the target cannot tell [PX-8]', async () => {
    await store().select(order, signal);
    await permit('open');
    // The first worker dies amid a batch: some were migrated, and nobody wrote that down.
    const killed = await ledger(1).take('killed', own);
    expect(killed?.subjects).toHaveLength(10);
    const dying = target.handler();
    const { BatchWork } = await import('./batch-work.ts');
    const lost = new AbortController();
    let calls = 0;
    await expect(
      new BatchWork({
        batch: killed as NonNullable<typeof killed>,
        handler: subjectHandler({
          ...dying,
          migrate: async (subject, context) => {
            calls += 1;
            if (calls === 5) lost.abort();
            return dying.migrate(subject, context);
          },
        }),
        ledger: { ...wrapped(ledger(60_000)), take: () => Promise.resolve(null) },
        worker: 'killed',
        signal: lost.signal,
        log: () => undefined,
      }).run(),
    ).rejects.toThrow();
    expect([...target.data.values()].filter(({ migrated }) => migrated === 1).length).toBeGreaterThan(0);
    await database.query(
      "update theseus.wave_batch set held_until = now() - interval '1 second' where holder = 'killed'",
    );
    const { counts } = await workOut(target.handler(), 'second');
    expect(counts.byState).toEqual(only({ done: 40 }));
    expect([...target.data.values()].every(({ migrated }) => migrated === 1)).toBe(true);
  }, 30_000);

  it('gives each batch to one worker, however many ask at the same moment [ALL-7]', async () => {
    target = new Target(subjectsOf(400));
    order = { ...order, batch: 1, concurrency: 300 };
    await store().select(order, signal);
    await permit('open');
    const asking = new Pool({ connectionString: testbed.url, max: 24 });
    const many = { ...database, pool: asking, transaction: transactionsOn(asking) };
    const asker = new WaveLedgerStore({ database: many, claimMs: 60_000, onMembers: () => Promise.resolve() });
    const numbers: number[] = [];
    const ask = async (worker: string): Promise<void> => {
      for (let vain = 0; vain < 20; vain += 1) {
        const batch = await asker.take(worker, own);
        if (batch === null) continue;
        numbers.push(batch.number);
        vain = 0;
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, at) => ask(`worker-${at}`)));
    await asking.end();
    expect(numbers).toHaveLength(300);
    expect(new Set(numbers).size).toBe(300);
  }, 30_000);

  it('writes nothing once its claim is another worker’s', async () => {
    await store().select(order, signal);
    await permit('open');
    const old = await ledger(1).take('slow', own);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const taken = await ledger().take('quick', own);
    expect(taken).toMatchObject({ number: old?.number, taken: 2 });
    if (old === null) throw new Error('nothing was taken');
    expect(await ledger().hold(old, 'slow')).toBe(false);
    const change = { key: 'user-1', from: 'pending', to: 'skipped' } as const;
    expect(await ledger().record(old, 'slow', [change], { followUps: [] })).toBe(false);
    expect((await store().progress(order.key))?.counts.byState.skipped).toBe(0);
  });

  it('keeps to as many batches at a time and as many subjects a second as the plan says', async () => {
    order = { ...order, concurrency: 1, perSecond: 1 };
    await store().select(order, signal);
    await permit('open');
    expect(await ledger().take('one', own)).not.toBeNull();
    expect(await ledger().take('two', own)).toBeNull();
    await database.query('update theseus.wave_batch set is_done = true where holder is not null');
    expect(await ledger().take('two', own)).toBeNull();
  });

  it('watches each subject, and takes its flag back where it is no longer right [PX-7]', async () => {
    order = { ...order, watchMs: 300 };
    await store().select(order, signal);
    await permit('open');
    let isBroken = false;
    const handler = target.handler({
      validate: async ({ key }) => ({ scores: { dom: isBroken && key === 'user-5' ? 0.4 : 1 } }),
    });
    const running = workOut(handler);
    await expect.poll(async () => (await store().progress(order.key))?.counts.byState.validated).toBe(40);
    isBroken = true;
    const { counts } = await running;
    expect(counts.byState).toEqual(only({ done: 39, migrated: 1 }));
    expect(await rowOf('user-5')).toMatchObject({ reason: 'after its watch: dom is 0.4, and is to be >= 0.95' });
    expect(members.flatMap(({ removed }) => removed)).toEqual(['user-5']);
  }, 30_000);
});

describe('taking a wave back', () => {
  const before = () => new Map([...target.data].map(([key, data]) => [key, { ...data }]));

  it('restores each subject byte for byte, flags first, and can migrate them again after [PX-8]', async () => {
    const old = before();
    await store().select(order, signal);
    await permit('open');
    await workOut(target.handler());
    await permit('undoing');
    const onCandidate = new Set(members.flatMap(({ added }) => added));
    const handler = target.handler();
    const { counts } = await workOut({
      ...handler,
      restore: async (subject, saved, context) => {
        for (const key of members.flatMap(({ removed }) => removed)) onCandidate.delete(key);
        expect(onCandidate.has(subject.key)).toBe(false);
        await handler.restore(subject, saved, context);
      },
    });
    expect(counts.byState).toEqual(only({ 'rolled-back': 40 }));
    expect(target.data).toEqual(old);
  }, 30_000);

  it('puts a subject whose data was changed since to a person, and leaves it as it is [PX-8]', async () => {
    await store().select(order, signal);
    await permit('open');
    await workOut(target.handler());
    target.data.set('user-9', { value: 'their own', migrated: 1 });
    await permit('undoing');
    const { counts } = await workOut(target.handler());
    expect(counts).toMatchObject({ byState: only({ 'rolled-back': 39, done: 1 }), conflicts: 1 });
    expect(target.data.get('user-9')?.value).toBe('their own');
    expect(await rowOf('user-9')).toMatchObject({
      is_conflict: true,
      reason: expect.stringContaining('changed since') as string,
    });
  }, 30_000);

  it('takes back what a dead worker left unsaid', async () => {
    const old = before();
    await store().select(order, signal);
    await permit('open');
    const batch = await ledger(1).take('dead', own);
    if (batch === null) throw new Error('nothing was taken');
    const handler = target.handler();
    const lost = new AbortController();
    const work = new (await import('./batch-work.ts')).BatchWork({
      batch,
      handler: subjectHandler({
        ...handler,
        validate: async () => {
          lost.abort();
          return { scores: { dom: 1 } };
        },
      }),
      ledger: wrapped(ledger(60_000)),
      worker: 'dead',
      signal: lost.signal,
      log: () => undefined,
    });
    await expect(work.run()).rejects.toThrow();
    expect(target.data).not.toEqual(old);
    await database.query(
      "update theseus.wave_batch set held_until = now() - interval '1 second' where holder = 'dead'",
    );
    await permit('undoing');
    const { counts } = await workOut(target.handler());
    expect(counts.byState).toEqual(only({ pending: 30, 'rolled-back': 10 }));
    expect(target.data).toEqual(old);
  }, 30_000);
});

describe('validating anew', () => {
  it('counts afresh, and migrates those again that are still wrong [PX-9]', async () => {
    await store().select(order, signal);
    await permit('open');
    const wrong = new Set(['user-1', 'user-2', 'user-3']);
    const broken = target.handler({ validate: async ({ key }) => ({ scores: { dom: wrong.has(key) ? 0.5 : 1 } }) });
    expect((await workOut(broken)).counts).toMatchObject({ validated: 40, invalid: 3 });
    await permit('paused');
    await database.transaction((client) => store().revalidate(client, order.key));
    wrong.delete('user-1');
    wrong.delete('user-2');
    const { counts } = await workOut(broken);
    expect(counts).toMatchObject({ validated: 3, invalid: 1, byState: only({ done: 39, migrated: 1 }) });
    expect(target.calls.filter((key) => key === 'user-3')).toHaveLength(2);
    expect(target.calls.filter((key) => key === 'user-1')).toHaveLength(1);
    expect(target.data.get('user-3')?.migrated).toBe(1);
  }, 30_000);
});

/** Own methods, so that it can be spread. */
function wrapped(of: WaveLedgerStore) {
  return {
    take: of.take.bind(of),
    hold: of.hold.bind(of),
    record: of.record.bind(of),
    release: of.release.bind(of),
  };
}

function transactionsOn(pool: Pool) {
  return async <Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      return result;
    } finally {
      client.release();
    }
  };
}
