import type { RolloutState } from '@theseus/core/rollout';
import type { Fault, Scenario } from '../scenario.ts';

/** An instance that was not heard of for so long is told of, not waited for: the product's own bound. */
export const SILENT_AFTER_MS = 10_000;

interface Instance {
  /** The newest state it serves, by the run's revision; 0 serves legacy to everybody. */
  served: RolloutState | null;
}

/** The programs that serve users: they learn of new exposures a little later, or much later while they are silent. */
export class Instances {
  readonly #startAt: number;
  readonly #silences: readonly Extract<Fault, { kind: 'silent-instance' }>[];
  readonly #instances: readonly Instance[];

  constructor({ startAt, faults, instances }: Scenario) {
    this.#startAt = startAt;
    this.#silences = faults.filter((fault) => fault.kind === 'silent-instance');
    this.#instances = Array.from({ length: instances }, () => ({ served: null }));
  }

  get count(): number {
    return this.#instances.length;
  }

  /** The instance hears of a state; true when it now serves something newer. While silent it hears nothing. */
  hear(index: number, state: RolloutState, now: number): boolean {
    const instance = this.#instances[index];
    if (instance === undefined || this.silentSince(index, now) !== null) return false;
    if ((instance.served?.revision ?? 0) >= state.revision) return false;
    instance.served = state;
    return true;
  }

  /** Whether every instance that is heard of serves the flag as of the revision; null while one does not. */
  confirmed(
    flag: string,
    revision: number,
    now: number,
  ): { readonly instances: number; readonly silent: number } | null {
    const indexes = this.#instances.map((_instance, index) => index);
    const live = indexes.filter((index) => !this.#isSilent(index, now));
    if (live.some((index) => this.servedRevision(index, flag) < revision)) return null;
    return { instances: live.length, silent: indexes.length - live.length };
  }

  /** When the instance fell silent, if it is; epoch milliseconds. */
  silentSince(index: number, now: number): number | null {
    const silence = this.#silences.find(
      ({ instance, at, forMs }) => instance === index && now >= this.#startAt + at && now < this.#startAt + at + forMs,
    );
    return silence === undefined ? null : this.#startAt + silence.at;
  }

  servedRevision(index: number, flag: string): number {
    return this.#instances[index]?.served?.flags[flag]?.changedAtRevision ?? 0;
  }

  #isSilent(index: number, now: number): boolean {
    const since = this.silentSince(index, now);
    return since !== null && now - since > SILENT_AFTER_MS;
  }
}
