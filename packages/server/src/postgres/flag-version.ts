import type { Client } from '../ports/database.ts';

export const FLAGS_CHANNEL = 'theseus_flags';

/** Holds the counter of versions until the transaction ends. */
export async function lockVersion(client: Client): Promise<void> {
  await client.query('select version from theseus.flag_version for update');
}

/** One counter for all environments: a version names one state of one environment and is never used again. */
export async function nextVersion(client: Client, environment: string): Promise<number> {
  const { rows } = await client.query<{ version: string }>(
    `with next as (update theseus.flag_version set version = version + 1 returning version)
     insert into theseus.environment (name, version) select $1, version from next
     on conflict (name) do update set version = excluded.version returning version`,
    [environment],
  );
  return Number(rows[0]?.version ?? 0);
}
