import type { Database } from '../ports/database.ts';

/** A run this server may drive until the lease runs out. Writes of a driver carry the epoch and are refused under another. */
export interface Lease {
  readonly runId: string;
  readonly epoch: number;
  /** Of the run as it is stored: whoever knows an older one has missed something. */
  readonly revision: number;
}

/** Who drives which run. One driver per run; a dead one's runs are taken over when its lease has run out. */
export class LeaseStore {
  readonly #database: Database;
  readonly #serverId: string;
  readonly #leaseMs: number;

  constructor(database: Database, serverId: string, leaseMs: number) {
    this.#database = database;
    this.#serverId = serverId;
    this.#leaseMs = leaseMs;
  }

  /** Renews what is held and takes over what nobody holds. Times are the database's, so that clocks need not agree. */
  async hold(): Promise<readonly Lease[]> {
    const { rows } = await this.#database.query<{ run_id: string; lease_epoch: string; revision: number }>(HOLD, [
      this.#serverId,
      this.#leaseMs / 1000,
    ]);
    return rows.map(({ run_id, lease_epoch, revision }) => ({
      runId: run_id,
      epoch: Number(lease_epoch),
      revision,
    }));
  }

  async release(): Promise<void> {
    await this.#database.query(
      'update theseus.run set lease_holder = null, lease_until = null, lease_epoch = lease_epoch + 1 where lease_holder = $1',
      [this.#serverId],
    );
  }

  /** For a database that only this server can use: whoever held a lease is dead. */
  async seizeAll(): Promise<void> {
    await this.#database.query(
      'update theseus.run set lease_holder = null, lease_until = null, lease_epoch = lease_epoch + 1 where lease_holder is not null',
    );
  }
}

/**
 * A run that somebody is just writing is left for the next time, and so is one whose writer was stopped amid its
 * transaction: no other run has to wait for it. Whoever holds its lease keeps it as long as it lasts.
 */
const HOLD = `
  with free as (
    select run_id from theseus.run
    where active and (lease_holder is null or lease_holder = $1 or lease_until <= now())
    for no key update skip locked
  ), taken as (
    update theseus.run as run set
      lease_epoch = case when lease_holder = $1 and lease_until > now() then lease_epoch else lease_epoch + 1 end,
      lease_holder = $1,
      lease_until = now() + make_interval(secs => $2)
    from free where run.run_id = free.run_id
    returning run.run_id, run.lease_epoch, run.revision
  )
  select run_id, lease_epoch, revision from taken
  union all
  select run_id, lease_epoch, revision from theseus.run
  where active and lease_holder = $1 and lease_until > now() and run_id not in (select run_id from taken)`;
