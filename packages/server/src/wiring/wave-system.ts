import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { MigrationHandler } from '@theseus/migrate';
import type { Client, Database } from '../ports/database.ts';
import type { MemberChange } from '../ports/wave-ledger.ts';
import type { HandlerPlace, WaveKey, WaveOrder, WaveService } from '../ports/wave-service.ts';
import { migrate, openDatabase } from '../postgres/database.ts';
import { Notifications } from '../postgres/notifications.ts';
import type { IncomingSubject } from '../postgres/wave-intake.ts';
import { WaveLedgerStore } from '../postgres/wave-ledger-store.ts';
import { WAVES_CHANNEL } from '../postgres/wave-rows.ts';
import { WaveStore } from '../postgres/wave-store.ts';
import { subjectHandler } from '../waves/subject-handler.ts';
import { WaveWorker } from '../waves/wave-worker.ts';

/** A claim that nobody has kept alive for so long is given to another worker. */
const CLAIM_MS = 15_000;
const HOLD_EVERY_MS = 4_000;
const MAX_CONNECTIONS = 6;

export interface WaveSystemOptions {
  readonly databaseUrl: string;
  /** The handler of a place; undefined where its waves are not for this process. */
  readonly handlerOf: (place: HandlerPlace) => MigrationHandler | undefined;
  /** Batches in hand at the same time. */
  readonly concurrency?: number;
  readonly claimMs?: number;
  readonly onProblem?: (message: string) => void;
  /** Told of new and lost members of a flag, in the transaction that marks them. */
  readonly onMembers?: (client: Client, change: MemberChange) => Promise<void>;
}

/** The ledger on one database, with a worker of this process over it. */
export interface WaveSystem {
  readonly waves: WaveService;
  readonly database: Database;
  /** Lets workers take a wave's batches, stops them, or has it taken back. */
  permit(key: WaveKey, permit: 'open' | 'paused' | 'undoing'): Promise<void>;
  startWorking(): void;
  /** What is in hand is brought to its end first. */
  close(): Promise<void>;
}

/** Opens the ledger, whose tables are made where they are not there. */
export async function openWaveSystem(options: WaveSystemOptions): Promise<WaveSystem> {
  const { databaseUrl, handlerOf, concurrency = 2, claimMs = CLAIM_MS, onProblem = () => undefined } = options;
  const database = openDatabase({
    connectionString: databaseUrl,
    maxConnections: MAX_CONNECTIONS + concurrency,
    onError: (error) => onProblem(`a database connection broke: ${error.message}`),
  });
  await migrate(database);
  const waves = new WaveStore(database, (order, signal) => subjectsOf(handlerOf(order.handler), order, signal));
  const ledger = new WaveLedgerStore({ database, claimMs, onMembers: options.onMembers ?? (() => Promise.resolve()) });
  const worker = new WaveWorker({
    worker: `${hostname()}/${process.pid}/${randomUUID()}`,
    ledger,
    handlers: {
      allows: (place) => handlerOf(place) !== undefined,
      open: async (place) => {
        const handler = handlerOf(place);
        if (handler === undefined) throw new Error('the handler is gone');
        return subjectHandler(handler);
      },
    },
    concurrency,
    holdEveryMs: Math.min(HOLD_EVERY_MS, claimMs / 3),
    onProblem,
  });
  const notifications = new Notifications({
    connectionString: databaseUrl,
    channels: [WAVES_CHANNEL],
    onNotification: () => worker.poke(),
    onConnected: () => worker.poke(),
    onProblem,
  });
  await notifications.connect();
  return {
    waves,
    database,
    permit: (key, permit) => database.transaction((client) => waves.permit(client, key, permit)),
    startWorking: () => worker.start(),
    close: async () => {
      await notifications.close();
      await worker.stop();
      await database.close();
    },
  };
}

async function* subjectsOf(
  handler: MigrationHandler | undefined,
  { key }: WaveOrder,
  signal: AbortSignal,
): AsyncGenerator<IncomingSubject> {
  if (handler?.subjects === undefined) throw new Error(`The handler of migration '${key.migration}' names no subjects`);
  yield* handler.subjects({
    dryRun: false,
    signal,
    deadline: Number.POSITIVE_INFINITY,
    idempotencyKey: `${key.environment}/${key.migration}/subjects`,
    attempt: 1,
    log: () => undefined,
  });
}
