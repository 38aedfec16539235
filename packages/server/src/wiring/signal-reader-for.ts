import { TheseusError } from '@theseus/core/error';
import { runCommand } from '../commands/run-command.ts';
import type { Database } from '../ports/database.ts';
import type { MetricSource } from '../ports/metric-source.ts';
import type { ReadHistory, TelemetryHistories } from '../ports/signal-history.ts';
import { AlertStore } from '../postgres/alert-store.ts';
import { TelemetryHistory } from '../postgres/telemetry-history.ts';
import type { TelemetryStore } from '../postgres/telemetry-store.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import type { PrometheusPlace } from '../sources/prometheus-client.ts';
import { historyReader } from '../sources/signal-history.ts';
import { signalReader } from '../sources/signal-reader.ts';
import { SqlDatabases } from '../sources/sql-source.ts';

export interface SourceSettings {
  /** Whether commands that plans ask for may run here. */
  readonly allowRun: boolean;
  /** Where they run. */
  readonly workFolder: string;
  readonly prometheus?: PrometheusPlace | undefined;
  /** What users reached; only gates read it. */
  readonly metrics?: MetricSource | undefined;
  readonly fillSecrets: FillSecrets;
}

/**
 * The Prometheus of signals that name none: the given one, or that of `THESEUS_PROMETHEUS_URL`; undefined where neither is.
 * Its token is only ever in `THESEUS_PROMETHEUS_TOKEN`: arguments of a process can be read by everybody on its machine.
 *
 * @throws TheseusError `invalid-argument` for what is no http address
 */
export function prometheusFrom(given: string | undefined): PrometheusPlace | undefined {
  const url = given ?? process.env['THESEUS_PROMETHEUS_URL'] ?? '';
  if (url === '') return undefined;
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
    throw new TheseusError(
      'invalid-argument',
      'The address of Prometheus is not an http address: write http://… or https://…',
    );
  }
  return { url, token: process.env['THESEUS_PROMETHEUS_TOKEN'] };
}

export interface SignalSources {
  readonly readAll: ReturnType<typeof signalReader>;
  /** What signals did before. */
  readonly histories: { readonly telemetry: TelemetryHistories; readonly readHistory: ReadHistory };
  close(): Promise<void>;
}

/** Reads signals from everywhere that plans may name. */
export function signalReaderFor(
  database: Database,
  telemetry: TelemetryStore,
  { allowRun, workFolder, prometheus, metrics, fillSecrets }: SourceSettings,
): SignalSources {
  const sql = new SqlDatabases(fillSecrets);
  const readAll = signalReader({
    telemetry,
    reported: telemetry,
    alerts: new AlertStore(database),
    metrics,
    sql,
    prometheus: prometheus ?? null,
    fillSecrets,
    allowRun,
    folder: workFolder,
    run: runCommand,
  });
  const histories = new TelemetryHistory(database);
  const readHistory = historyReader({ reported: histories, readAll, prometheus: prometheus ?? null, fillSecrets });
  return { readAll, histories: { telemetry: histories, readHistory }, close: () => sql.close() };
}
