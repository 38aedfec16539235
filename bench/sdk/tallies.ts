import { type FlagDocument, SubjectHasher } from '@theseus/core/flag';
import type { TelemetryBatch } from '@theseus/core/health';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import pg from 'pg';
import { type Figure, measuredOf } from '../support/figure.ts';
import { type System, startSystem } from '../support/system.ts';

const USERS = 200_000;
const USERS_OF_PART = 5_000;
const PARTS = 60;
const AT_ONCE = 4;
const READS = 200;
const LONGEST_READ_MS = 20;

const SOURCE: PlanSource = {
  plan: 'tallies',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  flags: { moved: {} },
  phases: [{ phase: 'one', steps: [{ ramp: 'moved', gate: 'standard', through: ['50%'], soak: '1w' }] }],
};

/** How many users a server takes in, and what a look at all of them costs. */
export async function benchTallies(): Promise<readonly Figure[]> {
  const system = await startSystem();
  try {
    const { plan, problems } = planFromSource(SOURCE);
    if (plan === null) throw new Error(JSON.stringify(problems));
    await system.run(plan);
    const { body } = await system.call('GET', '/api/v1/flags');
    const epoch = (body as FlagDocument).flags['moved']?.epoch ?? 0;
    const hasher = new SubjectHasher(plan.salt);
    const subjects = Array.from({ length: USERS }, (_, index) => hasher.hash(`user-${index}`));
    const received = await receive(system, subjects, epoch);
    const floor = await plainUpserts(system.databaseUrl, subjects);
    const reads = await read(system);
    return [
      {
        name: `users whose tallies are taken in, ${AT_ONCE} batches of ${USERS_OF_PART} at once over HTTP`,
        unit: 'users/s',
        measured: measuredOf(received),
        floor: { name: 'plain SQL: the same upsert without sums', measured: measuredOf(floor) },
      },
      {
        name: `a comparison of ${USERS} users over HTTP`,
        unit: 'ms',
        measured: measuredOf(reads),
        mark: {
          text: `in the median under ${LONGEST_READ_MS} ms`,
          isKept: measuredOf(reads).median < LONGEST_READ_MS,
        },
      },
    ];
  } finally {
    await system.stop();
  }
}

function subjectsOf(subjects: readonly number[], part: number): readonly number[] {
  const start = (part * USERS_OF_PART) % subjects.length;
  return subjects.slice(start, start + USERS_OF_PART);
}

async function receive(system: System, subjects: readonly number[], epoch: number): Promise<readonly number[]> {
  const rates: number[] = [];
  const none = { requests: 0, errors: 0, fallbacks: 0, latency: [] };
  for (let part = 0; part < PARTS; part += AT_ONCE) {
    const batches = Array.from({ length: AT_ONCE }, (_, index): TelemetryBatch => {
      const users = subjectsOf(subjects, part + index).flatMap((subject) => [subject, 3, 1, 1, 0]);
      const sequence = part / AT_ONCE + 1;
      const compared = { ...none, requests: sequence, latency: [400, sequence], compared: 'all' } as const;
      return {
        instance: `bench-${index}`,
        service: 'bench',
        sequence,
        servedVersion: 1,
        flags: { moved: { legacy: compared, candidate: none } },
        users: { sequence, flags: { moved: { epoch, level: 0, legacy: users, candidate: [] } } },
      };
    });
    const startedAt = performance.now();
    const answers = await Promise.all(
      batches.map((batch) => system.call('POST', '/api/v1/telemetry', batch, system.sdkToken)),
    );
    if (answers.some(({ status }) => status !== 200)) throw new Error(JSON.stringify(answers));
    rates.push((AT_ONCE * USERS_OF_PART * 1_000) / (performance.now() - startedAt));
  }
  return rates.slice(1);
}

async function plainUpserts(connectionString: string, subjects: readonly number[]): Promise<readonly number[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(
      'create table plain (tally_set bigint, subject bigint, n bigint, primary key (tally_set, subject))',
    );
    const rates: number[] = [];
    for (let part = 0; part < PARTS; part += AT_ONCE) {
      const rows = Array.from({ length: AT_ONCE }, (_, index) => subjectsOf(subjects, part + index)).flat();
      const startedAt = performance.now();
      await client.query(
        `insert into plain select 1, subject, 3 from unnest($1::bigint[]) as new (subject)
         on conflict (tally_set, subject) do update set n = plain.n + excluded.n`,
        [rows],
      );
      rates.push((rows.length * 1_000) / (performance.now() - startedAt));
    }
    return rates.slice(1);
  } finally {
    await client.end();
  }
}

async function read(system: System): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < READS; index += 1) {
    const startedAt = performance.now();
    const { body } = await system.call('GET', '/api/v1/telemetry/comparison/moved');
    times.push(performance.now() - startedAt);
    const { counts } = body as { counts: { legacy: { users: { seen: number } } } | null };
    if (counts?.legacy.users.seen !== USERS) throw new Error(JSON.stringify(body));
  }
  return times;
}
