import { errorText } from '@theseus/core/error';
import type { Plan } from '@theseus/core/plan';
import type { Finding } from '../../ports/doctor.ts';
import type { ReadAll } from '../driver.ts';
import { findingsOf } from './findings.ts';

/** A run that has not ended, and what it depends on. */
export interface RunningPlan {
  readonly runId: string;
  readonly plan: Plan;
}

/** So many sources are asked; the others are counted. */
const MOST_SOURCES = 50;

/** Whether the sources outside answer that gates of running plans read. */
export async function examineSources(
  running: readonly RunningPlan[],
  readAll: ReadAll,
  now: number,
): Promise<readonly Finding[]> {
  const { ok, warn, fail } = findingsOf('sources');
  const requests = running.flatMap(({ runId, plan }) =>
    Object.values(plan.signals)
      .filter(({ source }) => !['telemetry', 'reported', 'goal'].includes(source.kind))
      .map((signal) => {
        // A query that asks for a flag is tried with one.
        const flag = Object.keys(plan.flags)[0] ?? null;
        return { runId, environment: plan.environment, signal, flag, since: now - signal.overMs, now };
      }),
  );
  if (requests.length === 0) return [ok('no running plan reads one outside')];
  const asked = requests.slice(0, MOST_SOURCES);
  const readings = await readAll(asked);
  const findings = readings.map((reading, index) => {
    const who = `${reading.signal} of ${asked[index]?.runId}`;
    if (reading.status === 'ok') return ok(`${who} answers ${reading.value}`);
    const found = `${who} does not answer: ${reading.problem ?? reading.status} (${reading.source})`;
    const mend = 'mend the source: a gate that cannot read it holds';
    return reading.status === 'error' ? fail(found, mend) : warn(found, mend);
  });
  const left = requests.length - asked.length;
  return left === 0 ? findings : [...findings, warn(`${left} more were not asked`, 'look at their runs one by one')];
}

/** Whether messages of running plans have somewhere to go from here. */
export function examineChannels(
  running: readonly RunningPlan[],
  fillSecrets: (text: string) => string,
): readonly Finding[] {
  const { ok, fail } = findingsOf('channels');
  const findings = running.flatMap(({ runId, plan }) =>
    Object.values(plan.channels).map((channel) => {
      const who = `${channel.name} of ${runId}`;
      if (channel.kind === 'console') return ok(`${who} is the console of whichever machine sends`);
      try {
        // The address itself may be a secret and is not told.
        new URL(fillSecrets(channel.url));
        return ok(`${who} is a webhook whose address is set`);
      } catch (error) {
        return fail(`${who} has no address: ${errorText(error)}`, 'set it in the environment of servers and workers');
      }
    }),
  );
  return findings.length === 0 ? [ok('no running plan tells anybody anything')] : findings;
}
