import type { FlagDefinition } from '@theseus/core/flag';
import type { Queryable } from '../ports/database.ts';

/** A stored flag, the run it belongs to, and whether the newest run of that plan still has it. */
export interface OwnedFlag {
  readonly environment: string;
  readonly key: string;
  readonly version: number;
  readonly definition: FlagDefinition;
  readonly runId: string;
  readonly isPlanned: boolean;
}

interface OwnedFlagRow {
  readonly environment: string;
  readonly key: string;
  readonly version: string;
  readonly definition: FlagDefinition;
  readonly run_id: string;
  readonly is_planned: boolean;
}

/** The flags of one environment, or of all where none is named. */
export async function flagOwners(queryable: Queryable, environment: string | undefined): Promise<readonly OwnedFlag[]> {
  const { rows } = await queryable.query<OwnedFlagRow>(OWNERS, [environment ?? null]);
  return rows.map(({ version, run_id: runId, is_planned: isPlanned, ...flag }) => ({
    ...flag,
    version: Number(version),
    runId,
    isPlanned,
  }));
}

const OWNERS = `
  select flag.environment, flag.key, flag.version, flag.definition, flag.run_id,
    (select newest.plan #> array['flags', flag.key] is not null from theseus.run as newest
     where newest.plan_name = run.plan_name and newest.environment = run.environment
     order by newest.number desc limit 1) as is_planned
  from theseus.flag join theseus.run on run.run_id = flag.run_id
  where $1::text is null or flag.environment = $1
  order by flag.environment, flag.key`;
