import type pg from 'pg';

export type Client = pg.PoolClient;

/** Either runs a query; only a client keeps a transaction. */
export type Queryable = Pick<pg.Pool, 'query'>;

/** A pool of connections, with transactions that are always ended. */
export interface Database extends Queryable {
  readonly pool: pg.Pool;
  transaction<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}
