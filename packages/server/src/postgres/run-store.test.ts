import type { RolloutState } from '@theseus/core/rollout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import type { Database } from '../ports/database.ts';
import { migrate, openDatabase } from './database.ts';
import { RunStore } from './run-store.ts';

const SAME = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;

let postgres: TestDatabase;
let database: Database;
let number = 0;

beforeAll(async () => {
  postgres = await testDatabase();
  database = openDatabase({ connectionString: postgres.url, maxConnections: 5, onError: () => undefined });
  await migrate(database);
}, 60_000);

afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

interface Written {
  readonly runId: string;
  readonly environment?: string;
  readonly contentHash?: string;
  readonly outcome?: string | null;
  readonly rollback?: string;
}

/** Runs of one plan, oldest first, as they stand in the database, and which of them says most about its content. */
async function earlierOf(runs: readonly Written[]) {
  number += 1;
  const name = `plan-${number}`;
  for (const { runId, environment = 'staging', contentHash = SAME, outcome = null, rollback } of runs) {
    const rollbacks = rollback === undefined ? [] : [{ status: rollback }];
    const state = { status: outcome === null ? 'running' : 'finished', outcome, rollbacks };
    await database.query(
      `insert into theseus.run (run_id, plan_name, plan_hash, plan, state, revision, last_hash, last_at, active,
         flush_every_ms, environment, content_hash) values ($1, $2, 'x', '{}', $3, 1, 'h', 0, false, 700, $4, $5)`,
      [`${name}-${runId}`, name, JSON.stringify(state), environment, contentHash],
    );
  }
  const asked = plan([phase('one', [ramp('one', 'cache')])], { name, contentHash: SAME });
  const found = await new RunStore().earlier(database, asked, 'staging');
  return found === null ? null : { ...found, runId: found.runId.slice(name.length + 1) };
}

describe('RunStore.earlier()', () => {
  it.each<[string, readonly Written[], string | null]>([
    ['nothing where nothing ran', [], null],
    ['nothing of another environment', [{ runId: 'a', environment: 'test', outcome: 'succeeded' }], null],
    [
      'the newest success',
      [
        { runId: 'a', outcome: 'succeeded' },
        { runId: 'b', outcome: 'succeeded' },
      ],
      'b',
    ],
    [
      'a success before a later failure',
      [
        { runId: 'a', outcome: 'succeeded' },
        { runId: 'b', outcome: 'failed' },
      ],
      'a',
    ],
    ['a success before one that goes on', [{ runId: 'a', outcome: 'succeeded' }, { runId: 'b' }], 'a'],
    [
      'a standing success before one that is being taken back',
      [
        { runId: 'a', outcome: 'succeeded', rollback: 'completed' },
        { runId: 'b', outcome: 'succeeded', rollback: 'running' },
      ],
      'a',
    ],
    [
      'the newest run of the content',
      [
        { runId: 'a', outcome: 'failed' },
        { runId: 'b', outcome: 'aborted' },
      ],
      'b',
    ],
    [
      'a failure of the content before a success of another',
      [
        { runId: 'a', outcome: 'failed' },
        { runId: 'b', contentHash: OTHER, outcome: 'succeeded' },
      ],
      'a',
    ],
    [
      'the newest of other content where there is nothing else',
      [
        { runId: 'a', contentHash: OTHER, outcome: 'succeeded' },
        { runId: 'b', contentHash: OTHER },
      ],
      'b',
    ],
  ])('finds %s [CO-8]', async (_what, runs, found) => {
    expect((await earlierOf(runs))?.runId ?? null).toBe(found);
  });

  it('says how it went, and whether it is being taken back [CO-8]', async () => {
    expect(await earlierOf([{ runId: 'a', outcome: 'succeeded', rollback: 'running' }])).toEqual({
      runId: 'a',
      contentHash: SAME,
      status: 'finished',
      outcome: 'succeeded',
      isRollingBack: true,
    });
    expect(await earlierOf([{ runId: 'a' }])).toMatchObject({ status: 'running', outcome: null, isRollingBack: false });
  });
});

describe('known()', () => {
  const stateOf = (runId: string, status: 'running' | 'finished', revision = 1) =>
    ({ runId, revision, status, effects: {}, rollbacks: [], flags: {} }) as unknown as RolloutState;

  it('keeps every run that moves, and of those that have ended only the last hundred', () => {
    const store = new RunStore();
    store.remember(stateOf('moving', 'running'));
    store.remember(stateOf('again', 'finished', 1));
    store.remember(stateOf('again', 'running', 2));
    for (let number = 0; number < 150; number += 1) store.remember(stateOf(`ended-${number}`, 'finished'));
    const known = (runId: string) => store.known(runId) !== undefined;
    expect(['moving', 'again', 'ended-50', 'ended-149'].filter(known)).toHaveLength(4);
    expect(['ended-0', 'ended-49'].filter(known)).toEqual([]);
  });
});
