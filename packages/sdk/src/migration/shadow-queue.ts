/** Jobs begun in one turn of the event loop: shadows must not hold up those who wait. */
const JOBS_OF_A_TURN = 32;

export interface ShadowQueueOptions<Job> {
  /** How many jobs may be under way at once. */
  readonly concurrency: number;
  /** How many may wait beside them; more are not taken. */
  readonly room: number;
  /** Begins a job, and calls `onEnd` exactly once when it has ended. Must not throw. */
  readonly begin: (job: Job, onEnd: () => void) => void;
}

/** Does work off the path of callers: never in the turn in which it was offered, never more at once than allowed. */
export class ShadowQueue<Job> {
  readonly #options: ShadowQueueOptions<Job>;
  #waiting: Job[] = [];
  #first = 0;
  #underWay = 0;
  #isTurnDue = false;
  #isClosed = false;
  #onIdle: (() => void)[] = [];

  constructor(options: ShadowQueueOptions<Job>) {
    this.#options = options;
  }

  /** Whether there is room for one more job. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#waiting.length - this.#first < this.#options.room;
  }

  /** Takes a job, for a later turn; only while {@link hasRoom}. */
  add(job: Job): void {
    this.#waiting.push(job);
    this.#askForTurn();
  }

  /** Resolves once nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Takes no more jobs; those that wait are still done. */
  close(): void {
    this.#isClosed = true;
  }

  #isIdle(): boolean {
    return this.#underWay === 0 && this.#first === this.#waiting.length;
  }

  #askForTurn(): void {
    if (this.#isTurnDue || this.#underWay >= this.#options.concurrency) return;
    this.#isTurnDue = true;
    setImmediate(this.#takeTurn);
  }

  readonly #takeTurn = (): void => {
    this.#isTurnDue = false;
    for (let begun = 0; begun < JOBS_OF_A_TURN && this.#underWay < this.#options.concurrency; begun += 1) {
      if (this.#first === this.#waiting.length) break;
      const job = this.#waiting[this.#first] as Job;
      this.#first += 1;
      this.#underWay += 1;
      this.#options.begin(job, this.#onEnd);
    }
    this.#forgetBegun();
    if (this.#first < this.#waiting.length) this.#askForTurn();
  };

  readonly #onEnd = (): void => {
    this.#underWay -= 1;
    if (this.#first < this.#waiting.length) this.#askForTurn();
    if (!this.#isIdle()) return;
    for (const tell of this.#onIdle.splice(0)) tell();
  };

  #forgetBegun(): void {
    if (this.#first < this.#waiting.length && this.#first < this.#options.room) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }
}
