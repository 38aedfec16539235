import { bucket, saltState } from '@theseus/core/flag';
import type { RecordedEvent } from '@theseus/core/rollout';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { Random } from '../simulation/random.ts';

const EVERY_MS = 25;
const USERS_EACH_TIME = 3;
const USERS = 2_000;
/** Of the plans that tests make. */
const SALT = saltState('moving..');

interface Seen {
  readonly flag: string;
  readonly bucket: number;
  readonly at: number;
}

/** Real SDK clients with users, who remember how far into the queue of users each flag reached, and when. */
export class WatchingTraffic {
  readonly flags = new Set<string>();
  readonly #clients: readonly TheseusClient[];
  readonly #random: Random;
  readonly #furthest = new Map<string, Seen[]>();
  readonly #timer: NodeJS.Timeout;
  #answered = 0;

  constructor(urls: readonly string[], token: string, seed: number) {
    this.#random = new Random(seed);
    this.#clients = urls.map((url, index) =>
      createTheseus({ url, token, service: `traffic-${index}`, log: () => undefined }),
    );
    this.#timer = setInterval(() => this.#send(), EVERY_MS);
  }

  get answered(): number {
    return this.#answered;
  }

  /** Users whom a client put on the candidate before any decision had gone so far. */
  above(flag: string, log: readonly RecordedEvent[]): readonly string[] {
    const decided = log.flatMap(({ event }) =>
      event.type === 'flag.exposure-changed' && event.flag === flag ? [{ to: event.to, at: event.at }] : [],
    );
    return (this.#furthest.get(flag) ?? []).flatMap((seen) => {
      const most = Math.max(0, ...decided.filter(({ at }) => at <= seen.at).map(({ to }) => to));
      return seen.bucket < most ? [] : [`bucket ${seen.bucket} saw the candidate of ${flag}, decided was ${most}`];
    });
  }

  /** Whether every client serves the flag to exactly the users that the exposure names. */
  serves(flag: string, exposure: number): boolean {
    const users = Array.from({ length: USERS }, (_, user) => `user-${user}`);
    return this.#clients.every((client) =>
      users.every((userId) => client.enabled(flag, { userId }) === bucket(SALT, userId) < exposure),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  #send(): void {
    for (const flag of this.flags)
      for (const client of this.#clients)
        for (let count = 0; count < USERS_EACH_TIME; count += 1) this.#visit(client, flag);
  }

  #visit(client: TheseusClient, flag: string): void {
    const userId = `user-${this.#random.int(0, USERS - 1)}`;
    const arm = client.route(flag, { userId }, { legacy: () => 'legacy', candidate: () => 'candidate' });
    this.#answered += 1;
    if (arm !== 'candidate') return;
    const seen = this.#furthest.get(flag) ?? [];
    this.#furthest.set(flag, seen);
    const place = bucket(SALT, userId);
    if (place > (seen.at(-1)?.bucket ?? -1)) seen.push({ flag, bucket: place, at: Date.now() });
  }
}
