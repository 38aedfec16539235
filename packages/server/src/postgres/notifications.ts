import pg from 'pg';

export interface NotificationOptions {
  readonly connectionString: string;
  readonly channels: readonly string[];
  readonly onNotification: (channel: string, payload: string) => void;
  /** After every (re)connection: whatever was said meanwhile was missed. */
  readonly onConnected: () => void;
  readonly onProblem: (message: string) => void;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;

/** Listens on a connection of its own and reconnects for as long as it is not closed. */
export class Notifications {
  readonly #options: NotificationOptions;
  #client: pg.Client | null = null;
  #closed = false;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: NotificationOptions) {
    this.#options = options;
  }

  async connect(): Promise<void> {
    if (this.#closed) return;
    const client = new pg.Client({
      connectionString: this.#options.connectionString,
      application_name: 'theseus-listen',
      keepAlive: true,
    });
    let ended = false;
    const lost = (): void => {
      if (ended) return;
      ended = true;
      this.#client = null;
      this.#retryLater();
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ channel, payload }) => this.#options.onNotification(channel, payload ?? ''));
    try {
      await client.connect();
      for (const channel of this.#options.channels) await client.query(`listen ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      this.#options.onProblem(
        `cannot listen to the database: ${error instanceof Error ? error.message : String(error)}`,
      );
      void client.end().catch(() => undefined);
      lost();
      return;
    }
    if (this.#closed) return void client.end().catch(() => undefined);
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
    this.#options.onConnected();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#client?.end().catch(() => undefined);
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.connect(), this.#retryMs);
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }
}
