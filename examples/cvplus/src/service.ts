import process from 'node:process';
import { type Listening, liveWithParent, tellParent } from './child-life.ts';
import { listen } from './http-listening.ts';
import { hashOf, seededRandom } from './seeded-random.ts';
import { createServiceServer } from './service-server.ts';
import { isServerName } from './services/service-catalog.ts';

// The program of one service: `node service.js <service> <legacy|candidate>`.
const [service, arm] = process.argv.slice(2);
if (!isServerName(service) || (arm !== 'legacy' && arm !== 'candidate')) {
  console.error('usage: service.js <service> <legacy|candidate>');
  process.exit(2);
}
liveWithParent();
const url = await listen(createServiceServer({ service, arm, random: seededRandom(hashOf(`${service} ${arm}`)) }));
tellParent<Listening>({ kind: 'listening', url });
if (!process.connected) console.log(`${service} (${arm}) listens on ${url}`);
