/** Schema changes in order. A migration that has been released is never edited; a new one is added below it. */
export const MIGRATIONS: readonly { readonly id: number; readonly sql: string }[] = [
  {
    id: 1,
    sql: `
      create table theseus.run (
        number bigint generated always as identity unique,
        run_id text primary key,
        plan_name text not null,
        plan_hash text not null,
        plan json not null,
        state json not null,
        revision integer not null,
        last_hash text not null,
        last_at bigint not null,
        active boolean not null,
        flush_every_ms integer not null,
        lease_holder text,
        lease_epoch bigint not null default 0,
        lease_until timestamptz
      );
      create index run_active on theseus.run (run_id) where active;

      create table theseus.event (
        run_id text not null references theseus.run,
        seq integer not null,
        type text not null,
        event json not null,
        previous_hash text not null,
        hash text not null,
        primary key (run_id, seq)
      );
      create function theseus.refuse_change() returns trigger language plpgsql as $$
      begin
        raise exception 'the event log is append-only';
      end $$;
      create trigger event_is_append_only before update or delete or truncate on theseus.event
        for each statement execute function theseus.refuse_change();

      create table theseus.watch (
        run_id text not null references theseus.run,
        watch_id text not null,
        watch json not null,
        primary key (run_id, watch_id)
      );

      create table theseus.effect_attempt (
        run_id text not null references theseus.run,
        effect_id text not null,
        server_id text not null,
        begun_at timestamptz not null default now(),
        primary key (run_id, effect_id)
      );

      create table theseus.command (
        run_id text not null references theseus.run,
        command_id text not null,
        first_seq integer not null,
        last_seq integer not null,
        primary key (run_id, command_id)
      );

      create table theseus.flag_version (
        only_one boolean primary key default true check (only_one),
        version bigint not null
      );
      insert into theseus.flag_version (version) values (0);
      create table theseus.flag (
        key text primary key,
        run_id text not null references theseus.run,
        definition json not null,
        version bigint not null
      );
      create index flag_by_version on theseus.flag (version);
      create table theseus.segment (
        key text primary key,
        definition json not null
      );

      create table theseus.instance (
        instance text primary key,
        service text not null,
        sequence bigint not null,
        served_version bigint not null,
        last_seen timestamptz not null,
        counters json not null
      );
      create index instance_by_time on theseus.instance (last_seen);
      create table theseus.telemetry (
        flag text not null,
        at timestamptz not null,
        legacy json not null,
        candidate json not null
      );
      create index telemetry_by_flag on theseus.telemetry (flag, at);
      create table theseus.telemetry_total (
        flag text primary key,
        legacy json not null,
        candidate json not null
      );

      create table theseus.reported (
        id bigint generated always as identity primary key,
        signal text not null,
        run_id text,
        flag text,
        value double precision not null,
        reported_by text not null,
        at timestamptz not null
      );
      create index reported_by_signal on theseus.reported (signal, id desc);

      create table theseus.token (
        hash text primary key,
        name text not null,
        role text not null check (role in ('operator', 'sdk')),
        created_at timestamptz not null default now()
      );

      create table theseus.server (
        server_id text primary key,
        seen_at timestamptz not null,
        worker_ids text[] not null
      );
    `,
  },
  {
    id: 2,
    sql: 'alter table theseus.instance add column closed boolean not null default false',
  },
  {
    id: 3,
    // What was there before environments had names belongs to `default`.
    sql: `
      create table theseus.environment (
        name text primary key,
        version bigint not null
      );
      insert into theseus.environment (name, version) select 'default', version from theseus.flag_version;

      alter table theseus.run
        add column environment text not null default 'default',
        add column content_hash text not null default '';
      create index run_by_plan on theseus.run (plan_name, environment, number);

      alter table theseus.flag add column environment text not null default 'default',
        drop constraint flag_pkey, add primary key (environment, key);
      alter table theseus.segment add column environment text not null default 'default',
        drop constraint segment_pkey, add primary key (environment, key);
      alter table theseus.instance add column environment text not null default 'default',
        drop constraint instance_pkey, add primary key (environment, instance);

      alter table theseus.telemetry add column environment text not null default 'default';
      drop index theseus.telemetry_by_flag;
      create index telemetry_by_flag on theseus.telemetry (environment, flag, at);
      alter table theseus.telemetry_total add column environment text not null default 'default',
        drop constraint telemetry_total_pkey, add primary key (environment, flag);

      -- A value without an environment is reported for all of them.
      alter table theseus.reported add column environment text default 'default';
    `,
  },
  {
    id: 4,
    sql: `
      create table theseus.system_pause (
        only_one boolean primary key default true check (only_one),
        paused_at timestamptz not null default now(),
        paused_by text not null,
        reason text not null
      );
    `,
  },
  {
    id: 5,
    sql: `
      drop table theseus.server;
      create table theseus.machine (
        machine_id text primary key,
        kind text not null check (kind in ('server', 'worker')),
        host text not null,
        pid integer not null,
        version text not null,
        address text,
        works_effects boolean not null,
        runs_commands boolean not null,
        job_holders text[] not null,
        started_at timestamptz not null default now(),
        seen_at timestamptz not null,
        clock_ahead_ms double precision not null
      );
      alter table theseus.effect_attempt add column attempt integer not null default 1;
    `,
  },
  {
    id: 6,
    sql: `
      create table theseus.alert (
        fingerprint text primary key,
        name text not null,
        labels jsonb not null,
        firing boolean not null,
        heard_at timestamptz not null
      );
      create index alert_by_time on theseus.alert (heard_at);
      alter table theseus.reported add column sample integer;
    `,
  },
  {
    id: 7,
    sql: `
      alter table theseus.instance add column users_sequence bigint not null default 0;

      -- All that a judge reads of a flag. What single users did belongs to one set of tallies; another set is begun with each epoch.
      create table theseus.comparison (
        environment text not null,
        flag text not null,
        at timestamptz not null default now(),
        epoch bigint not null default 0,
        level integer not null default 0,
        tally_set bigint,
        legacy json not null,
        candidate json not null,
        body_ms double precision,
        tail_ms double precision,
        primary key (environment, flag)
      );
      create index comparison_by_time on theseus.comparison (at) where tally_set is not null;

      -- A subject on the candidate is kept as -1 - subject.
      create table theseus.tally (
        tally_set bigint not null,
        subject bigint not null,
        n bigint not null,
        e bigint not null,
        s bigint not null,
        t bigint not null,
        primary key (tally_set, subject)
      );
      create sequence theseus.tally_set;
      create table theseus.old_tally_set (
        tally_set bigint primary key
      );
    `,
  },
  {
    id: 9,
    sql: `
      -- All that is read of what users reached, by flag: sums by variant and goal since the split last changed.
      create table theseus.experiment (
        environment text not null,
        flag text not null,
        at timestamptz not null default now(),
        split bigint not null,
        level integer not null,
        user_set bigint not null,
        variants json not null,
        -- What the split was when it began; unknown where it had moved on before anybody reported.
        run_id text,
        exposure integer,
        shares json,
        primary key (environment, flag)
      );
      create table theseus.past_experiment (
        environment text not null,
        flag text not null,
        split bigint not null,
        run_id text not null,
        exposure integer not null,
        shares json not null,
        variants json not null,
        ended_at timestamptz not null,
        primary key (environment, flag, split)
      );
      create sequence theseus.user_set;
      create table theseus.exposed_user (
        user_set bigint not null,
        subject bigint not null,
        variant text not null,
        primary key (user_set, subject)
      );
      -- Also of users of whose exposure nothing is known yet: a goal may arrive before it.
      create table theseus.reached_goal (
        user_set bigint not null,
        subject bigint not null,
        goal text not null,
        reached bigint not null,
        value double precision not null,
        primary key (user_set, subject, goal)
      );
      create table theseus.old_user_set (
        user_set bigint primary key
      );
    `,
  },
  {
    id: 10,
    sql: `
      -- Writes that one side of a migration lacks; a row is there only while an instance owes some.
      create table theseus.repair (
        environment text not null,
        flag text not null,
        instance text not null,
        pending bigint not null,
        failed bigint not null,
        primary key (environment, flag, instance)
      );

      create table theseus.difference_total (
        environment text not null,
        flag text not null,
        compared bigint not null,
        equal bigint not null,
        different bigint not null,
        dropped bigint not null,
        timed_out bigint not null,
        shadow_failed bigint not null,
        since timestamptz not null default now(),
        primary key (environment, flag)
      );
      create table theseus.difference (
        environment text not null,
        flag text not null,
        path text not null,
        kind text not null,
        count bigint not null,
        samples json not null,
        first_at timestamptz not null default now(),
        last_at timestamptz not null default now(),
        primary key (environment, flag, path, kind)
      );

      alter table theseus.telemetry
        add column compared bigint not null default 0,
        add column equal bigint not null default 0;
    `,
  },
  {
    id: 12,
    // What is here already was merged, but for the last two minutes: those stay as they are until they are dropped.
    sql: `
      alter table theseus.telemetry add column fine boolean not null default false;
      alter table theseus.telemetry alter column fine set default true;
      create index telemetry_fine on theseus.telemetry (at) where fine;
      create index telemetry_by_time on theseus.telemetry (at);
      create index reported_by_time on theseus.reported (at);
    `,
  },
  {
    id: 13,
    // A subject of a wave is updated twice on its way: its row is narrow, lies beside those of its batch, and its page has
    // room, so that no index is touched. What was saved is written once, elsewhere. Both are found by their place in the
    // wave: by key each batch would touch pages all over the index, and cost the more the larger the migration is.
    sql: `
      create table theseus.data_migration (
        id integer generated always as identity primary key,
        environment text not null,
        name text not null,
        salt text not null,
        unique (environment, name)
      );

      create table theseus.wave (
        id integer generated always as identity primary key,
        migration_id integer not null references theseus.data_migration,
        name text not null,
        permit text not null check (permit in ('selected', 'open', 'paused', 'undoing', 'closed')),
        ordered json not null,
        selection json not null,
        counts bigint[] not null,
        validated bigint not null default 0,
        invalid bigint not null default 0,
        conflicts bigint not null default 0,
        ready_at timestamptz not null default now(),
        unique (migration_id, name)
      );

      create table theseus.subject (
        migration_id integer not null,
        key text collate "C" not null,
        rank bigint not null,
        attributes json,
        primary key (migration_id, key)
      );

      create table theseus.ledger (
        migration_id integer not null,
        key text collate "C" not null,
        wave_id integer not null,
        place integer not null,
        state smallint not null,
        attempts smallint not null default 0,
        is_invalid boolean not null default false,
        is_conflict boolean not null default false,
        is_restoring boolean not null default false,
        changed_at timestamptz not null default now(),
        migrated_hash bytea,
        scores json,
        reason text,
        primary key (wave_id, place),
        unique (migration_id, key)
      ) with (fillfactor = 40);

      create table theseus.saved_state (
        wave_id integer not null,
        place integer not null,
        is_json boolean not null,
        saved bytea not null,
        hash bytea not null,
        primary key (wave_id, place)
      );

      create table theseus.wave_batch (
        wave_id integer not null references theseus.wave,
        number integer not null,
        purpose smallint not null,
        places integer[] not null,
        attributes json,
        size integer not null,
        due_at timestamptz not null default now(),
        is_done boolean not null default false,
        done_at timestamptz,
        holder text,
        held_until timestamptz,
        taken integer not null default 0,
        primary key (wave_id, number)
      );
      create index wave_batch_waiting on theseus.wave_batch (wave_id, purpose, number) where not is_done;
      create index wave_batch_held on theseus.wave_batch (wave_id) where holder is not null;
      create index wave_batch_done on theseus.wave_batch (wave_id, done_at) where is_done;

      create table theseus.subject_note (
        migration_id integer not null,
        key text collate "C" not null,
        at timestamptz not null default now(),
        state smallint not null,
        who text not null,
        text text not null
      );
      create index subject_note_by_subject on theseus.subject_note (migration_id, key, at);
    `,
  },
];
