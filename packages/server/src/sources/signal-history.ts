import { errorText } from '@theseus/core/error';
import { hourOfWeek, type Reading } from '@theseus/core/health';
import type { SignalSource } from '@theseus/core/plan';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { HistoryAnswer, HistoryRequest, ReadHistory, ReportedHistories } from '../ports/signal-history.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { asksForFlag } from './placeholders.ts';
import { prometheusBaseline } from './prometheus-baseline.ts';
import type { PrometheusPlace } from './prometheus-client.ts';

export interface HistoryReaderParts {
  readonly reported: ReportedHistories;
  /** Reads signals whose source has no memory, as they are now. */
  readonly readAll: (requests: readonly ReadingRequest[]) => Promise<readonly Reading[]>;
  /** The Prometheus of signals that name none. */
  readonly prometheus: PrometheusPlace | null;
  readonly fillSecrets: FillSecrets;
}

/** Reads what signals did over a time; those of sources without a memory, as they are now. */
export function historyReader(parts: HistoryReaderParts): ReadHistory {
  return async (request) => {
    const flags = isAskedByFlag(request.signal.source) ? request.flags : [null];
    return Promise.all(flags.map(async (flag) => ({ flag, answer: await answerFor(parts, request, flag) })));
  };
}

function isAskedByFlag(source: SignalSource): boolean {
  if (source.kind === 'prometheus') return asksForFlag(source.legacy ?? source.query);
  return source.kind === 'sql' && asksForFlag(source.query);
}

async function answerFor(
  parts: HistoryReaderParts,
  request: HistoryRequest,
  flag: string | null,
): Promise<HistoryAnswer> {
  const { source } = request.signal;
  try {
    if (source.kind === 'prometheus') {
      return await prometheusBaseline(request, flag, {
        source,
        known: parts.prometheus,
        fillSecrets: parts.fillSecrets,
      });
    }
    const reported = source.kind === 'reported' ? await reportedOver(parts, request) : null;
    return reported ?? (await asItIs(parts, request, flag));
  } catch (error) {
    return { kind: 'unreadable', problem: errorText(error) };
  }
}

/** The mean of all reports; null where nobody reported in that time, though one may still count as fresh. */
async function reportedOver({ reported }: HistoryReaderParts, request: HistoryRequest): Promise<HistoryAnswer | null> {
  const hours = await reported.reports(request.signal.name, request);
  const count = hours.reduce((sum, hour) => sum + hour.count, 0);
  const [first, last] = [hours[0], hours.at(-1)];
  if (first === undefined || last === undefined) return null;
  return {
    kind: 'history',
    history: {
      value: hours.reduce((sum, hour) => sum + hour.sum, 0) / count,
      over: { from: first.oldestAt, to: last.newestAt },
      sample: { count, of: 'reports' },
      source: 'reported',
      hours: hours.map((hour) => ({ ...hourOfWeek(hour.at), sum: hour.sum, weight: hour.count })),
    },
  };
}

/** One reading, now. */
async function asItIs(
  { readAll }: HistoryReaderParts,
  { runId, environment, signal, to: now }: HistoryRequest,
  flag: string | null,
): Promise<HistoryAnswer> {
  const [reading] = await readAll([{ runId, environment, signal, flag, since: now, now }]);
  if (reading?.status !== 'ok' || reading.value === null) {
    return { kind: 'unreadable', problem: problemOf(reading) };
  }
  const { value, source, query, ageMs } = reading;
  const at = now - ageMs;
  const asked = query === undefined ? {} : { query };
  return { kind: 'history', history: { value, over: { from: at, to: at }, source, ...asked, hours: null } };
}

function problemOf(reading: Reading | undefined): string {
  if (reading === undefined) return 'it was not measured';
  if (reading.status === 'stale') return `its last value is ${Math.round(reading.ageMs / 1_000)} s old`;
  return reading.problem ?? reading.status;
}
