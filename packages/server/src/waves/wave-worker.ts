import { errorText } from '@theseus/core/error';
import type { WaveBatch, WaveLedger } from '../ports/wave-ledger.ts';
import type { HandlerPlace, WaveOrder } from '../ports/wave-service.ts';
import { BatchWork, ClaimLost } from './batch-work.ts';
import type { SubjectHandler } from './subject-handler.ts';

/** Handlers that this machine can call. */
export interface HandlerBook {
  /** Whether waves of that handler may be worked on here. */
  allows(place: HandlerPlace): boolean;
  /** @throws TheseusError when it cannot be loaded */
  open(place: HandlerPlace): Promise<SubjectHandler>;
}

export interface WaveWorkerOptions {
  readonly worker: string;
  readonly ledger: WaveLedger;
  readonly handlers: HandlerBook;
  /** Batches in hand here at the same time. */
  readonly concurrency: number;
  /** Half as often as claims run out, at the least. */
  readonly holdEveryMs: number;
  readonly onProblem: (message: string) => void;
  readonly pollMs?: number;
}

/** How often batches that are due are looked for when nobody said so. */
const POLL_MS = 1_000;
const TROUBLED_MS = 5_000;

/** Takes batches of open waves, as many as it may have in hand, and asks for the next when one has ended. */
export class WaveWorker {
  readonly #options: WaveWorkerOptions;
  readonly #stopping = new AbortController();
  readonly #lanes: Promise<void>[] = [];
  #wake: (() => void)[] = [];

  constructor(options: WaveWorkerOptions) {
    this.#options = options;
  }

  start(): void {
    for (let lane = 0; lane < this.#options.concurrency; lane += 1) this.#lanes.push(this.#work());
  }

  /** There may be something to do. */
  poke(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  /** What is in hand is brought to its end. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.poke();
    await Promise.all(this.#lanes);
  }

  async #work(): Promise<void> {
    const { ledger, worker, handlers, onProblem, pollMs = POLL_MS } = this.#options;
    const canHandle = ({ handler }: WaveOrder): boolean => handlers.allows(handler);
    while (!this.#stopping.signal.aborted) {
      try {
        const batch = await ledger.take(worker, canHandle);
        if (batch === null) await this.#sleep(pollMs);
        else await this.#carryOut(batch);
      } catch (error) {
        onProblem(`a wave could not be worked on: ${errorText(error)}`);
        await this.#sleep(pollMs);
      }
    }
  }

  async #carryOut(batch: WaveBatch): Promise<void> {
    const { ledger, worker, handlers, holdEveryMs, onProblem } = this.#options;
    const lost = new AbortController();
    const holding = setInterval(() => {
      ledger.hold(batch, worker).then(
        (isHeld) => {
          if (!isHeld) lost.abort();
        },
        (error: unknown) => onProblem(`a claim could not be kept alive: ${errorText(error)}`),
      );
    }, holdEveryMs);
    try {
      const handler = await handlers.open(batch.order.handler);
      const { key } = batch.order;
      const log = (line: string): void => onProblem(`${key.migration}/${key.wave}: ${line}`);
      await new BatchWork({ batch, handler, ledger, worker, signal: lost.signal, log }).run();
    } catch (error) {
      if (error instanceof ClaimLost) return;
      onProblem(`batch ${batch.number} of wave '${batch.order.key.wave}' is put off: ${errorText(error)}`);
      await ledger.release(batch, worker, TROUBLED_MS);
    } finally {
      clearInterval(holding);
    }
  }

  #sleep(ms: number): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        resolve();
      }
      this.#wake.push(done);
    });
  }
}
