import { createHash } from 'node:crypto';
import { compileConditions } from '@theseus/core/flag';
import { spreadOver, stratumOf, type WaveSelection, type WaveSize, waveCount } from '@theseus/core/wave';
import type { Client } from '../ports/database.ts';
import type { WaveOrder } from '../ports/wave-service.ts';

/** Rows of one look at a cursor. */
const LOOK = 5_000;

interface Candidate extends ChosenSubject {
  readonly stratum: string;
  readonly waveId: number | null;
  /** Why it is not chosen, whatever the numbers; undefined where it may be. */
  readonly excluded: string | undefined;
}

/** Told of the members chosen, batch by batch, in the order of their places. */
export type Keep = (batch: readonly ChosenSubject[]) => Promise<void>;

export interface ChosenSubject {
  readonly key: string;
  readonly attributes: Readonly<Record<string, unknown>> | null;
}

/**
 * Chooses a wave's members: ranked by the hash that also ranks them for flags, spread over strata in proportion, exactly
 * as many as were asked for. Reads the ledger twice, first to count and then to choose, so that it never holds all of it.
 */
export async function chooseMembers(
  client: Client,
  migrationId: number,
  order: WaveOrder,
  keep: Keep,
): Promise<WaveSelection> {
  const available = new Map<string, number>();
  const excluded = new Map<string, number>();
  let seen = 0;
  let remaining = 0;
  let takenBefore = 0;
  const before = await wavesBefore(client, migrationId, order.size);
  await walk(client, migrationId, order, ({ stratum, waveId, excluded: reason }) => {
    seen += 1;
    if (waveId === null) remaining += 1;
    else if (before.has(waveId)) takenBefore += 1;
    if (reason === undefined) available.set(stratum, (available.get(stratum) ?? 0) + 1);
    else excluded.set(reason, (excluded.get(reason) ?? 0) + 1);
  });
  const fit = [...available.values()].reduce((sum, count) => sum + count, 0);
  const wanted = Math.min(fit, waveCount(order.size, { all: seen, remaining, takenBefore }));
  const left = new Map(spreadOver(available, wanted, order.salt));
  const digest = createHash('sha256');
  const strata = new Map<string, number>();
  let total = 0;
  let batch: ChosenSubject[] = [];
  await walk(client, migrationId, order, async ({ key, attributes, stratum, excluded: reason }) => {
    const room = reason === undefined ? (left.get(stratum) ?? 0) : 0;
    if (room === 0) return;
    left.set(stratum, room - 1);
    strata.set(stratum, (strata.get(stratum) ?? 0) + 1);
    digest.update(`${key}\n`);
    total += 1;
    batch.push({ key, attributes });
    if (batch.length < order.batch) return;
    const full = batch;
    batch = [];
    await keep(full);
  });
  if (batch.length > 0) await keep(batch);
  if (fit > total) excluded.set('there is no room for them in this wave', fit - total);
  return {
    total,
    seen,
    strata: order.strata.length === 0 ? {} : Object.fromEntries(strata),
    excluded: Object.fromEntries(excluded),
    digest: `sha256:${digest.digest('hex')}`,
  };
}

async function wavesBefore(client: Client, migrationId: number, size: WaveSize): Promise<ReadonlySet<number>> {
  if (size.kind !== 'remaining' || size.after.length === 0) return new Set();
  const { rows } = await client.query<{ id: number }>(
    'select id from theseus.wave where migration_id = $1 and name = any($2)',
    [migrationId, size.after.map(({ wave }) => wave)],
  );
  return new Set(rows.map(({ id }) => id));
}

async function walk(
  client: Client,
  migrationId: number,
  order: WaveOrder,
  visit: (candidate: Candidate) => Promise<void> | void,
): Promise<void> {
  const matches = compileConditions(order.conditions);
  const cursor = 'theseus_wave_members';
  await client.query(
    `declare ${cursor} no scroll cursor for
     select s.key, s.attributes, l.wave_id from theseus.subject s
     left join theseus.ledger l on l.migration_id = s.migration_id and l.key = s.key
     where s.migration_id = $1 order by s.rank, s.key`,
    [migrationId],
  );
  for (;;) {
    const { rows } = await client.query<SubjectRow>(`fetch ${LOOK} from ${cursor}`);
    for (const row of rows) {
      const visited = visit(candidateOf(row, order, matches));
      if (visited !== undefined) await visited;
    }
    if (rows.length < LOOK) break;
  }
  await client.query(`close ${cursor}`);
}

interface SubjectRow {
  readonly key: string;
  readonly attributes: Readonly<Record<string, unknown>> | null;
  readonly wave_id: number | null;
}

function candidateOf(
  { key, attributes, wave_id }: SubjectRow,
  { strata }: WaveOrder,
  matches: (context: Readonly<Record<string, unknown>>) => boolean,
): Candidate {
  const known = attributes ?? {};
  const stratum = stratumOf(known, strata);
  return { key, attributes, stratum, waveId: wave_id, excluded: exclusion() };

  function exclusion(): string | undefined {
    if (wave_id !== null) return 'in another wave already';
    return matches(known) ? undefined : 'not in the segment';
  }
}
