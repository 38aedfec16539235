import { setTimeout as pause } from 'node:timers/promises';
import { TheseusError } from '@theseus/core/error';
import type { Client } from 'pg';
import { type Access, connect } from './connection.ts';
import { isAlive } from './process-identity.ts';

/** The two halves of the advisory lock's key: "thes" in ASCII, and 1. Locks with one 64-bit key never meet it. */
const KEY = [0x74686573, 1] as const;
const NAME = /^theseus-lock pid=(\d+)$/;
const POLL_MS = 50;
/** A killed holder's lock is let go when the server notices its closed connection. */
const GONE_HOLDER_WAIT_MS = 3_000;
const LIVING_HOLDER_WAIT_MS = 600;

/** The right to serve a folder, held for as long as its connection lives and let go by the kernel with the process. */
export interface FolderLock {
  /** Calls back once, when the lock is lost or released. */
  onEnd(listener: () => void): void;
  release(): Promise<void>;
}

/** @throws TheseusError `folder-in-use` when another Theseus server serves the folder. */
export async function takeFolderLock(folder: string, access: Access): Promise<FolderLock> {
  const client = await connect(access, { applicationName: `theseus-lock pid=${process.pid}` });
  try {
    await waitForLock(client, folder);
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  let isEnded = false;
  const listeners: (() => void)[] = [];
  client.once('end', () => {
    isEnded = true;
    for (const listener of listeners) listener();
  });
  return {
    onEnd: (listener) => {
      if (isEnded) queueMicrotask(listener);
      else listeners.push(listener);
    },
    release: () => client.end().catch(() => undefined),
  };
}

async function waitForLock(client: Client, folder: string): Promise<void> {
  const began = performance.now();
  while (!(await tryLock(client))) {
    const holder = await holderOf(client);
    const limitMs = holder !== null && (await isAlive(holder)) ? LIVING_HOLDER_WAIT_MS : GONE_HOLDER_WAIT_MS;
    if (performance.now() - began > limitMs) throw inUse(folder, holder);
    await pause(POLL_MS);
  }
}

async function tryLock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [...KEY]);
  return rows[0]?.taken === true;
}

/** The process id of the server that holds the lock; null when it cannot be told. */
async function holderOf(client: Client): Promise<number | null> {
  const { rows } = await client.query<{ name: string }>(
    `select a.application_name as name from pg_locks l join pg_stat_activity a on a.pid = l.pid
     where l.locktype = 'advisory' and l.granted and l.classid = $1 and l.objid = $2 and l.objsubid = 2
       and l.database = (select oid from pg_database where datname = current_database())`,
    [...KEY],
  );
  const pid = NAME.exec(rows[0]?.name ?? '')?.[1];
  return pid === undefined ? null : Number(pid);
}

function inUse(folder: string, holder: number | null): TheseusError {
  const who = holder === null ? 'another Theseus server' : `another Theseus server (process ${holder})`;
  return new TheseusError(
    'folder-in-use',
    `Cannot serve ${folder}: ${who} serves it; use that one, stop it, or start with another folder or DATABASE_URL`,
  );
}
