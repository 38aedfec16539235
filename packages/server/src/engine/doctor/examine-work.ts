import { formatDuration } from '@theseus/core/time';
import type { Queryable } from '../../ports/database.ts';
import type { Finding } from '../../ports/doctor.ts';
import type { SeenMachine } from '../../postgres/machine-store.ts';
import { isLive, nameOf } from './examine-machines.ts';
import { findingsOf } from './findings.ts';

/** A job is taken within half a second where there is somebody free to take it. */
const WAITING_WARN_MS = 15_000;
const WAITING_FAIL_MS = 120_000;

/** Who drives which run. */
export async function examineLeases(
  queryable: Queryable,
  machines: readonly SeenMachine[],
): Promise<readonly Finding[]> {
  const { ok, fail } = findingsOf('leases');
  const { rows } = await queryable.query<{ run_id: string }>(
    `select run_id from theseus.run
     where active and (lease_holder is null or lease_until <= now()) order by number`,
  );
  const held = machines
    .filter(({ leases }) => leases.length > 0)
    .map((machine) => ok(`${nameOf(machine)} drives ${machine.leases.join(', ')}`));
  if (rows.length > 0) {
    const mend = machines.some((machine) => isLive(machine) && machine.kind === 'server')
      ? 'look again: a run that was let go is taken over within seconds'
      : "start a server with 'theseus serve'";
    held.push(fail(`nobody drives ${rows.map(({ run_id }) => run_id).join(', ')}`, mend));
  }
  return held.length === 0 ? [ok('no run needs a driver')] : held;
}

interface Backlog {
  readonly running: number;
  readonly waiting: number;
  readonly later: number;
  readonly given_up: number;
  readonly oldest_ms: number | null;
  readonly oldest: string | null;
}

/** What waits in the job queue, and for how long. */
export async function examineJobs(queryable: Queryable): Promise<readonly Finding[]> {
  const { ok, warn, fail } = findingsOf('jobs');
  const { rows } = await queryable.query<Backlog>(BACKLOG);
  const { running = 0, waiting = 0, later = 0, given_up = 0, oldest_ms = null, oldest = null } = rows[0] ?? {};
  const counts = `${running} running, ${waiting} waiting, ${later} due later`;
  const findings: Finding[] = [];
  if (oldest_ms === null || oldest_ms < WAITING_WARN_MS) findings.push(ok(counts));
  else {
    const found = `${counts}; ${oldest} has waited for ${formatDuration(Math.round(oldest_ms))}`;
    const mend = "start more 'theseus worker' processes, and see 'machines' and 'commands' above";
    findings.push(oldest_ms >= WAITING_FAIL_MS ? fail(found, mend) : warn(found, mend));
  }
  if (given_up > 0)
    findings.push(
      fail(`${given_up} were given up after too many attempts`, "see the server's log, then retry the step"),
    );
  return findings;
}

const BACKLOG = `
  select count(*) filter (where locked_by is not null)::int as running,
    count(*) filter (where due)::int as waiting,
    count(*) filter (where locked_by is null and run_at > now())::int as later,
    count(*) filter (where locked_by is null and attempts >= max_attempts)::int as given_up,
    (extract(epoch from now() - min(run_at) filter (where due)) * 1000)::float8 as oldest_ms,
    (array_agg(key order by run_at) filter (where due))[1] as oldest
  from (
    select *, locked_by is null and run_at <= now() and attempts < max_attempts as due from graphile_worker.jobs
  ) as job`;
