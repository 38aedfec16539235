import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { Tell } from './fact.ts';

export interface AskOptions {
  /** Where a person types; null when nobody is asked. */
  readonly input: Readable | null;
  readonly tell: Tell;
  /** How long to wait before going on without them. */
  readonly pauseMs: number;
  readonly stop: AbortSignal;
}

/** Who agreed, so that it can be said aloud. */
export type Agreement = 'person' | 'demo';

/**
 * Waits until a person types `y`, or until the pause is over. Typing anything else ends the pause, and then only a `y`
 * will do: nobody who said no is passed over.
 */
export function askPerson({ input, tell, pauseMs, stop }: AskOptions): Promise<Agreement> {
  return new Promise((resolve) => {
    const lines = input === null ? null : createInterface({ input });
    const settle = (agreement: Agreement): void => {
      clearTimeout(timer);
      stop.removeEventListener('abort', onStop);
      lines?.close();
      input?.pause();
      resolve(agreement);
    };
    const onStop = (): void => settle('demo');
    const timer = setTimeout(() => settle('demo'), pauseMs);
    stop.addEventListener('abort', onStop);
    lines?.on('line', (line) => {
      if (['', 'y', 'yes'].includes(line.trim().toLowerCase())) return settle('person');
      clearTimeout(timer);
      tell({ kind: 'approval-waits', tone: 'notice', text: 'Nothing moves before you type y.' });
    });
  });
}
