import { CONTROL, type FlagDefinition, splitOf as flagSplit, isSampled } from '@theseus/core/flag';
import { type FlagGoals, type FlagUsers, GOAL_FIELDS, USER_FIELDS, type UserCounts } from '@theseus/core/health';
import type { Client } from '../ports/database.ts';
import { type Shares, sharesOf } from './experiment-shares.ts';
import { addUsers, type ExposedUser, type ReachedGoal, type VariantGrowth } from './experiment-users.ts';
import type { NewPart } from './user-parts.ts';

/** What users of one variant have reached: sums over users since the split last changed. */
export interface VariantRow {
  readonly users: number;
  readonly goals: Readonly<Record<string, GoalRow>>;
}

export interface GoalRow {
  readonly conversions: number;
  readonly value: number;
  readonly squares: number;
}

export interface ExperimentRow {
  readonly environment: string;
  readonly flag: string;
  readonly split: string;
  readonly level: number;
  readonly user_set: string;
  readonly variants: Readonly<Record<string, VariantRow>>;
  /** Null where it had moved on before anybody reported, and so for the two below. */
  readonly run_id: string | null;
  readonly exposure: number | null;
  readonly shares: Shares | null;
}

/** A flag that measures goals, and what is new of its users. */
interface Addition {
  readonly environment: string;
  readonly flag: string;
  /** The goals that its plan names: others are nobody's. */
  readonly named: ReadonlySet<string>;
  readonly reports: readonly FlagUsers[];
  readonly goals: readonly FlagGoals[];
}

/**
 * Adds what is new in these parts to the experiments it belongs to. Parts are taken once, and this runs in the
 * transaction that takes them, so nothing is lost or counted twice.
 */
export async function addToExperiments(client: Client, parts: readonly NewPart[]): Promise<void> {
  const additions = await additionsOf(client, parts);
  if (additions.length === 0) return;
  const moved = await lockRows(client, additions);
  const grown = await addUsers(client, moved.flatMap(exposedBy), moved.flatMap(reachedBy));
  await saveRows(client, moved, grown);
}

interface Heard {
  readonly environment: string;
  readonly flag: string;
  readonly reports: FlagUsers[];
  readonly goals: FlagGoals[];
}

async function additionsOf(client: Client, parts: readonly NewPart[]): Promise<readonly Addition[]> {
  const heard = new Map<string, Heard>();
  const at = (environment: string, flag: string): Heard => {
    const known = heard.get(`${environment} ${flag}`) ?? { environment, flag, reports: [], goals: [] };
    heard.set(`${environment} ${flag}`, known);
    return known;
  };
  for (const { environment, flags, goals } of parts) {
    for (const [flag, users] of Object.entries(flags)) at(environment, flag).reports.push(users);
    for (const [flag, reached] of Object.entries(goals)) at(environment, flag).goals.push(reached);
  }
  if (heard.size === 0) return [];
  const { rows } = await client.query<MeasuredRow>(
    `select flag.environment, flag.key, flag.definition -> 'goals' as goals, environment.version
     from theseus.flag join theseus.environment on environment.name = flag.environment
     where (flag.environment, flag.key) in (select * from unnest($1::text[], $2::text[]))
       and flag.definition -> 'goals' is not null
     order by flag.environment, flag.key`,
    [[...heard.values()].map(({ environment }) => environment), [...heard.values()].map(({ flag }) => flag)],
  );
  return rows.flatMap(({ environment, key, goals, version }) => {
    const { reports, goals: reached } = at(environment, key);
    // A split is a version that was served: what claims to be of a later one is made up.
    const isCredible = (of: Split): boolean => splitOf(of) <= Number(version);
    const credible = { reports: reports.filter(isCredible), goals: reached.filter(isCredible) };
    if (credible.reports.length + credible.goals.length === 0) return [];
    return [{ environment, flag: key, named: new Set(goals), ...credible }];
  });
}

