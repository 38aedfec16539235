import { isSampled } from '@theseus/core/flag';
import { type FlagUsers, NO_USERS, USER_FIELDS, type UserCounts, type UserSums } from '@theseus/core/health';
import type { Client, Database } from '../ports/database.ts';

/** What is to be added to the tallies of one flag. */
export interface TallyGrowth {
  readonly tallySet: number;
  /** Subjects outside this sample are left out. */
  readonly level: number;
  readonly reports: readonly FlagUsers[];
}

export interface SumsByArm {
  readonly legacy: UserSums;
  readonly candidate: UserSums;
}

interface Tally {
  readonly tallySet: number;
  readonly subject: number;
  n: number;
  e: number;
  s: number;
  t: number;
  /** The reports up to the first with an error: so often is a subject at risk who had not failed before. */
  risk: number;
}

/**
 * Adds what users did to their tallies, and returns by set how the sums over all users grew by that. One statement, whatever the
 * number of users: the row after the change and the change itself tell the row before, and so the growth of every sum.
 */
export async function addTallies(
  client: Client,
  growths: readonly TallyGrowth[],
): Promise<ReadonlyMap<number, SumsByArm>> {
  const tallies = growths.flatMap(talliesOf);
  if (tallies.length === 0) return new Map();
  const { rows } = await client.query<SumsRow>(ADD, [
    tallies.map(({ tallySet }) => tallySet),
    tallies.map(({ subject }) => subject),
    tallies.map(({ n }) => n),
    tallies.map(({ e }) => e),
    tallies.map(({ s }) => s),
    tallies.map(({ t }) => t),
    tallies.map(({ risk }) => risk),
  ]);
  const sums = new Map<number, SumsByArm>();
  for (const { tally_set: tallySet, is_candidate: isCandidate, ...row } of rows) {
    const before = sums.get(Number(tallySet)) ?? { legacy: NO_USERS, candidate: NO_USERS };
    sums.set(Number(tallySet), { ...before, [isCandidate ? 'candidate' : 'legacy']: sumsOf(row) });
  }
  return sums;
}

type SumsRow = { readonly tally_set: string; readonly is_candidate: boolean } & Readonly<
  Record<keyof UserSums, string>
>;

const SUMS = Object.keys(NO_USERS) as readonly (keyof UserSums)[];

function sumsOf(row: Readonly<Record<keyof UserSums, string>>): UserSums {
  return Object.fromEntries(SUMS.map((name) => [name, Number(row[name])])) as unknown as UserSums;
}

/** The sum over users of a product after the change, less the same before it. */
const grown = (a: string, b: string, name: string): string =>
  `sum(new.${a}::numeric * kept.${b} + kept.${a}::numeric * new.${b} - new.${a}::numeric * new.${b}) as "${name}"`;

const ADD = `
  with new as (
    select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
      as new (tally_set, subject, n, e, s, t, risk)
  ), kept as (
    insert into theseus.tally as tally (tally_set, subject, n, e, s, t)
    select tally_set, subject, n, e, s, t from new
    on conflict (tally_set, subject) do update set
      n = tally.n + excluded.n, e = tally.e + excluded.e, s = tally.s + excluded.s, t = tally.t + excluded.t
    returning tally_set, subject, n, e, s, t
  )
  select tally_set, subject < 0 as is_candidate,
    count(*) filter (where kept.n = new.n) as seen,
    count(*) filter (where kept.e > 0 and kept.e = new.e) as failed,
    coalesce(sum(new.risk) filter (where kept.e = new.e), 0) as "atRisk",
    sum(new.n) as n, sum(new.e) as e, sum(new.s) as s, sum(new.t) as t,
    ${grown('n', 'n', 'nn')}, ${grown('e', 'e', 'ee')}, ${grown('n', 'e', 'ne')},
    ${grown('s', 's', 'ss')}, ${grown('n', 's', 'ns')}, ${grown('t', 't', 'tt')}, ${grown('n', 't', 'nt')}
  from new join kept using (tally_set, subject) group by 1, 2`;

function talliesOf({ tallySet, level, reports }: TallyGrowth): Tally[] {
  const tallies = new Map<number, Tally>();
  for (const { legacy, candidate } of reports) {
    addCounts(tallies, tallySet, legacy, (subject) => (isSampled(subject, level) ? subject : null));
    addCounts(tallies, tallySet, candidate, (subject) => (isSampled(subject, level) ? -1 - subject : null));
  }
  return [...tallies.values()];
}

function addCounts(
  tallies: Map<number, Tally>,
  tallySet: number,
  counts: UserCounts,
  placeOf: (subject: number) => number | null,
): void {
  for (let at = 0; at < counts.length; at += USER_FIELDS) {
    const [who = 0, n = 0, e = 0, s = 0, t = 0] = counts.slice(at, at + USER_FIELDS);
    const subject = placeOf(who);
    // Whoever was only told an arm made no request that could be compared.
    if (subject === null || n === 0) continue;
    const tally = tallies.get(subject);
    if (tally === undefined) {
      tallies.set(subject, { tallySet, subject, n, e, s, t, risk: 1 });
      continue;
    }
    if (tally.e === 0) tally.risk += 1;
    tally.n += n;
    tally.e += e;
    tally.s += s;
    tally.t += t;
  }
}

const TALLIES_AT_ONCE = 50_000;
const ROUNDS = 40;

/** Deletes the tallies of sets that were replaced, and of flags of which nothing was heard since. */
export async function deleteOldTallies(database: Database, before: Date): Promise<void> {
  await database.query(
    `with silent as (
       select environment, flag, tally_set from theseus.comparison where at < $1 and tally_set is not null for update
     ), retired as (insert into theseus.old_tally_set select tally_set from silent)
     update theseus.comparison as kept set tally_set = null from silent
     where kept.environment = silent.environment and kept.flag = silent.flag`,
    [before],
  );
  for (let round = 0; round < ROUNDS; round += 1) {
    const { rowCount } = await database.query(
      `delete from theseus.tally where (tally_set, subject) in
         (select tally_set, subject from theseus.tally where tally_set in (select tally_set from theseus.old_tally_set) limit $1)`,
      [TALLIES_AT_ONCE],
    );
    if ((rowCount ?? 0) < TALLIES_AT_ONCE) break;
  }
  await database.query(
    `delete from theseus.old_tally_set as old where not exists
       (select from theseus.tally where tally.tally_set = old.tally_set)`,
  );
}
