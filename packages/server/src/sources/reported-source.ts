import type { Reading } from '@theseus/core/health';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { ReportedNow } from '../ports/telemetry-service.ts';
import { noReading } from './reading.ts';

/** Where reported values are kept. */
export interface ReportedValues {
  latest(runId: string, signal: string, flag: string | null, environment: string): Promise<ReportedNow | null>;
}

/** Reads the newest value that somebody reported, for as long as it counts as fresh. */
export async function readReported(
  values: ReportedValues,
  { runId, environment, signal, flag, now }: ReadingRequest,
): Promise<Reading> {
  const of = { signal: signal.name, source: 'reported' };
  const found = await values.latest(runId, signal.name, flag, environment);
  if (found === null)
    return noReading(of, 'no-data', `nobody has reported it yet: theseus signal ${signal.name} VALUE`);
  const ageMs = Math.max(0, now - found.at);
  const source = `reported by ${found.by}`;
  const status = ageMs > signal.freshForMs ? 'stale' : 'ok';
  const sample = found.sample === null ? {} : { sample: found.sample };
  return { signal: signal.name, status, value: found.value, ...sample, ageMs, source };
}
