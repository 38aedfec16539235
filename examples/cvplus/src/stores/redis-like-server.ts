import net from 'node:net';
import { RespReader, reply } from './resp.ts';

interface Entry {
  readonly value: string;
  /** Epoch milliseconds; infinite for one that does not end. */
  readonly endsAt: number;
}

export interface RedisLikeOptions {
  readonly now: () => number;
  /** Entries it keeps; the one written longest ago goes first. */
  readonly capacity: number;
}

/**
 * The few commands of Redis that a cache needs, over a socket, as Redis answers them: PING, GET, SET with PX, DEL, PTTL,
 * DBSIZE. Stands in where no Redis is installed.
 */
export function createRedisLikeServer(options: RedisLikeOptions): net.Server {
  const entries = new Map<string, Entry>();
  return net.createServer({ noDelay: true }, (socket) => {
    const reader = new RespReader();
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      try {
        const commands = reader.push(bytes);
        if (commands.length > 0) socket.write(commands.map((parts) => answer(entries, parts, options)).join(''));
      } catch (error) {
        socket.end(reply.error(error instanceof Error ? error.message : 'not understood'));
      }
    });
  });
}

type Entries = Map<string, Entry>;

function answer(entries: Entries, parts: readonly string[], options: RedisLikeOptions): string {
  const [verb = '', key = ''] = parts;
  switch (verb.toUpperCase()) {
    case 'PING':
      return reply.simple('PONG');
    case 'GET':
      return reply.bulk(living(entries, key, options)?.value);
    case 'SET':
      return set(entries, parts, options);
    case 'DEL':
      return reply.integer(parts.slice(1).filter((name) => entries.delete(name)).length);
    case 'PTTL': {
      const entry = living(entries, key, options);
      if (entry === undefined) return reply.integer(-2);
      return reply.integer(Number.isFinite(entry.endsAt) ? entry.endsAt - options.now() : -1);
    }
    case 'DBSIZE':
      return reply.integer(entries.size);
    default:
      return reply.error(`unknown command '${verb.slice(0, 40)}'`);
  }
}

function set(entries: Entries, parts: readonly string[], { now, capacity }: RedisLikeOptions): string {
  const [, key, value, option, ms] = parts;
  if (key === undefined || value === undefined) return reply.error('SET needs a key and a value');
  if (parts.length !== 3 && !(parts.length === 5 && option?.toUpperCase() === 'PX' && Number(ms) > 0))
    return reply.error('syntax error');
  // Written anew it is the youngest.
  entries.delete(key);
  entries.set(key, { value, endsAt: ms === undefined ? Number.POSITIVE_INFINITY : now() + Number(ms) });
  const [oldest] = entries.keys();
  if (entries.size > capacity && oldest !== undefined) entries.delete(oldest);
  return reply.simple('OK');
}

function living(entries: Entries, key: string, { now }: RedisLikeOptions): Entry | undefined {
  const entry = entries.get(key);
  if (entry === undefined || entry.endsAt > now()) return entry;
  entries.delete(key);
  return undefined;
}
