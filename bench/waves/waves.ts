import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BatchDataMigration, BatchOutcome } from '@theseus/migrate';
import { openWaveSystem, startEmbeddedPostgres, type WaveOrder, type WaveSystem } from '@theseus/server';
import pg from 'pg';
import { exactly, type Figure } from '../support/figure.ts';

const BATCH = 1_000;
const WORKERS = 2;
/** Of the floor's pace. */
const LEAST_SHARE = 1 / 3;
const MOST_MB = 300;
const MOST_DRIFT = 1.5;

interface Options {
  readonly subjects: number;
  readonly progress: (line: string) => void;
}

/** Moving a million subjects with a handler that does next to nothing, and taking all of them back. */
export async function benchWaves({ subjects, progress }: Options): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'theseus-bench-'));
  await chmod(folder, 0o755);
  const postgres = await startEmbeddedPostgres({ folder });
  try {
    const url = postgres.connectionString;
    progress(`the floor: ${subjects} subjects by batched SQL`);
    const floor = await plainLedger(url, subjects);
    const sizes = [...new Set([10_000, 100_000, subjects].filter((size) => size <= subjects))];
    const runs: Run[] = [];
    for (const size of sizes) {
      progress(`${size} subjects`);
      runs.push(await moved(url, size));
    }
    return figuresOf(runs, floor);
  } finally {
    await postgres.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

interface Run {
  readonly size: number;
  readonly selectedMs: number;
  readonly movedMs: number;
  readonly undoneMs: number;
  readonly mostMb: number;
}

function figuresOf(runs: readonly Run[], floorPerSecond: number): readonly Figure[] {
  const last = runs.at(-1);
  const first = runs[0];
  if (last === undefined || first === undefined) throw new Error('nothing was measured');
  const pace = (ms: number, size: number): number => Math.round((size * 1_000) / ms);
  const floor = { name: 'batched SQL with a bare ledger of saved states', measured: exactly(floorPerSecond) };
  const least = {
    text: 'at least a third of that',
    isKept: pace(last.movedMs, last.size) >= floorPerSecond * LEAST_SHARE,
  };
  const cost = (run: Run): number => (run.movedMs * 1_000) / run.size;
  const drift = cost(last) / cost(first);
  return [
    ...runs.map((run) => ({
      name: `subjects checked, saved, migrated and validated, ${run.size} of them`,
      unit: 'subjects/s',
      measured: exactly(pace(run.movedMs, run.size)),
      floor,
      ...(run === last ? { mark: least } : {}),
    })),
    {
      name: `cost of a subject among ${last.size}, against one among ${first.size}`,
      unit: 'times',
      measured: exactly(Number(drift.toFixed(2))),
      mark: { text: `at most ${MOST_DRIFT}`, isKept: drift <= MOST_DRIFT },
    },
    {
      name: `taking in and selecting ${last.size}`,
      unit: 'subjects/s',
      measured: exactly(pace(last.selectedMs, last.size)),
      floor,
    },
    {
      name: `taken back and proven, ${last.size} of them`,
      unit: 'subjects/s',
      measured: exactly(pace(last.undoneMs, last.size)),
      floor,
      mark: {
        text: 'at least a third of that',
        isKept: pace(last.undoneMs, last.size) >= floorPerSecond * LEAST_SHARE,
      },
    },
    {
      name: 'memory of the process with its worker, at most',
      unit: 'MB',
      measured: exactly(Math.round(last.mostMb)),
      mark: { text: `at most ${MOST_MB} MB`, isKept: last.mostMb <= MOST_MB },
    },
  ];
}

/** Data of subjects in memory: one number each, which is migrated by adding one. */
function countingHandler(size: number): BatchDataMigration {
  const data = new Uint8Array(size);
  const at = (key: string): number => Number(key.slice('user-'.length));
  const ok = <Value>(ok: Value): BatchOutcome<Value> => ({ ok });
  return {
    async *subjects() {
      for (let index = 0; index < size; index += 1) yield { key: `user-${index}` };
    },
    saveAll: async (subjects) => subjects.map(({ key }) => ok(data.slice(at(key), at(key) + 1))),
    migrateAll: async (subjects) =>
      subjects.map(({ key }) => {
        data[at(key)] = (data[at(key)] ?? 0) + 1;
        return ok(undefined);
      }),
    validateAll: async (subjects) => subjects.map(({ key }) => ok({ scores: { moved: data[at(key)] ?? 0 } })),
    restoreAll: async (subjects) =>
      subjects.map(({ subject, saved }) => {
        data[at(subject.key)] = (saved as Uint8Array)[0] ?? 0;
        return ok(undefined);
      }),
  };
}

async function moved(url: string, size: number): Promise<Run> {
  const handler = countingHandler(size);
  const system = await openWaveSystem({ databaseUrl: url, handlerOf: () => handler, concurrency: WORKERS });
  const order: WaveOrder = {
    key: { environment: 'bench', migration: `of-${size}`, wave: 'all' },
    runId: 'bench',
    stepId: 'bench',
    flag: null,
    size: { kind: 'all' },
    conditions: [],
    strata: [],
    salt: 'benching',
    handler: { kind: 'module', path: 'bench' },
    source: { kind: 'handler' },
    batch: BATCH,
    concurrency: WORKERS,
    perSecond: null,
    deadlineMs: 30_000,
    attempts: 3,
    bounds: [{ score: 'moved', operator: '>=', bound: 1 }],
    watchMs: 0,
  };
  const memory = watchMemory();
  try {
    const selectedMs = await timed(() => system.waves.select(order, new AbortController().signal));
    system.startWorking();
    const movedMs = await timed(() => carried(system, order, 'open'));
    const undoneMs = await timed(() => carried(system, order, 'undoing'));
    const { byState } = await system.waves.counts('bench', order.key.migration);
    if (byState['rolled-back'] !== size) throw new Error(`of ${size} only ${byState['rolled-back']} were taken back`);
    return { size, selectedMs, movedMs, undoneMs, mostMb: memory.stop() };
  } finally {
    memory.stop();
    await system.close();
  }
}

async function carried(system: WaveSystem, { key }: WaveOrder, permit: 'open' | 'undoing'): Promise<void> {
  await system.permit(key, permit);
  while (!(await system.waves.progress(key))?.isIdle) await delay(50);
}

function watchMemory(): { stop(): number } {
  let most = 0;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage.rss() / 1_048_576);
  };
  const timer = setInterval(look, 50);
  return {
    stop: () => {
      look();
      clearInterval(timer);
      return most;
    },
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begunAt = performance.now();
  await work();
  return performance.now() - begunAt;
}

/** The least that a ledger costs: what each subject was like is stored, then its mark, a thousand at a time. Subjects a second. */
async function plainLedger(url: string, size: number): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  try {
    await pool.query('create table bare (key text primary key, state smallint not null default 0)');
    await pool.query('create table bare_saved (key text primary key, saved bytea not null)');
    await pool.query("insert into bare select 'user-' || n from generate_series(0, $1::integer - 1) n", [size]);
    await pool.query('analyze bare');
    const begunAt = performance.now();
    for (let from = 0; from < size; from += BATCH) {
      const keys = Array.from({ length: Math.min(BATCH, size - from) }, (_, at) => `user-${from + at}`);
      await pool.query('insert into bare_saved select key, saved from unnest($1::text[], $2::bytea[]) u (key, saved)', [
        keys,
        keys.map(() => Buffer.from([0])),
      ]);
      await pool.query('update bare set state = 5 where key = any($1)', [keys]);
    }
    const tookMs = performance.now() - begunAt;
    await pool.query('drop table bare, bare_saved');
    return Math.round((size * 1_000) / tookMs);
  } finally {
    await pool.end();
  }
}
