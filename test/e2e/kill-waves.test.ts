import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openWaveSystem, type WaveOrder, type WaveSystem } from '@theseus/server';
import pg from 'pg';
import { expect, it } from 'vitest';
import { testSeed } from '../setup/test-seed.ts';
import { type KillablePostgres, killablePostgres } from '../test-support/killable-postgres.ts';

const SERVER = new URL('../../packages/server/dist/index.js', import.meta.url).href;
const SUBJECTS = 20_000;
const WORKERS = 2;
const KILLS = Number(process.env['THESEUS_WAVE_KILLS'] ?? 8);
const PATIENCE_MS = 240_000;

const ORDER: WaveOrder = {
  key: { environment: 'test', migration: 'accounts', wave: 'all' },
  runId: 'run',
  stepId: 'move/accounts',
  flag: 'accounts',
  size: { kind: 'all' },
  conditions: [],
  strata: [],
  salt: 'kill',
  handler: { kind: 'module', path: 'accounts.ts' },
  source: { kind: 'handler' },
  batch: 250,
  concurrency: 6,
  // Slow enough to be killed amid it again and again.
  perSecond: Math.ceil(SUBJECTS / Math.max(6, KILLS)),
  deadlineMs: 10_000,
  attempts: 50,
  bounds: [{ score: 'moved', operator: '>=', bound: 1 }],
  watchMs: 0,
};

/** A worker of its own process, over a target that cannot tell that it was asked before: each migration counts one up. */
function programOf(url: string): string {
  return `
    const { openWaveSystem } = await import(${JSON.stringify(SERVER)});
    const { default: pg } = await import('pg');
    const { setTimeout: delay } = await import('node:timers/promises');
    const pool = new pg.Pool({ connectionString: ${JSON.stringify(url)}, max: 3, query_timeout: 5000 });
    pool.on('error', () => undefined);
    const keys = (subjects) => subjects.map(({ key }) => key);
    const rowsOf = async (subjects) => {
      const { rows } = await pool.query('select key, value, migrated from target where key = any($1)', [keys(subjects)]);
      const known = new Map(rows.map((row) => [row.key, row]));
      return subjects.map(({ key }) => known.get(key));
    };
    const handler = {
      saveAll: async (subjects) => (await rowsOf(subjects)).map(({ value, migrated }) => ({ ok: { value, migrated } })),
      migrateAll: async (subjects) => {
        // In two steps, so that a kill in between leaves half of a batch done.
        const half = subjects.length >> 1;
        for (const some of [subjects.slice(0, half), subjects.slice(half)]) {
          await pool.query("update target set migrated = migrated + 1, value = replace(value, 'old', 'new') where key = any($1)", [keys(some)]);
        }
        return subjects.map(() => ({ ok: undefined }));
      },
      validateAll: async (subjects) => (await rowsOf(subjects)).map(({ value }) => ({ ok: { scores: { moved: value.startsWith('new') ? 1 : 0 } } })),
      restoreAll: async (given) => {
        await pool.query(
          'update target t set value = u.value, migrated = u.migrated from unnest($1::text[], $2::text[], $3::int[]) u (key, value, migrated) where t.key = u.key',
          [given.map(({ subject }) => subject.key), given.map(({ saved }) => saved.value), given.map(({ saved }) => saved.migrated)],
        );
        return given.map(() => ({ ok: undefined }));
      },
    };
    for (;;) {
      try {
        const system = await openWaveSystem({ databaseUrl: ${JSON.stringify(url)}, handlerOf: () => handler, concurrency: 2, claimMs: 2000 });
        system.startWorking();
        break;
      } catch {
        await delay(200);
      }
    }`;
}

/** Workers that are there again as soon as they were killed. */
class Workers {
  readonly #children = new Set<ChildProcess>();
  readonly #program: string;
  #isOver = false;

  constructor(url: string) {
    this.#program = programOf(url);
    for (let at = 0; at < WORKERS; at += 1) this.#start();
  }

