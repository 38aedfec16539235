import type { TelemetryBatch } from '@theseus/core/health';
import type { InstanceView, ReportedValue, TelemetryService } from '../ports/telemetry-service.ts';
import type { TelemetryStore } from '../postgres/telemetry-store.ts';

/** Instances that were heard of within this time are listed. */
const LISTED_MS = 86_400_000;
/** Batches that arrive while one commit is under way share the next. */
const LARGEST_GROUP = 500;
/** So that a group with many users in it is still one short statement; a batch alone may hold more. */
const USER_NUMBERS_OF_GROUP = 250_000;

interface Waiting {
  readonly batch: TelemetryBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Takes batches in groups, one commit for many, and answers each only when it is durable. */
export class TelemetryIntake implements TelemetryService {
  readonly #store: TelemetryStore;
  readonly #onServed: () => void;
  #waiting: Waiting[] = [];
  #storing = false;

  constructor(store: TelemetryStore, onServed: () => void) {
    this.#store = store;
    this.#onServed = onServed;
  }

  receive(batch: TelemetryBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject });
      void this.#drain();
    });
  }

  instances(of: { readonly environment?: string } = {}): Promise<readonly InstanceView[]> {
    return this.#store.instances(LISTED_MS, of);
  }

  totals(environment: string): ReturnType<TelemetryService['totals']> {
    return this.#store.totals(environment);
  }

  report(value: ReportedValue): Promise<void> {
    return this.#store.report(value);
  }

  async #drain(): Promise<void> {
    if (this.#storing) return;
    this.#storing = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupSize(this.#waiting));
      try {
        const moved = await this.#store.receive(group.map(({ batch }) => batch));
        for (const { resolve } of group) resolve();
        if (moved) this.#onServed();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#storing = false;
  }
}

/** How many of those who wait share the next commit. */
function groupSize(waiting: readonly Waiting[]): number {
  let numbers = 0;
  let size = 0;
  for (const { batch } of waiting) {
    for (const { legacy, candidate } of Object.values(batch.users?.flags ?? {})) {
      numbers += legacy.length + candidate.length;
    }
    for (const { goals } of Object.values(batch.users?.goals ?? {})) {
      for (const counts of Object.values(goals)) numbers += counts.length;
    }
    if (size > 0 && (size === LARGEST_GROUP || numbers > USER_NUMBERS_OF_GROUP)) break;
    size += 1;
  }
  return size;
}
