import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { TheseusError } from '@theseus/core/error';

/** Below the ranges from which systems give out ports for outgoing connections, so that none takes it by chance. */
const FIRST = 20_000;
const LAST = 32_000;
const ATTEMPTS = 50;

/** @throws TheseusError `postgres-unavailable` when no port was found free. */
export async function chooseFreePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (await isPortFree(port)) return port;
  }
  throw new TheseusError(
    'postgres-unavailable',
    `Cannot find a free port between ${FIRST} and ${LAST} on 127.0.0.1 after ${ATTEMPTS} attempts; set DATABASE_URL`,
  );
}

/** Whether a server could listen on this port of the loopback address now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
