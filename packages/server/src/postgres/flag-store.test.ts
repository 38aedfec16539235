import { compileFlags, type FlagDocument, type FlagPatch } from '@theseus/core/flag';
import type { Plan } from '@theseus/core/plan';
import type { RolloutState } from '@theseus/core/rollout';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../../core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { RunEngine } from '../engine/run-engine.ts';
import { migrateJobs } from '../graphile-worker/job-worker.ts';
import type { Database } from '../ports/database.ts';
import { migrate, openDatabase } from './database.ts';
import { FlagStore } from './flag-store.ts';
import { RunStore } from './run-store.ts';

const ana = { kind: 'person', name: 'ana' } as const;

let postgres: TestDatabase;
let database: Database;
let flags: FlagStore;
let engine: RunEngine;
let number = 0;
/** Names of this test alone. */
let flag = '';
let staging = '';
let production = '';

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
  number += 1;
  flag = `cache-${number}`;
  staging = `staging-${number}`;
  production = `production-${number}`;
});

const moving = (environment: string, changes: Partial<Plan> = {}): Plan =>
  plan([phase('one', [ramp('one', flag)])], { environment, ...changes });

const start = (runId: string, checked: Plan) =>
  engine.start({ runId, plan: checked, planHash: 'sha256:test', actor: ana, reason: 'test' });

const promote = (runId: string) =>
  engine.handle(runId, { kind: 'command', command: { verb: { verb: 'promote' }, actor: ana, reason: 'test' } });

describe('FlagStore', () => {
  it('has one flag of a key in each environment, and none where nobody knows it [CO-8]', async () => {
    await start(`${staging}-run`, moving(staging));
    await start(`${production}-run`, moving(production));
    await promote(`${staging}-run`);
    await flags.refresh();
    const exposure = (environment: string) => flags.document(environment).flags[flag]?.exposure;
    expect([exposure(staging), exposure(production)]).toEqual([50_000, 10_000]);
    expect(flags.document('nobody-knows-it')).toMatchObject({ version: 0, flags: {}, segments: {} });
  });

  it('refuses a flag that another unfinished run owns in the same environment only [CO-8]', async () => {
    await start(`${staging}-run`, moving(staging));
    await expect(start(`${staging}-again`, moving(staging))).rejects.toMatchObject({ code: 'conflict' });
    await start(`${production}-run`, moving(production));
  });

  it('chains the patches of each environment without a gap while versions are shared [CO-8]', async () => {
    const known = new Map<string, ReturnType<typeof compileFlags>>();
    const seen: { environment: string; patch: FlagPatch | null; document: FlagDocument }[] = [];
    flags.onChange((document, patch, environment) => void seen.push({ environment, patch, document }));
    await flags.refresh();
    for (const environment of [staging, production]) {
      await start(`${environment}-run`, moving(environment));
      await flags.refresh();
      known.set(environment, compileFlags(flags.document(environment)));
    }
    seen.length = 0;
    for (const environment of [production, staging, production]) {
      await promote(`${environment}-run`);
      await flags.refresh();
    }
    expect(seen.map(({ environment }) => environment)).toEqual([production, staging, production]);
    for (const { environment, patch, document } of seen) {
      expect(patch?.from).toBe(known.get(environment)?.version);
      expect(patch?.version).toBe(document.version);
      known.set(environment, compileFlags(document));
    }
    const versions = seen.map(({ document }) => document.version);
    expect(versions).toEqual([...new Set(versions)].sort((left, right) => left - right));
  });

  it('tells several environments that moved since it last looked, each from where it stood [CO-8]', async () => {
    for (const environment of [staging, production]) await start(`${environment}-run`, moving(environment));
    await flags.refresh();
    const before = { [staging]: flags.document(staging).version, [production]: flags.document(production).version };
    const from: Record<string, number | undefined> = {};
    flags.onChange((_document, patch, environment) => {
      from[environment] = patch?.from;
    });
    const elsewhere = new RunEngine({
      database,
      runs: new RunStore(),
      flags: new FlagStore(database),
      clock: Date.now,
    });
    const command = { verb: { verb: 'promote' }, actor: ana, reason: 'test' } as const;
    for (const environment of [production, staging])
      await elsewhere.handle(`${environment}-run`, { kind: 'command', command });
    await flags.refresh();
    expect(from).toEqual(before);
  });

  it('keeps segments of one name apart [CO-8]', async () => {
    const internal = (values: readonly string[]) => ({
      segments: { internal: { key: 'internal', conditions: [{ attribute: 'team', operator: 'in', values } as const] } },
      flags: {
        [flag]: {
          key: flag,
          risk: null,
          requires: [],
          fallback: true,
          overrides: { candidate: [], legacy: [] },
          rules: [{ segment: 'internal', exposure: 100_000 }],
        },
      },
    });
    await start(`${staging}-run`, moving(staging, internal(['platform'])));
    await start(`${production}-run`, moving(production, internal(['support'])));
    const fresh = new FlagStore(database);
    await fresh.refresh();
    const reasons = (environment: string) =>
      ['platform', 'support'].map(
        (team) => compileFlags(fresh.document(environment)).evaluate(flag, { userId: 'ada', team }).reason,
      );
    expect(reasons(staging)).toEqual(['SEGMENT', 'SPLIT']);
    expect(reasons(production)).toEqual(['SPLIT', 'SEGMENT']);
  });

  it('begins an epoch whenever it changes who takes which arm, and only then', async () => {
    const conditions = [{ attribute: 'team', operator: 'in', values: ['support'] }] as const;
    const withTeam = (more: Partial<Plan['flags'][string]>, values: readonly string[] = ['support']): Plan => {
      const checked = moving(staging, {
        segments: { team: { key: 'team', conditions: [{ ...conditions[0], values }] } },
      });
      const rules = [{ segment: 'team', exposure: 100_000 }];
      return { ...checked, flags: { [flag]: { ...(checked.flags[flag] as Plan['flags'][string]), rules, ...more } } };
    };
    const runId = `${staging}-run`;
    await start(runId, withTeam({}));
    const seen: (number | undefined)[] = [];
    const look = async () => {
      await flags.refresh();
      const { epoch, key } = flags.document(staging).flags[flag] ?? {};
      expect(key).toBe(flag);
      seen.push(epoch);
    };
    const redefine = (checked: Plan) =>
      database.transaction(async (client) => {
        const { rows } = await client.query<{ state: RolloutState }>(
          'select state from theseus.run where run_id = $1',
          [runId],
        );
        await flags.redefine(client, { ...(rows[0]?.state as RolloutState), plan: checked });
      });
    await look();
    await redefine(withTeam({ fallback: false, strata: ['team'] }));
    await look();
    await redefine(withTeam({}, ['support', 'sales']));
    await look();
    await promote(runId);
    await look();
    expect(seen.map((epoch, index) => index === 0 || epoch !== seen[index - 1])).toEqual([true, false, true, true]);
    expect(seen.at(-1)).toBe(flags.document(staging).version);
  });
});
