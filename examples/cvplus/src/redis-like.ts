import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Listening, liveWithParent, tellParent } from './child-life.ts';
import { createRedisLikeServer } from './stores/redis-like-server.ts';

// The new cache, as a process of its own. Its content goes with it, as that of a Redis without a disk does.
const CAPACITY = 10_000;

const server = createRedisLikeServer({ now: Date.now, capacity: CAPACITY });
liveWithParent(() => void server.close());
server.listen(0, '127.0.0.1');
await once(server, 'listening');
tellParent<Listening>({ kind: 'listening', url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}` });
