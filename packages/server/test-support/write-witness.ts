import pg from 'pg';

/**
 * Watches inside the database who writes what. Only the holder of a run's lease may say that an exposure is confirmed,
 * and only the machine that began an effect last may say how it ended.
 */
export class WriteWitness {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** What was written by somebody who had lost the right to it, and how much was looked at. */
  async verdict(): Promise<{ readonly seen: number; readonly writers: number; readonly late: readonly string[] }> {
    const { rows } = await this.#client.query<{ seen: number; writers: number; late: string[] }>(VERDICT);
    return rows[0] ?? { seen: 0, writers: 0, late: ['the witness saw nothing'] };
  }

  /** The processes of the servers that hold leases now. */
  async drivers(): Promise<readonly number[]> {
    const { rows } = await this.#client.query<{ pid: number }>(
      `select distinct pid from theseus.run join theseus.machine on machine_id = lease_holder
       where active and lease_until > now()`,
    );
    return rows.map(({ pid }) => pid);
  }

  close(): Promise<void> {
    return this.#client.end();
  }
}

export async function writeWitness(url: string): Promise<WriteWitness> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(WATCH);
  return new WriteWitness(client);
}

const WATCH = `
  create table public.written (
    run_id text, seq integer, type text, writer text, entitled integer
  );
  create function public.watch_writing() returns trigger language plpgsql as $$
  begin
    insert into public.written
    select new.run_id, new.seq, new.type, current_setting('application_name'), pid
    from theseus.machine where machine_id = case new.type
      when 'effect.finished' then (
        select server_id from theseus.effect_attempt
        where run_id = new.run_id and effect_id = new.event ->> 'effectId'
      )
      else (select lease_holder from theseus.run where run_id = new.run_id)
    end;
    return new;
  end $$;
  create trigger watch_writing after insert on theseus.event for each row
    when (new.type in ('effect.finished', 'flag.exposure-confirmed')) execute function public.watch_writing()`;

const VERDICT = `
  select count(*)::int as seen, count(distinct writer)::int as writers,
    coalesce(array_agg(run_id || ' ' || seq || ' ' || type || ' by ' || writer || ' instead of ' || entitled)
      filter (where writer <> 'theseus-' || entitled), '{}') as late
  from public.written`;
