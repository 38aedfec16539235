import { errorText } from '@theseus/core/error';
import type { Reading } from '@theseus/core/health';
import type { MetricSource } from '../ports/metric-source.ts';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { type HeardAlerts, readAlert } from './alert-source.ts';
import { type CommandSourceOptions, readCommandSignal } from './command-source.ts';
import { readGoal } from './goal-source.ts';
import { readHttp } from './http-source.ts';
import type { PrometheusPlace } from './prometheus-client.ts';
import { readPrometheus } from './prometheus-source.ts';
import { noReading } from './reading.ts';
import { type ReportedValues, readReported } from './reported-source.ts';
import type { SqlDatabases } from './sql-source.ts';
import { readTelemetry, type TelemetryWindows } from './telemetry-source.ts';

export interface SignalReaderParts extends CommandSourceOptions {
  readonly telemetry: TelemetryWindows;
  readonly reported: ReportedValues;
  readonly alerts: HeardAlerts;
  /** Undefined where no gate is judged: nothing else reads goals. */
  readonly metrics?: MetricSource | undefined;
  readonly sql: Pick<SqlDatabases, 'read'>;
  /** The Prometheus of signals that name none. */
  readonly prometheus: PrometheusPlace | null;
  readonly fillSecrets: FillSecrets;
}

/** A source that hangs longer is told as an error, and keeps no other source waiting. */
const DEADLINE_MS = 12_000;

/** Reads all signals at once. Never rejects: whatever a source does, each request gets its reading. */
export function signalReader(
  parts: SignalReaderParts,
): (requests: readonly ReadingRequest[]) => Promise<readonly Reading[]> {
  return (requests) => Promise.all(requests.map((request) => readWithin(parts, request)));
}

async function readWithin(parts: SignalReaderParts, request: ReadingRequest): Promise<Reading> {
  const of = { signal: request.signal.name, source: request.signal.source.kind };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reading>((resolve) => {
    timer = setTimeout(() => resolve(noReading(of, 'error', `no answer within ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
  });
  const read = readOne(parts, request).catch((error: unknown) => noReading(of, 'error', errorText(error)));
  try {
    return await Promise.race([read, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function readOne(parts: SignalReaderParts, request: ReadingRequest): Promise<Reading> {
  const { signal } = request;
  switch (signal.source.kind) {
    case 'telemetry':
      return readTelemetry(parts.telemetry, request, signal.source.metric);
    case 'http':
      return readHttp(signal, signal.source, parts.fillSecrets);
    case 'command':
      return readCommandSignal(signal, signal.source.argv, parts);
    case 'reported':
      return readReported(parts.reported, request);
    case 'prometheus':
      return readPrometheus(request, signal.source, parts.prometheus, parts.fillSecrets);
    case 'sql':
      return parts.sql.read(request, signal.source);
    case 'alert':
      return readAlert(parts.alerts, request, signal.source);
    case 'goal':
      return readGoal(parts.metrics, request, signal.source);
  }
}
