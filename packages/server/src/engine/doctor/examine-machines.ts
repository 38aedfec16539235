import { formatDuration } from '@theseus/core/time';
import type { Queryable } from '../../ports/database.ts';
import type { Finding } from '../../ports/doctor.ts';
import type { SeenMachine } from '../../postgres/machine-store.ts';
import { COMMAND_TASK } from '../effect-task.ts';
import { findingsOf } from './findings.ts';

/** Gates count time in seconds: what clocks differ by shows in soaks and windows of telemetry from here on. */
const CLOCK_WARN_MS = 1_000;
const CLOCK_FAIL_MS = 30_000;

/** Three heartbeats; after five its jobs are given to others. */
export const SILENT_AFTER_MS = 6_000;

export const isLive = ({ silentMs }: SeenMachine): boolean => silentMs < SILENT_AFTER_MS;

/** `worker front-2 (process 4711)` */
export function nameOf({ kind, host, pid }: SeenMachine): string {
  return `${kind} ${host} (process ${pid})`;
}

/** By how much the clocks of the machines differ from the database's. */
export async function examineClocks(
  queryable: Queryable,
  machines: readonly SeenMachine[],
  now: () => number,
): Promise<readonly Finding[]> {
  const before = now();
  const { rows } = await queryable.query<{ at: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as at',
  );
  const here = (before + now()) / 2 - (rows[0]?.at ?? 0);
  return [
    clockFinding('the machine that looks', here),
    ...machines.filter(isLive).map((machine) => clockFinding(nameOf(machine), machine.clockAheadMs)),
  ];
}

function clockFinding(who: string, aheadMs: number): Finding {
  const { ok, warn, fail } = findingsOf('clocks');
  const off = Math.abs(aheadMs);
  if (off < CLOCK_WARN_MS) return ok(`${who} agrees with the database within ${Math.ceil(off)} ms`);
  const found = `the clock of ${who} is ${formatDuration(Math.round(off))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the database's`;
  const mend = 'let NTP set the clocks of all machines: soaks and windows of telemetry are off by as much';
  return off >= CLOCK_FAIL_MS ? fail(found, mend) : warn(found, mend);
}

/** Who lives, and who was last heard of too long ago. */
export function examineMachines(machines: readonly SeenMachine[]): readonly Finding[] {
  const { ok, warn, fail } = findingsOf('machines');
  const live = machines.filter(isLive);
  const findings = machines.map((machine) => {
    const heard = `${formatDuration(Math.round(machine.silentMs))} ago`;
    if (!isLive(machine))
      return warn(
        `${nameOf(machine)} was last heard of ${heard}; what it held goes to others`,
        `start it again, or forget it: it is off this list an hour after its last sign of life`,
      );
    const does = [
      machine.address === null ? null : `serves at ${machine.address}`,
      machine.leases.length === 0 ? null : `drives ${machine.leases.length} runs`,
      machine.worksEffects
        ? machine.runsCommands
          ? 'works effects and commands'
          : 'works effects'
        : 'works no effects',
    ].filter((part) => part !== null);
    return ok(`${nameOf(machine)} ${does.join(', ')}; heard of ${heard}`);
  });
  if (!live.some(({ kind }) => kind === 'server'))
    findings.push(fail('no server lives: no run is driven', "start one with 'theseus serve'"));
  if (!live.some(({ worksEffects }) => worksEffects))
    findings.push(fail('nobody carries out effects', "start 'theseus worker', or 'theseus serve' without --no-work"));
  return findings;
}

/** Whether there is somebody who may run the commands that wait. */
export async function examineCommands(
  queryable: Queryable,
  machines: readonly SeenMachine[],
): Promise<readonly Finding[]> {
  const { ok, fail } = findingsOf('commands');
  const able = machines.filter((machine) => isLive(machine) && machine.runsCommands);
  if (able.length > 0) return [ok(`may run on ${able.map(nameOf).join(', ')}`)];
  const { rows } = await queryable.query<{ runs: string[] }>(
    `select coalesce(array_agg(distinct split_part(key, '/', 1)), '{}') as runs
     from graphile_worker.jobs where task_identifier = $1`,
    [COMMAND_TASK],
  );
  const waiting = rows[0]?.runs ?? [];
  if (waiting.length === 0) return [ok('may run nowhere, and no run asks for one')];
  return [
    fail(
      `may run nowhere, and ${waiting.join(', ')} waits for one`,
      "start 'theseus worker --allow-run' on the machine where they belong",
    ),
  ];
}
