import { join } from 'node:path';
import { createTheseus, openRepairJournal } from '@theseus/sdk';
import { type AskServer, createAdapters } from './adapters/adapters.ts';
import { restoreBreakers, saveBreakers } from './adapters/breaker-states.ts';
import { reportFeatures } from './adapters/feature-report.ts';
import { type Listening, liveWithParent, messageFromParent, tellParent } from './child-life.ts';
import { createFrontServer } from './front-server.ts';
import { closeServer, listen } from './http-listening.ts';
import { ServiceClient } from './service-client.ts';
import type { ServerName } from './services/service-catalog.ts';
import { postgresCache } from './stores/postgres-cache.ts';
import { makeTables, openPool } from './stores/postgres-tables.ts';
import { redisCache } from './stores/redis-cache.ts';

/** Where both arms of every service that is a program of its own are. */
export type ServiceUrls = Readonly<Record<ServerName, { readonly legacy: string; readonly candidate: string }>>;

/** What the front has to be told before it can begin. By message, for a token has no place on a command line. */
export interface ConfigureFront {
  readonly kind: 'configure-front';
  readonly theseusUrl: string;
  readonly theseusToken: string;
  /** For the flags it knew last, and for what its stores are still owed. */
  readonly cacheFolder: string;
  readonly services: ServiceUrls;
  /** Holds a password. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Longer than any service takes on a busy machine, shorter than anybody waits for a page. */
const SERVICE_TIMEOUT_MS = 10_000;
const SOCKETS_PER_SERVICE = 64;
/** How long the front waits for its flags before it serves; without them it answers from legacy. */
const FLAGS_WAIT_MS = 3_000;

const configuration = await messageFromParent<ConfigureFront>('configure-front');
const { theseusUrl, theseusToken, cacheFolder, services, databaseUrl, redisUrl } = configuration;
const pool = openPool(databaseUrl);
await makeTables(pool);
const redis = await redisCache(redisUrl);
const repairs = await openRepairJournal(join(cacheFolder, 'front.repairs'));
const theseus = createTheseus({ url: theseusUrl, token: theseusToken, service: 'front', cacheFolder });
const client = new ServiceClient({ timeoutMs: SERVICE_TIMEOUT_MS, maxSockets: SOCKETS_PER_SERVICE });

const ask: AskServer = async (service, arm, user, after = '') => {
  const query = new URLSearchParams({ user, ...(after === '' ? {} : { after }) });
  const { status, body } = await client.get(`${services[service][arm]}/work?${query}`);
  if (status !== 200) throw new Error(`${service} answered ${status}`);
  return JSON.parse(body) as unknown;
};

let actionsToFail = 0;
const adapters = createAdapters({
  theseus,
  ask,
  pool,
  legacyCache: postgresCache(pool),
  candidateCache: redis,
  repairs,
  // Of legacy's: one failure among a dozen requests of the candidate would rightly be taken for the candidate's.
  beforeAnnouncement: (arm) => {
    if (actionsToFail === 0 || arm !== 'legacy') return;
    actionsToFail -= 1;
    throw new Error('the announcement was refused, as the demo wanted');
  },
});
const server = createFrontServer({
  answers: adapters.answers,
  flagsVersion: () => theseus.version,
  state: {
    save: () => saveBreakers(adapters.breakers),
    restore: (value) => restoreBreakers(adapters.breakers, value),
  },
  askStores: async () => {
    await Promise.all([pool.query('select 1'), redis.ping()]);
  },
  report: () => reportFeatures(adapters),
  failNextAction: () => {
    actionsToFail += 1;
  },
});
liveWithParent(async () => {
  await closeServer(server);
  await theseus.close();
  await repairs.close();
  client.close();
  redis.close();
  await pool.end();
});
await theseus.ready(FLAGS_WAIT_MS);
tellParent<Listening>({ kind: 'listening', url: await listen(server) });
