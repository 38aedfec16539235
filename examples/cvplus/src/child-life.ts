import process from 'node:process';

/** A program of the demo that can be started has come up, and where it listens. */
export interface Listening {
  readonly kind: 'listening';
  readonly url: string;
}

/** Tells the program that started this one; nothing happens when nobody did. */
export function tellParent<Message extends { readonly kind: string }>(message: Message): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

/**
 * Ties this process to the one that started it: when that one is gone, however it went, `end` runs and this one exits.
 * Ctrl-C in a terminal reaches every process at once; only the parent answers it, so that the order of stopping is its own.
 */
export function liveWithParent(end: () => Promise<void> | void = () => undefined): void {
  let ending = false;
  const stop = (): void => {
    if (ending) return;
    ending = true;
    void Promise.resolve()
      .then(end)
      .catch((error: unknown) => console.error(error))
      .finally(() => process.exit(0));
  };
  process.on('disconnect', stop);
  process.on('SIGTERM', stop);
  process.on('SIGINT', () => undefined);
  // The parent may have gone before anybody listened.
  if (process.send !== undefined && !process.connected) stop();
}

/** The first message of the given kind that the parent sends. */
export function messageFromParent<Message extends { readonly kind: string }>(kind: Message['kind']): Promise<Message> {
  return new Promise((resolve) => {
    const look = (message: unknown): void => {
      if ((message as { readonly kind?: unknown } | null)?.kind !== kind) return;
      process.off('message', look);
      resolve(message as Message);
    };
    process.on('message', look);
  });
}
