import type { Database } from '../ports/database.ts';
import type { HistorySpan, HourOfReports, HourOfTelemetry } from '../ports/signal-history.ts';

interface HourRow {
  readonly hour: Date;
  readonly requests: number;
  readonly errors: number;
  readonly fallbacks: number;
  readonly candidate: number;
  readonly buckets: readonly number[] | null;
  readonly counts: readonly number[] | null;
}

/** What was counted and reported, by hour: weeks of records are added up in the database. */
export class TelemetryHistory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async reach(flag: string, environment: string): Promise<number | null> {
    const { rows } = await this.#database.query<{ at: Date }>(
      'select at from theseus.telemetry where environment = $1 and flag = $2 order by at limit 1',
      [environment, flag],
    );
    return rows[0]?.at.getTime() ?? null;
  }

  /**
   * Histograms are added bucket by bucket, as everywhere: exact. Each is parsed once: were `timed` not materialized, it
   * would be for each of its buckets.
   */
  async hours(flag: string, environment: string, { from, to }: HistorySpan): Promise<readonly HourOfTelemetry[]> {
    const { rows } = await this.#database.query<HourRow>(
      `with record as materialized (
         select date_bin('1 hour', at, 'epoch'::timestamptz) as hour, legacy, candidate from theseus.telemetry
         where environment = $1 and flag = $2 and at > $3 and at <= $4
       ), timed as materialized (
         select hour, translate(legacy ->> 'latency', '[]', '{}')::float8[] as sparse from record
       ), latency as (
         select hour, sparse[i] as bucket, sum(sparse[i + 1]) as count from timed
         cross join lateral generate_series(1, cardinality(sparse), 2) as i
         group by 1, 2
       ), histogram as (
         select hour, array_agg(bucket order by bucket) as buckets, array_agg(count order by bucket) as counts
         from latency group by hour
       ), counted as (
         select hour, sum((legacy ->> 'requests')::float8) as requests, sum((legacy ->> 'errors')::float8) as errors,
           sum((legacy ->> 'fallbacks')::float8) as fallbacks, sum((candidate ->> 'requests')::float8) as candidate
         from record group by hour
       )
       select * from counted left join histogram using (hour) order by hour`,
      [environment, flag, new Date(from), new Date(to)],
    );
    return rows.map((row) => ({
      at: row.hour.getTime(),
      legacy: {
        requests: row.requests,
        errors: row.errors,
        fallbacks: row.fallbacks,
        latency: (row.buckets ?? []).flatMap((bucket, index) => [bucket, row.counts?.[index] ?? 0]),
      },
      candidateRequests: row.candidate,
    }));
  }

  /** What was reported of a signal for this run, or for any; what is said of single flags is another matter. */
  async reports(
    signal: string,
    { runId, environment, from, to }: HistorySpan & { readonly runId: string; readonly environment: string },
  ): Promise<readonly HourOfReports[]> {
    const { rows } = await this.#database.query<{ hour: Date; sum: number; count: number; oldest: Date; newest: Date }>(
      `select date_bin('1 hour', at, 'epoch'::timestamptz) as hour, sum(value) as sum, count(*)::int as count,
         min(at) as oldest, max(at) as newest
       from theseus.reported
       where signal = $1 and (run_id is null or run_id = $2) and flag is null
         and (environment is null or environment = $3) and at > $4 and at <= $5
       group by 1 order by 1`,
      [signal, runId, environment, new Date(from), new Date(to)],
    );
    return rows.map(({ hour, sum, count, oldest, newest }) => ({
      at: hour.getTime(),
      sum,
      count,
      oldestAt: oldest.getTime(),
      newestAt: newest.getTime(),
    }));
  }
}
