import type { RepairTelemetry } from '@theseus/core/health';
import type { PendingRepair, Repair, RepairLine } from './repair-queue.ts';

interface Waiting extends PendingRepair {
  repair: Repair;
  attempts: number;
  retryAtMs: number;
}

/** The repairs of a queue by line, in memory. */
export class RepairLines {
  readonly #lines = new Map<string, Waiting[]>();
  readonly #byId = new Map<string, Waiting>();
  readonly #givenUp = new Map<string, Repair>();
  readonly #sizes = new Map<string, { pending: number; failed: number }>();

  get count(): number {
    return this.#byId.size + this.#givenUp.size;
  }

  add(repair: Repair): void {
    const waiting: Waiting = { repair, attempts: 0, retryAtMs: Number.NEGATIVE_INFINITY };
    const line = this.#lines.get(lineOf(repair));
    if (line === undefined) this.#lines.set(lineOf(repair), [waiting]);
    else line.push(waiting);
    this.#byId.set(repair.id, waiting);
    this.#sizeOf(repair.flag).pending += 1;
  }

  addGivenUp(repair: Repair): void {
    this.#givenUp.set(repair.id, repair);
    this.#sizeOf(repair.flag).failed += 1;
  }

  take(nowMs: number, mayBeTaken: (repair: Repair) => boolean): PendingRepair | undefined {
    for (const line of this.#lines.values()) {
      const [first] = line;
      if (first !== undefined && first.retryAtMs <= nowMs && mayBeTaken(first.repair)) return first;
    }
    return undefined;
  }

  first(line: RepairLine): PendingRepair | undefined {
    return this.#lines.size === 0 ? undefined : this.#lines.get(lineOf(line))?.[0];
  }

  nextDueMs(mayBeTaken: (repair: Repair) => boolean): number | undefined {
    let next: number | undefined;
    for (const line of this.#lines.values()) {
      const [first] = line;
      if (first === undefined || !mayBeTaken(first.repair)) continue;
      if (next === undefined || first.retryAtMs < next) next = first.retryAtMs;
    }
    return next;
  }

  /** The repair as it now is; undefined when it is not here. */
  retry(id: string, retryAtMs: number, change: { readonly payload?: unknown }): Repair | undefined {
    const waiting = this.#byId.get(id);
    if (waiting === undefined) return undefined;
    waiting.attempts += 1;
    waiting.retryAtMs = retryAtMs;
    if ('payload' in change) waiting.repair = { ...waiting.repair, payload: change.payload };
    return waiting.repair;
  }

  /** Whether it was here. */
  remove(id: string): boolean {
    const givenUp = this.#givenUp.get(id);
    if (givenUp !== undefined) {
      this.#givenUp.delete(id);
      this.#sizeOf(givenUp.flag).failed -= 1;
      return true;
    }
    return this.#takeOut(id) !== undefined;
  }

  /** Whether it was waiting. */
  giveUp(id: string): boolean {
    const repair = this.#takeOut(id);
    if (repair === undefined) return false;
    this.addGivenUp(repair);
    return true;
  }

  size(flag?: string): RepairTelemetry {
    if (flag !== undefined) return { ...this.#sizeOf(flag) };
    return { pending: this.#byId.size, failed: this.#givenUp.size };
  }

  pending(): readonly Repair[] {
    return [...this.#byId.values()].map(({ repair }) => repair);
  }

  givenUp(): readonly Repair[] {
    return [...this.#givenUp.values()];
  }

  #takeOut(id: string): Repair | undefined {
    const waiting = this.#byId.get(id);
    if (waiting === undefined) return undefined;
    const { repair } = waiting;
    this.#byId.delete(id);
    const line = this.#lines.get(lineOf(repair)) ?? [];
    line.splice(line.indexOf(waiting), 1);
    if (line.length === 0) this.#lines.delete(lineOf(repair));
    this.#sizeOf(repair.flag).pending -= 1;
    return repair;
  }

  #sizeOf(flag: string): { pending: number; failed: number } {
    const known = this.#sizes.get(flag);
    if (known !== undefined) return known;
    const size = { pending: 0, failed: 0 };
    this.#sizes.set(flag, size);
    return size;
  }
}

function lineOf({ flag, side, key }: RepairLine): string {
  return `${side}\n${flag}\n${key}`;
}
