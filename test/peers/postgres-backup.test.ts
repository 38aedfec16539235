import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BACKUP_PROGRAM, type Plan } from '@theseus/core/plan';
import type { EffectResult } from '@theseus/core/rollout';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parsePlan } from '../../packages/core/src/plan/parse-plan.ts';
import { backupRunner } from '../../packages/server/src/backups/backup-runner.ts';
import { planSecrets } from '../../packages/server/src/secrets/fill-secrets.ts';
import { type DebianPostgres, debianPostgres, POSTGRES_FOLDER } from '../test-support/debian-postgres.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const PASSWORD = 'hunter2';
const PLAN = `plan: move-accounts
title: Move the accounts
cohort: userId
flags: { accounts: {} }
phases:
  - phase: prepare
    steps:
      - backup: accounts
        postgres: \${{ env.THESEUS_PLAN_ACCOUNTS }}
        undo: restore
`;

describe.runIf(POSTGRES_FOLDER !== undefined)("PostgreSQL's own tools", () => {
  let postgres: DebianPostgres;
  let url: string;
  let backups: string;
  let theseus: RunningServer | undefined;

  beforeAll(async () => {
    postgres = await debianPostgres(POSTGRES_FOLDER ?? '', PASSWORD);
    backups = await mkdtemp(join(tmpdir(), 'theseus-backups-'));
  }, 60_000);

  afterEach(async () => {
    await theseus?.stop();
    theseus = undefined;
    vi.unstubAllEnvs();
  });

  afterAll(async () => {
    await postgres?.stop();
    await rm(backups, { recursive: true, force: true });
  });

  async function asked<Row extends pg.QueryResultRow>(text: string): Promise<readonly Row[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  async function given(name: string): Promise<void> {
    url = postgres.url;
    await asked(`create database ${name}`);
    url = url.replace(/postgres$/, name);
    vi.stubEnv('THESEUS_PLAN_ACCOUNTS', url);
    await asked(`create schema "odd name";
      create table "odd name"."Things" (id int primary key, word text);
      insert into "odd name"."Things" select n, md5(n::text) from generate_series(1, 5000) n;
      create table account (id int primary key, token text);
      insert into account select n, 'token ' || n from generate_series(1, 1234) n;
      create view few as select * from account where id < 3;`);
    theseus = await runningServer({ allowRun: true, backups: { folder: backups, toolsFolder: POSTGRES_FOLDER ?? '' } });
  }

  const digest = () =>
    asked("select md5(string_agg(t::text, ',' order by id)) as digest, count(*) as rows from account t");
  const databases = async () =>
    (await asked<{ datname: string }>('select datname from pg_database')).map(({ datname }) => datname);

  async function ran(further = '') {
    if (theseus === undefined) throw new Error('no server');
    const { plan, diagnostics } = parsePlan(PLAN + further, { file: 'plan.yaml' });
    if (plan === null) throw new Error(JSON.stringify(diagnostics));
    return theseus.begin(plan);
  }

  it('dump a database that is written to, prove it by restoring it, and leave no trace [CO-9] [CV-12]', async () => {
    await given('written_to');
    const runId = await ran();
    let next = 10_000;
    await until(async () => {
      next += 1;
      await asked(`insert into account values (${next}, 'later')`);
      return (await theseus?.view(runId))?.outcome !== null;
    });
    const events = (await theseus?.events(runId)) ?? [];
    const finished = events.flatMap((event) => (event.type === 'effect.finished' ? [event.result] : []));
    expect(finished.map(({ outcome, summary }) => `${outcome}: ${summary}`)).toEqual([
      expect.stringMatching(
        /^succeeded: backup accounts: file accounts\.\S+\.dump, \d+ bytes, sha256 \w{64}, 2 tables, \d+ rows$/,
      ),
      expect.stringMatching(/^succeeded: backup accounts: restored into a scratch database and counted, /),
    ]);
    expect(Object.keys(finished[0]?.captures ?? {})).toEqual(['accounts_backup', 'accounts_sha256', 'accounts_bytes']);
    expect(JSON.stringify(events)).not.toContain(PASSWORD);
    expect((await databases()).filter((name) => name.startsWith('theseus_drill'))).toEqual([]);
  });

  async function order(verb: string, ...proof: readonly string[]): Promise<EffectResult> {
    const fillSecrets = planSecrets({ THESEUS_PLAN_ACCOUNTS: url });
    const others = { run: () => Promise.reject(new Error('no other command')) };
    const settings = { folder: backups, toolsFolder: POSTGRES_FOLDER, fillSecrets, now: Date.now };
    const argv = [BACKUP_PROGRAM, verb, 'postgres', 'accounts', '${{ env.THESEUS_PLAN_ACCOUNTS }}', ...proof];
    const request = { kind: 'command', argv, repeatable: true, captures: [] } as const;
    const purpose = { kind: 'step', stepId: 's' } as const;
    const effect = { id: 'e', request, purpose, requestedAt: 0, timeoutMs: null };
    const context = { runId: 'r', plan: {} as Plan, idempotencyKey: 'k', signal: new AbortController().signal };
    // As the executor does with a rejection.
    const failed = (error: unknown): EffectResult => ({ outcome: 'failed', summary: String(error), durationMs: 0 });
    return backupRunner(settings, others).run(effect, context).catch(failed);
  }

  function proofOf({ captures = {} }: EffectResult): readonly [string, string] {
    return [captures['accounts_backup'] ?? '', captures['accounts_sha256'] ?? ''];
  }

  it('undo the step of a plan by putting the database back [CO-9]', async () => {
    await given('undone');
    const before = await digest();
    const runId = await ran('      - wait: 8h\n');
    await until(async () => {
      const events = (await theseus?.events(runId)) ?? [];
      return events.filter(({ type }) => type === 'effect.finished').length === 2;
    });
    await asked("update account set token = 'encrypted'");
    await theseus?.command(runId, { verb: 'rollback', scope: 'plan', overMs: 0 });
    await until(async () => (await theseus?.view(runId))?.outcome !== null);
    expect((await theseus?.view(runId))?.outcome).toBe('rolled-back');
    expect(await digest()).toEqual(before);
  });

  it('put a database back as it was, all of it or nothing [CO-9]', async () => {
    await given('put_back');
    const before = await digest();
    const proof = proofOf(await order('make'));
    await asked(
      "update account set token = 'encrypted'; delete from account where id > 100; alter table account add extra int",
    );
    expect(await digest()).not.toEqual(before);
    expect(await order('restore', proof[0], 'f'.repeat(64))).toMatchObject({ outcome: 'failed' });
    expect(await digest()).not.toEqual(before);
    expect(await order('restore', ...proof)).toMatchObject({
      outcome: 'succeeded',
      summary: expect.stringContaining('put back'),
    });
    expect(await digest()).toEqual(before);
    expect(await order('restore', ...proof)).toMatchObject({ outcome: 'succeeded' });
  });

  it('go on with a drill that was cut off, without what it left', async () => {
    await given('cut_off');
    const proof = proofOf(await order('make'));
    const left = `theseus_drill_${createHash('sha256').update('k').digest('hex').slice(0, 16)}`;
    await asked(`create database ${left}`);
    expect(await order('verify', ...proof)).toMatchObject({ outcome: 'succeeded' });
    expect(await databases()).not.toContain(left);
  });

  it('tell a backup that lacks rows or cannot be read, and drop the scratch database all the same [CV-12]', async () => {
    await given('lacks_rows');
    const proof = proofOf(await order('make'));
    const described = join(backups, `${proof[0]}.json`);
    const text = await readFile(described, 'utf8');
    await writeFile(described, text.replace('"public.account":1234', '"public.account":1235'));
    expect((await order('verify', ...proof)).summary).toContain('public.account has 1234 rows instead of 1235');
    const cut = (await readFile(join(backups, proof[0]))).subarray(0, 5_000);
    await writeFile(join(backups, proof[0]), cut);
    const sha256 = createHash('sha256').update(cut).digest('hex');
    expect((await order('verify', proof[0], sha256)).summary).toContain('pg_restore failed');
    expect((await databases()).filter((name) => name.startsWith('theseus_drill'))).toEqual([]);
  });
});
