import type { Database, Queryable } from '../ports/database.ts';
import type { Machine, MachineRegister } from '../ports/machine.ts';

/** A machine as others see it. */
export interface SeenMachine extends Machine {
  /** Since its last sign of life, by the database's clock. */
  readonly silentMs: number;
  readonly startedAt: number;
  /** Its clock minus the database's at its last sign of life; what the message took on its way counts as behind. */
  readonly clockAheadMs: number;
  /** The runs whose leases it holds. */
  readonly leases: readonly string[];
}

/** Of one that died so much is kept for whoever looks for it. */
const KEPT_MS = 3_600_000;

/** The processes that share a database, each in one row that it alone writes. */
export class MachineStore implements MachineRegister {
  readonly #database: Database;
  readonly #machine: () => Machine;
  readonly #clock: () => number;

  constructor(database: Database, machine: () => Machine, clock: () => number = Date.now) {
    this.#database = database;
    this.#machine = machine;
    this.#clock = clock;
  }

  async beat(jobHolders: readonly string[]): Promise<void> {
    const { machineId, kind, host, pid, version, address, worksEffects, runsCommands } = this.#machine();
    await this.#database.query(BEAT, [
      machineId,
      kind,
      host,
      pid,
      version,
      address,
      worksEffects,
      runsCommands,
      [...jobHolders],
      this.#clock(),
    ]);
    await this.#database.query('delete from theseus.machine where seen_at < now() - make_interval(secs => $1)', [
      KEPT_MS / 1_000,
    ]);
  }

  async leave(): Promise<void> {
    await this.#database.query('delete from theseus.machine where machine_id = $1', [this.#machine().machineId]);
  }
}

/** All machines that were heard of within the hour, those heard of last first. */
export async function seenMachines(queryable: Queryable): Promise<readonly SeenMachine[]> {
  const { rows } = await queryable.query<SeenMachine>(SEEN);
  return rows;
}

const BEAT = `
  insert into theseus.machine
    (machine_id, kind, host, pid, version, address, works_effects, runs_commands, job_holders, seen_at, clock_ahead_ms)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now(), $10 - extract(epoch from clock_timestamp()) * 1000)
  on conflict (machine_id) do update set
    address = excluded.address, job_holders = excluded.job_holders, seen_at = excluded.seen_at,
    clock_ahead_ms = excluded.clock_ahead_ms`;

const SEEN = `
  select machine_id as "machineId", kind, host, pid, version, address,
    works_effects as "worksEffects", runs_commands as "runsCommands",
    (extract(epoch from now() - seen_at) * 1000)::float8 as "silentMs",
    (extract(epoch from started_at) * 1000)::float8 as "startedAt",
    clock_ahead_ms::float8 as "clockAheadMs",
    array(
      select run_id from theseus.run where active and lease_holder = machine_id and lease_until > now() order by number
    ) as leases
  from theseus.machine order by seen_at desc`;
