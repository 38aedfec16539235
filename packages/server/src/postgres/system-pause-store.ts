import type { Queryable } from '../ports/database.ts';

/** Why nothing moves anywhere. */
export interface SystemPause {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly by: string;
  readonly reason: string;
}

/** Whether the whole system is paused: one row, seen by every server at once. */
export class SystemPauseStore {
  async current(queryable: Queryable): Promise<SystemPause | null> {
    const { rows } = await queryable.query<{ paused_at: Date; paused_by: string; reason: string }>(
      'select paused_at, paused_by, reason from theseus.system_pause',
    );
    const row = rows[0];
    return row === undefined ? null : { at: row.paused_at.getTime(), by: row.paused_by, reason: row.reason };
  }

  /** Pauses; one that is in force stays with whoever began it. */
  async pause(queryable: Queryable, by: string, reason: string): Promise<void> {
    await queryable.query(
      'insert into theseus.system_pause (paused_by, reason) values ($1, $2) on conflict do nothing',
      [by, reason],
    );
  }

  async resume(queryable: Queryable): Promise<void> {
    await queryable.query('delete from theseus.system_pause');
  }
}
