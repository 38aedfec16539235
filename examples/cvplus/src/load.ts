import { liveWithParent, messageFromParent, tellParent } from './child-life.ts';
import { type LoadCounts, LoadGenerator } from './load-generator.ts';
import type { PaceLimits } from './pacing.ts';
import { seededRandom } from './seeded-random.ts';
import { ServiceClient } from './service-client.ts';
import { createUsers, userPicker } from './users.ts';

export interface StartLoad {
  readonly kind: 'start-load';
  readonly frontUrl: string;
  readonly users: number;
  readonly seed: number;
  readonly limits: PaceLimits;
}

export interface StopLoad {
  readonly kind: 'stop-load';
}

/** Sent about once a second, and at the end. */
export interface LoadReport {
  readonly kind: 'load-counts' | 'load-stopped';
  readonly counts: LoadCounts;
}

const PAGE_TIMEOUT_MS = 30_000;
const SOCKETS = 150;

liveWithParent();
const { frontUrl, users, seed, limits } = await messageFromParent<StartLoad>('start-load');
const random = seededRandom(seed);
const client = new ServiceClient({ timeoutMs: PAGE_TIMEOUT_MS, maxSockets: SOCKETS });
const load = new LoadGenerator({ client, frontUrl, pick: userPicker(createUsers(users, random), random), limits });
load.start((counts) => tellParent<LoadReport>({ kind: 'load-counts', counts }));
await messageFromParent<StopLoad>('stop-load');
tellParent<LoadReport>({ kind: 'load-stopped', counts: await load.stop() });
