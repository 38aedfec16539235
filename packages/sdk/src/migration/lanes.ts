/** Runs one task after another in each lane; lanes know nothing of each other. */
export class Lanes {
  readonly #tails = new Map<string, Promise<void>>();

  isBusy(lane: string): boolean {
    return this.#tails.size > 0 && this.#tails.has(lane);
  }

  /** Runs the task when all before it in its lane have ended, however they ended. */
  run<T>(lane: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(lane);
    const result = before === undefined ? task() : before.then(task);
    const tail = result.then(nothing, nothing).then(() => {
      if (this.#tails.get(lane) === tail) this.#tails.delete(lane);
    });
    this.#tails.set(lane, tail);
    return result;
  }

  /** Resolves when everything has ended that is now in a lane. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}

function nothing(): void {
  // How a task ended is its own caller's concern.
}
