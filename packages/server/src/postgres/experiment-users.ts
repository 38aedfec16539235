import type { Client, Database } from '../ports/database.ts';

/** Somebody who was told a variant. */
export interface ExposedUser {
  readonly userSet: number;
  readonly subject: number;
  readonly variant: string;
}

/** What somebody has reached since the last time. */
export interface ReachedGoal {
  readonly userSet: number;
  readonly subject: number;
  readonly goal: string;
  readonly reached: number;
  readonly value: number;
}

/** By how much the sums of one variant grew; those of users have no goal. */
export interface VariantGrowth {
  readonly userSet: number;
  readonly variant: string;
  readonly goal: string | null;
  readonly users: number;
  readonly conversions: number;
  readonly value: number;
  readonly squares: number;
}

/**
 * Adds users who were exposed and goals that were reached, whichever came first, and returns by how much each sum grew: one that
 * was reached before its user was known to be exposed counts with the exposure. Each user counts once in one
 * variant, and as reaching a goal once.
 */
export async function addUsers(
  client: Client,
  exposed: readonly ExposedUser[],
  reached: readonly ReachedGoal[],
): Promise<readonly VariantGrowth[]> {
  const grown: GrowthRow[] = [];
  if (exposed.length > 0) {
    const { rows } = await client.query<GrowthRow>(EXPOSE, [
      exposed.map(({ userSet }) => userSet),
      exposed.map(({ subject }) => subject),
      exposed.map(({ variant }) => variant),
    ]);
    grown.push(...rows);
  }
  if (reached.length > 0) {
    const { rows } = await client.query<GrowthRow>(REACH, [
      reached.map(({ userSet }) => userSet),
      reached.map(({ subject }) => subject),
      reached.map(({ goal }) => goal),
      reached.map((each) => each.reached),
      reached.map(({ value }) => value),
    ]);
    grown.push(...rows);
  }
  return grown.map(({ user_set, variant, goal, ...sums }) => ({
    userSet: Number(user_set),
    variant,
    goal,
    users: Number(sums.users),
    conversions: Number(sums.conversions),
    value: Number(sums.value),
    squares: Number(sums.squares),
  }));
}

interface GrowthRow {
  readonly user_set: string;
  readonly variant: string;
  readonly goal: string | null;
  readonly users: string;
  readonly conversions: string;
  readonly value: number;
  readonly squares: number;
}

const EXPOSE = `
  with new as (
    select distinct on (user_set, subject) user_set, subject, variant
    from unnest($1::bigint[], $2::bigint[], $3::text[]) as new (user_set, subject, variant)
    order by user_set, subject
  ), added as (
    insert into theseus.exposed_user (user_set, subject, variant) select user_set, subject, variant from new
    on conflict do nothing returning user_set, subject, variant
  )
  select user_set, variant, null as goal, count(*) as users, 0 as conversions, 0::double precision as value, 0::double precision as squares
  from added group by 1, 2
  union all
  select user_set, variant, goal, 0, count(*), sum(value), sum(value * value)
  from added join theseus.reached_goal using (user_set, subject) group by 1, 2, 3`;

const REACH = `
  with new as (
    select user_set, subject, goal, sum(reached) as reached, sum(value) as value
    from unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::double precision[])
      as new (user_set, subject, goal, reached, value)
    group by 1, 2, 3 order by 1, 2, 3
  ), kept as (
    insert into theseus.reached_goal as known (user_set, subject, goal, reached, value)
    select user_set, subject, goal, reached, value from new
    on conflict (user_set, subject, goal) do update set
      reached = known.reached + excluded.reached, value = known.value + excluded.value
    returning user_set, subject, goal, reached, value
  )
  select user_set, variant, goal, 0 as users, count(*) filter (where kept.reached = new.reached) as conversions,
    sum(new.value) as value, sum(kept.value * kept.value - (kept.value - new.value) * (kept.value - new.value)) as squares
  from kept join new using (user_set, subject, goal) join theseus.exposed_user using (user_set, subject) group by 1, 2, 3`;

const ROWS_AT_ONCE = 50_000;
const ROUNDS = 40;

/** Deletes what users of sets that were replaced have reached, and of flags of which nothing was heard since. */
export async function deleteOldExperiments(database: Database, before: Date): Promise<void> {
  // A few numbers each, and reports of runs that took months want them.
  await database.query("delete from theseus.past_experiment where ended_at < $1::timestamptz - interval '1 year'", [
    before,
  ]);
  await database.query(
    `with silent as (delete from theseus.experiment where at < $1 returning user_set)
     insert into theseus.old_user_set select user_set from silent on conflict do nothing`,
    [before],
  );
  for (const table of ['exposed_user', 'reached_goal'] as const) {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { rowCount } = await database.query(
        `delete from theseus.${table} where ctid in
           (select ctid from theseus.${table} where user_set in (select user_set from theseus.old_user_set) limit $1)`,
        [ROWS_AT_ONCE],
      );
      if ((rowCount ?? 0) < ROWS_AT_ONCE) break;
    }
  }
  await database.query(
    `delete from theseus.old_user_set as old
     where not exists (select from theseus.exposed_user as known where known.user_set = old.user_set)
       and not exists (select from theseus.reached_goal as known where known.user_set = old.user_set)`,
  );
}