type Split = FlagUsers | FlagGoals;

function splitOf(of: Split): number {
  return 'goals' in of ? of.split : (of.split ?? of.epoch);
}

interface MeasuredRow {
  readonly environment: string;
  readonly key: string;
  readonly goals: readonly string[];
  readonly version: string;
}

/** An experiment at the newest split and thinnest sample of that split, with what belongs to it. */
interface Moved extends Addition, Begun {
  readonly split: number;
  readonly level: number;
  readonly userSet: number;
  readonly variants: Readonly<Record<string, VariantRow>>;
}

/** What the split was when it began. */
type Begun = Pick<ExperimentRow, 'run_id' | 'exposure' | 'shares'>;

async function lockRows(client: Client, additions: readonly Addition[]): Promise<readonly Moved[]> {
  const places = [additions.map(({ environment }) => environment), additions.map(({ flag }) => flag)];
  await client.query(
    `insert into theseus.experiment (environment, flag, split, level, user_set, variants)
     select environment, flag, 0, 0, nextval('theseus.user_set'), '{}'
     from unnest($1::text[], $2::text[]) as new (environment, flag) on conflict do nothing`,
    places,
  );
  const { rows } = await client.query<ExperimentRow>(
    `select environment, flag, split, level, user_set, variants, run_id, exposure, shares from theseus.experiment
     where (environment, flag) in (select * from unnest($1::text[], $2::text[]))
     order by environment, flag for update`,
    places,
  );
  const known = new Map(rows.map((row) => [`${row.environment} ${row.flag}`, row]));
  const moved: Moved[] = [];
  for (const addition of additions) {
    const row = known.get(`${addition.environment} ${addition.flag}`);
    if (row !== undefined) moved.push(await movedBy(client, row, addition));
  }
  return moved;
}

/** Users begin anew where the split moved on, or where the sample grew thinner: whoever is in it is counted without a gap. */
async function movedBy(client: Client, row: ExperimentRow, addition: Addition): Promise<Moved> {
  const known = Number(row.split);
  const split = Math.max(known, ...[...addition.reports, ...addition.goals].map(splitOf));
  const reports = addition.reports.filter((report) => splitOf(report) === split);
  const goals = addition.goals.filter((reached) => splitOf(reached) === split);
  const levelBefore = split === known ? row.level : 0;
  const level = Math.max(levelBefore, ...reports.map((report) => report.level));
  const isAnew = split > known || level > row.level;
  const userSet = isAnew ? await replaceSet(client, Number(row.user_set)) : Number(row.user_set);
  const { run_id, exposure, shares } = row;
  const begun = split > known ? await beginSplit(client, row, split) : { run_id, exposure, shares };
  return { ...addition, ...begun, reports, goals, split, level, userSet, variants: isAnew ? {} : row.variants };
}

/** Keeps what the split before has led to, for reports of its run, and notes what the new one is. */
async function beginSplit(client: Client, { environment, flag }: ExperimentRow, split: number): Promise<Begun> {
  await client.query(
    `insert into theseus.past_experiment (environment, flag, split, run_id, exposure, shares, variants, ended_at)
     select environment, flag, split, run_id, exposure, shares, variants, at from theseus.experiment
     where environment = $1 and flag = $2 and shares is not null on conflict do nothing`,
    [environment, flag],
  );
  const { rows } = await client.query<{ key: string; run_id: string; definition: FlagDefinition }>(
    'select key, run_id, definition from theseus.flag where environment = $1',
    [environment],
  );
  const now = flagSplit(Object.fromEntries(rows.map(({ key, definition }) => [key, definition])), flag);
  const own = rows.find(({ key }) => key === flag);
  if (own === undefined || now === null || now.since !== split) return { run_id: null, exposure: null, shares: null };
  const { definition, run_id } = own;
  return { run_id, exposure: definition.exposure, shares: sharesOf(definition, now.odds) };
}

