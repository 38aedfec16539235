interface Due {
  readonly at: number;
  readonly order: number;
  readonly work: () => void;
}

/** Time that moves from one thing to the next. What is due in the same moment happens in the order it was asked for. */
export class VirtualTime {
  readonly #heap: Due[] = [];
  #order = 0;
  #now: number;

  constructor(startAt: number) {
    this.#now = startAt;
  }

  /** Epoch milliseconds of the one true clock, which no server can see. */
  get now(): number {
    return this.#now;
  }

  at(moment: number, work: () => void): void {
    this.#order += 1;
    this.#push({ at: Math.max(moment, this.#now), order: this.#order, work });
  }

  later(ms: number, work: () => void): void {
    this.at(this.#now + ms, work);
  }

  /** Does what is due next; false when nothing is, or not before the end. */
  step(end: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.at > end) return false;
    this.#pop();
    this.#now = next.at;
    next.work();
    return true;
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(due, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = heap[2 * index + 1];
      const right = heap[2 * index + 2];
      const isRight = right !== undefined && left !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (child === undefined || !isBefore(child, last)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = last;
  }
}

function isBefore(left: Due, right: Due): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
