import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Listening } from './child-life.ts';

export interface ChildOptions {
  /** The program's file name beside this one, without its ending. */
  readonly program: string;
  readonly args?: readonly string[];
  readonly logFile: string;
  /** Megabytes for long-lived objects; these programs need little, and there are many. */
  readonly memoryMb: number;
  /** In a process group of its own, out of a terminal's reach. */
  readonly detached?: boolean;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 5_000;

/** Starts one of the demo's own programs, tied to this process by a channel for messages. */
export function startChild({ program, args = [], logFile, memoryMb, detached = false }: ChildOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  const ending = import.meta.filename.endsWith('.ts') ? 'ts' : 'js';
  return fork(join(import.meta.dirname, `${program}.${ending}`), [...args], {
    stdio: ['ignore', log, log, 'ipc'],
    execArgv: [`--max-old-space-size=${memoryMb}`],
    detached,
  });
}

/** The next message of a kind; rejects when the program ends first or takes too long. */
export function nextMessage<Message extends { readonly kind: string }>(
  child: ChildProcess,
  kind: Message['kind'],
  limitMs: number = START_LIMIT_MS,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => settle(() => reject(new Error(`${child.spawnargs[2]} sent no ${kind} in time`))),
      limitMs,
    );
    const onExit = (): void => settle(() => reject(new Error(`${child.spawnargs.slice(2).join(' ')} ended by itself`)));
    const onMessage = (message: unknown): void => {
      if ((message as { readonly kind?: unknown })?.kind === kind) settle(() => resolve(message as Message));
    };
    const settle = (then: () => void): void => {
      clearTimeout(timer);
      child.off('exit', onExit);
      child.off('message', onMessage);
      then();
    };
    child.on('exit', onExit);
    child.on('message', onMessage);
  });
}

/** The URL a program listens on, once it does. */
export async function listeningUrl(child: ChildProcess): Promise<string> {
  return (await nextMessage<Listening>(child, 'listening')).url;
}

/** Ends a program: politely, then for good. Resolves when it is gone. */
export async function stopChild(child: ChildProcess, limitMs: number = STOP_LIMIT_MS): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timely = await Promise.race([gone.then(() => true), delay(limitMs, false, { ref: false })]);
  if (timely) return;
  child.kill('SIGKILL');
  await gone;
}