  kill(random: number): void {
    const all = [...this.#children];
    all[Math.floor(random * all.length)]?.kill('SIGKILL');
  }

  end(): void {
    this.#isOver = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #start(): void {
    const child = spawn(process.execPath, ['--input-type=module', '-e', this.#program], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#children.add(child);
    child.once('exit', () => {
      this.#children.delete(child);
      if (!this.#isOver) this.#start();
    });
  }
}

function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A question whose database may just be away. */
async function patiently<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tries > 100) throw error;
      await delay(200);
    }
  }
}

interface Scene {
  readonly system: WaveSystem;
  readonly workers: Workers;
  readonly postgres: KillablePostgres;
  readonly random: () => number;
}

/** Kills workers, and now and then the whole PostgreSQL, until the wave has nothing left to do; how often. */
async function underFire({ system, workers, postgres, random }: Scene, kills: number): Promise<number> {
  let killed = 0;
  const until = Date.now() + PATIENCE_MS;
  while (Date.now() < until) {
    await delay(150 + random() * 900);
    const progress = await patiently(() => system.waves.progress(ORDER.key));
    if (progress?.isIdle) return killed;
    if (killed >= kills) continue;
    killed += 1;
    if (random() < 0.25) await postgres.kill();
    else workers.kill(random());
  }
  throw new Error(`the wave has not ended: ${JSON.stringify(await system.waves.progress(ORDER.key))}`);
}

async function fingerprint(pool: pg.Pool): Promise<unknown> {
  const { rows } = await patiently(() =>
    pool.query(
      "select count(*)::int as count, sum(migrated)::int as migrated, md5(string_agg(key || value || migrated, ',' order by key)) as all from target",
    ),
  );
  return rows[0];
}

it(`a wave of ${SUBJECTS} subjects whose workers and PostgreSQL are killed ${KILLS} times skips nobody, migrates nobody twice, and is taken back byte for byte [PX-8] [ALL-7] [ALL-3]`, async () => {
  const seed = testSeed(process.env);
  const random = numbersFrom(seed);
  const postgres = await killablePostgres();
  const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
  pool.on('error', () => undefined);
  let workers: Workers | undefined;
  let system: WaveSystem | undefined;
  try {
    await pool.query(
      'create table target (key text primary key, value text not null, migrated integer not null default 0)',
    );
    await pool.query(
      "insert into target select 'user-' || n, 'old ' || md5(n::text) from generate_series(1, $1::int) n",
      [SUBJECTS],
    );
    const before = await fingerprint(pool);
    async function* subjects() {
      for (let at = 1; at <= SUBJECTS; at += 1) yield { key: `user-${at}` };
    }
    const nobody = () => Promise.reject(new Error('this process does not work'));
    const handler = { subjects, saveAll: nobody, migrateAll: nobody, restoreAll: nobody };
    system = await openWaveSystem({ databaseUrl: postgres.url, handlerOf: () => handler });
    expect(await system.waves.select(ORDER, new AbortController().signal)).toMatchObject({ total: SUBJECTS });
    workers = new Workers(postgres.url);
    const scene = { system, workers, postgres, random };
    await system.permit(ORDER.key, 'open');
    expect(await underFire(scene, KILLS), `seed ${seed}`).toBeGreaterThan(KILLS / 2);
    const { byState } = await patiently(() => scene.system.waves.counts('test', 'accounts'));
    expect(byState, `seed ${seed}`).toMatchObject({ done: SUBJECTS, failed: 0, saved: 0, pending: 0 });
    expect((await patiently(() => scene.system.waves.progress(ORDER.key)))?.counts.byState).toEqual(byState);
    expect(await fingerprint(pool), `seed ${seed}`).toMatchObject({ count: SUBJECTS, migrated: SUBJECTS });
    await patiently(() => scene.system.permit(ORDER.key, 'undoing'));
    await underFire(scene, Math.ceil(KILLS / 2));
    expect((await patiently(() => scene.system.waves.counts('test', 'accounts'))).byState).toMatchObject({
      'rolled-back': SUBJECTS,
    });
    expect(await fingerprint(pool), `seed ${seed}`).toEqual(before);
  } finally {
    workers?.end();
    await system?.close();
    await pool.end();
    await postgres.close();
  }
}, 600_000);