async function replaceSet(client: Client, replaced: number): Promise<number> {
  await client.query('insert into theseus.old_user_set values ($1) on conflict do nothing', [replaced]);
  const { rows } = await client.query<{ user_set: string }>(`select nextval('theseus.user_set') as user_set`);
  return Number(rows[0]?.user_set);
}

function exposedBy({ userSet, level, reports }: Moved): readonly ExposedUser[] {
  return reports.flatMap(({ legacy, candidate, variants }) => {
    const names = variants?.flatMap(([name, users]) => new Array<string>(users).fill(name));
    const told = [
      ...subjectsOf(legacy, USER_FIELDS).map((subject) => ({ userSet, subject, variant: CONTROL })),
      ...subjectsOf(candidate, USER_FIELDS).map((subject, at) => ({
        userSet,
        subject,
        variant: names === undefined ? 'candidate' : (names[at] ?? CONTROL),
      })),
    ];
    return told.filter(({ subject }) => isSampled(subject, level));
  });
}

function subjectsOf(counts: UserCounts, fields: number): readonly number[] {
  return counts.filter((_, at) => at % fields === 0);
}

function reachedBy({ userSet, level, goals, named }: Moved): readonly ReachedGoal[] {
  return goals.flatMap((of) =>
    Object.entries(of.goals).flatMap(([goal, counts]) => {
      if (!named.has(goal)) return [];
      const reached = subjectsOf(counts, GOAL_FIELDS).map((subject, at) => {
        const [count = 0, value = 0] = counts.slice(at * GOAL_FIELDS + 1, (at + 1) * GOAL_FIELDS);
        return { userSet, subject, goal, reached: count, value };
      });
      return reached.filter(({ subject }) => isSampled(subject, level));
    }),
  );
}

async function saveRows(client: Client, moved: readonly Moved[], grown: readonly VariantGrowth[]): Promise<void> {
  await client.query(
    `update theseus.experiment as known set at = now(), split = new.split, level = new.level,
       user_set = new.user_set, variants = new.variants,
       run_id = new.run_id, exposure = new.exposure, shares = new.shares
     from unnest($1::text[], $2::text[], $3::bigint[], $4::integer[], $5::bigint[], $6::json[],
         $7::text[], $8::integer[], $9::json[])
       as new (environment, flag, split, level, user_set, variants, run_id, exposure, shares)
     where known.environment = new.environment and known.flag = new.flag`,
    [
      moved.map(({ environment }) => environment),
      moved.map(({ flag }) => flag),
      moved.map(({ split }) => split),
      moved.map(({ level }) => level),
      moved.map(({ userSet }) => userSet),
      moved.map(({ userSet, variants }) =>
        JSON.stringify(grown.filter((growth) => growth.userSet === userSet).reduce(withGrowth, variants)),
      ),
      moved.map(({ run_id }) => run_id),
      moved.map(({ exposure }) => exposure),
      moved.map(({ shares }) => (shares === null ? null : JSON.stringify(shares))),
    ],
  );
}

const NO_VARIANT_ROW: VariantRow = { users: 0, goals: {} };
const NO_GOAL_ROW: GoalRow = { conversions: 0, value: 0, squares: 0 };

function withGrowth(
  variants: Readonly<Record<string, VariantRow>>,
  { variant, goal, users, conversions, value, squares }: VariantGrowth,
): Readonly<Record<string, VariantRow>> {
  const before = variants[variant] ?? NO_VARIANT_ROW;
  const grown = { ...before, users: before.users + users };
  if (goal === null) return { ...variants, [variant]: grown };
  const known = before.goals[goal] ?? NO_GOAL_ROW;
  const sums = {
    conversions: known.conversions + conversions,
    value: known.value + value,
    squares: known.squares + squares,
  };
  return { ...variants, [variant]: { ...grown, goals: { ...before.goals, [goal]: sums } } };
}
