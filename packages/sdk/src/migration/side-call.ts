import { TheseusError } from '@theseus/core/error';
import type { Arm } from '@theseus/core/flag';
import type { Deadlines, Timed } from './deadlines.ts';

/** What a side is told of the call besides its payload. */
export interface SideCall {
  readonly side: Arm;
  /** Aborted when the call has passed its deadline. */
  readonly signal: AbortSignal;
}

export interface WriteCall extends SideCall {
  /** The same for both sides and for every repetition: a side that has done a write of this key must not do it again. */
  readonly idempotencyKey: string;
}

/** Makes its signal only when somebody asks for it: few sides do, and it costs more than all else of a call. */
export class OneCall implements WriteCall {
  readonly side: Arm;
  readonly idempotencyKey: string;
  #controller: AbortController | undefined;
  #reason: unknown;

  constructor(side: Arm, idempotencyKey = '') {
    this.side = side;
    this.idempotencyKey = idempotencyKey;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#reason = reason;
    this.#controller?.abort(reason);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** What a promise becomes, or a `timed-out` TheseusError once so many milliseconds have passed since `beganMs`. */
export function within<T>(
  promise: PromiseLike<T>,
  { limitMs, beganMs, call, deadlines }: { limitMs: number; beganMs: number; call: OneCall; deadlines: Deadlines },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const pass = () => {
      const late = timedOut(call.side, limitMs);
      reject(late);
      call.abort(late);
    };
    const timed: Timed = { dueMs: 0, isOver: false, pass };
    deadlines.start(limitMs, beganMs, timed);
    // Deadlines may hold it for a while yet, and what it holds may be large.
    const end = () => {
      timed.isOver = true;
      timed.pass = end;
    };
    promise.then(
      (value) => {
        end();
        resolve(value);
      },
      (error: unknown) => {
        end();
        reject(error);
      },
    );
  });
}

export function timedOut(side: Arm, limitMs: number): TheseusError {
  return new TheseusError('timed-out', `The ${side} side has not answered within ${limitMs} ms`);
}

const NOT_SENT = new WeakSet<object>();

/**
 * Marks an error as one that struck before anything was sent: the write is then known not to have happened, and may be done by the
 * other side, or again, even where it is not idempotent.
 *
 * @example throw notSent(new Error('no connection left in the pool'))
 */
export function notSent<E extends object>(error: E): E {
  NOT_SENT.add(error);
  return error;
}

export function isNotSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && NOT_SENT.has(error);
}
