import type { AlertService, HeardAlert } from '../ports/alert-service.ts';
import type { Database } from '../ports/database.ts';

/** What Alertmanager has told: one row for each alert that it ever named, and when it spoke last. */
export class AlertStore implements AlertService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async hear(alerts: readonly HeardAlert[]): Promise<void> {
    // An alert may stand in one message twice; the last of them counts.
    const newest = [...new Map(alerts.map((alert) => [alert.fingerprint, alert])).values()].sort((left, right) =>
      left.fingerprint < right.fingerprint ? -1 : 1,
    );
    await this.#database.query(
      `insert into theseus.alert (fingerprint, name, labels, firing, heard_at)
       select fingerprint, name, labels, firing, now()
       from unnest($1::text[], $2::text[], $3::jsonb[], $4::boolean[]) as new (fingerprint, name, labels, firing)
       on conflict (fingerprint) do update set name = excluded.name, labels = excluded.labels,
         firing = excluded.firing, heard_at = excluded.heard_at`,
      [
        newest.map(({ fingerprint }) => fingerprint),
        newest.map(({ name }) => name),
        newest.map(({ labels }) => JSON.stringify(labels)),
        newest.map(({ isFiring }) => isFiring),
      ],
    );
  }

  async alert(
    name: string,
    labels: Readonly<Record<string, string>>,
  ): Promise<{ readonly firing: number; readonly heardAt: number | null }> {
    const { rows } = await this.#database.query<{ firing: string; heard_at: Date | null }>(
      `select (select count(*) from theseus.alert where name = $1 and labels @> $2 and firing) as firing,
         (select max(heard_at) from theseus.alert) as heard_at`,
      [name, JSON.stringify(labels)],
    );
    return { firing: Number(rows[0]?.firing ?? 0), heardAt: rows[0]?.heard_at?.getTime() ?? null };
  }
}
