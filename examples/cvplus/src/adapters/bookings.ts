import { randomUUID } from 'node:crypto';
import type { Arm } from '@theseus/core/flag';
import type { RepairQueue, TheseusClient } from '@theseus/sdk';
import type { Pool } from 'pg';

export interface BookingOptions {
  readonly theseus: Pick<TheseusClient, 'migration'>;
  readonly pool: Pool;
  readonly repairs: RepairQueue;
  /** Called before an announcement is written; what it throws fails that step. */
  readonly beforeAnnouncement?: (arm: Arm) => void;
}

export interface BookingCounts {
  /** Actions of which everything was done. */
  readonly whole: number;
  /** Actions of which only some was done, or that do not sum to nothing. None should be left so. */
  readonly half: number;
  /** Actions with bookings of both arms. */
  readonly mixed: number;
}

interface Order {
  readonly action: string;
  readonly user: string;
}

interface Booking {
  readonly account: string;
  readonly amount: number;
}

const FLAG = 'action-orchestrator';
const PRICE = 10;
const FEE = 1;

/** What a user pays is what the reviewer and the house get: the bookings of a whole action sum to nothing. */
function bookingsOf(user: string): { readonly take: Booking; readonly give: Booking; readonly keep: Booking } {
  return {
    take: { account: `user ${user}`, amount: -PRICE },
    give: { account: 'reviewer', amount: PRICE - FEE },
    keep: { account: 'house', amount: FEE },
  };
}

/** The action service: three bookings and an announcement, all of them on one arm, or none. */
export function bookings({ theseus, pool, repairs, beforeAnnouncement = () => undefined }: BookingOptions) {
  const migration = theseus.migration(FLAG, {
    read: { legacy: () => countBookings(pool), candidate: () => countBookings(pool) },
    repairs,
  });
  const book = (arm: Arm, names: readonly ('take' | 'give' | 'keep')[]) => ({
    do: ({ action, user }: Order) => insertBookings(pool, arm, action, user, names),
    // The keys are the action's own, so that undoing needs no result, may be repeated, and may find nothing.
    undo: async ({ action }: Order) => {
      const keys = names.map((name) => `${action}/${name}`);
      await pool.query('delete from bookings where idempotency_key = any($1)', [keys]);
    },
  });
  const announce = (arm: Arm) => ({
    name: 'announce',
    do: async ({ action }: Order) => {
      beforeAnnouncement(arm);
      await pool.query('insert into announcements values ($1, $2) on conflict do nothing', [action, arm]);
    },
    undo: async ({ action }: Order) => {
      await pool.query('delete from announcements where action = $1', [action]);
    },
  });
  const pay = migration.action<Order>('pay', {
    // The old way: one booking after another. The new way: all three in one statement.
    legacy: [
      { name: 'take', ...book('legacy', ['take']) },
      { name: 'give', ...book('legacy', ['give']) },
      { name: 'keep', ...book('legacy', ['keep']) },
      announce('legacy'),
    ],
    candidate: [{ name: 'post', ...book('candidate', ['take', 'give', 'keep']) }, announce('candidate')],
  });
  let takenBack = 0;
  return {
    migration,
    /** How many were taken back since the program began. */
    takenBack: () => takenBack,
    async answer(user: string): Promise<{ readonly action: string; readonly paid: boolean }> {
      const action = randomUUID();
      try {
        await pay({ userId: user }, { action, user }, { idempotencyKey: action });
        return { action, paid: true };
      } catch (error) {
        // Taken back, or going to be: the user keeps their money, is told so and may try again.
        if ((error as { readonly code?: unknown }).code !== 'cancelled') throw error;
        takenBack += 1;
        return { action, paid: false };
      }
    },
    counts: () => countBookings(pool),
  };
}

async function insertBookings(
  pool: Pool,
  arm: Arm,
  action: string,
  user: string,
  names: readonly ('take' | 'give' | 'keep')[],
): Promise<void> {
  const all = bookingsOf(user);
  await pool.query(
    `insert into bookings (idempotency_key, action, arm, account, amount)
     select key, $1, $2, account, amount from unnest($3::text[], $4::text[], $5::int[]) as one (key, account, amount)
     on conflict do nothing`,
    [
      action,
      arm,
      names.map((name) => `${action}/${name}`),
      names.map((name) => all[name].account),
      names.map((name) => all[name].amount),
    ],
  );
}

async function countBookings(pool: Pool): Promise<BookingCounts> {
  const { rows } = await pool.query<BookingCounts>(
    `select count(*) filter (where is_whole)::int as whole,
            count(*) filter (where not is_whole)::int as half,
            count(*) filter (where arms > 1)::int as mixed
     from (select coalesce(bool_and(announcements.action is not null) and count(bookings.action) = 3
                           and sum(amount) = 0, false) as is_whole,
                  count(distinct bookings.arm) as arms
           from bookings full join announcements on bookings.action = announcements.action
           group by coalesce(bookings.action, announcements.action)) as actions`,
  );
  return rows[0] ?? { whole: 0, half: 0, mixed: 0 };
}
