import type { Watch } from '@theseus/core/health';
import type { RolloutState } from '@theseus/core/rollout';
import type { Boundary } from '../scenario.ts';
import { Crash, DatabaseFault } from './fault-plan.ts';
import { isActive } from './model-database.ts';
import { ModelDriver } from './model-driver.ts';
import type { World } from './world.ts';

export const LEASE_MS = 6_000;
/** A server looks after its lease at the latest so often, even where nothing gives it a reason. */
const LEASE_ROUND_MS = 60_000;

/** One process: its clock, what it remembers, and what it drives. Dies, pauses and wakes up as the faults say. */
export class ModelServer {
  readonly index: number;
  readonly #world: World;
  /** What was remembered of watches: lost with the process but for what was saved. */
  readonly watches = new Map<string, Watch>();
  driver: ModelDriver | null = null;
  #known: RolloutState | null = null;
  #life = 0;
  #isUp = true;
  #pausedUntil = 0;
  /** By how much the machine's time is off. */
  #offsetMs = 0;
  /** What its steady clock told last, and when that was in true time; a new life begins with the machine's time. */
  #told: { readonly clock: number; readonly at: number } | null = null;
  /** By how much the run's time is ahead of the clock, as far as this life of the process has seen. */
  #aheadMs = 0;

  constructor(world: World, index: number) {
    this.#world = world;
    this.index = index;
  }

  /** A name of this life of the process: one that was started anew is another. */
  get processId(): string {
    return `server-${this.index}.${this.#life}`;
  }

  get isAwake(): boolean {
    return this.#isUp && this.#world.time.now >= this.#pausedUntil;
  }

  /** The state as last seen here, which may be behind. */
  get known(): RolloutState | null {
    return this.#known;
  }

  /** As engine/steady-clock.ts tells it: never back, and half as fast while the machine's time is behind. */
  clock(): number {
    const { now } = this.#world.time;
    const wall = now + this.#offsetMs;
    const clock = this.#told === null ? wall : Math.max(wall, this.#told.clock + (now - this.#told.at) / 2);
    this.#told = { clock, at: now };
    return Math.floor(clock);
  }

  /** The run's time, as engine/run-clocks.ts tells it. */
  now(): number {
    return this.clock() + this.#aheadMs;
  }

  saw(lastAt: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, lastAt - this.clock());
  }

  jump(byMs: number): void {
    // Asked now, so that what is told afterwards is reckoned from here.
    this.clock();
    this.#offsetMs += byMs;
    this.#world.truth.jumped();
  }

  setRight(): void {
    if (this.#offsetMs !== 0) this.jump(-this.#offsetMs);
  }

  remember(state: RolloutState): void {
    if (this.#known === null || this.#known.revision < state.revision) this.#known = state;
  }

  /** Work of this life of the process: it is late when the process is paused, and never done when it has died. */
  later(ms: number, work: () => void): void {
    const life = this.#life;
    this.#world.time.later(ms, () => this.#resume(life, work));
  }

  #resume(life: number, work: () => void): void {
    if (life !== this.#life || !this.#isUp) return;
    if (this.#world.time.now < this.#pausedUntil) {
      this.#world.time.at(this.#pausedUntil, () => this.#resume(life, work));
      return;
    }
    try {
      work();
    } catch (error) {
      if (error instanceof Crash) this.crash(error.downMs);
      else if (!(error instanceof DatabaseFault)) throw error;
    }
  }

  /** A seam in the work, where a fault of the scenario may strike. */
  cross(boundary: Boundary): void {
    const strike = this.#world.strike(boundary);
    if (strike === undefined) return;
    if (strike.what === 'crash') throw new Crash(strike.forMs);
    if (strike.what === 'database-error') {
      if (boundary === 'effect-done') return;
      throw new DatabaseFault(boundary);
    }
    this.pause(strike.forMs);
  }

  /** The process stops in the middle of everything and goes on later as if no time had passed. */
  pause(forMs: number): void {
    const { time } = this.#world;
    this.#pausedUntil = Math.max(this.#pausedUntil, time.now + forMs);
    this.#world.stoppedRenewing(this, forMs);
    this.later(this.#world.noise.int(0, LEASE_MS / 3), () => this.holdLease());
  }

  crash(downMs: number): void {
    if (!this.#isUp) return;
    this.#world.crashed();
    this.#world.stoppedRenewing(this, downMs);
    this.#isUp = false;
    this.#life += 1;
    this.driver?.stop();
    this.driver = null;
    this.#known = null;
    this.#told = null;
    this.#aheadMs = 0;
    this.#pausedUntil = 0;
    this.watches.clear();
    this.#world.time.later(downMs, () => this.begin());
  }

  begin(): void {
    this.#isUp = true;
    this.later(this.#world.noise.int(1, 200), () => {
      this.#round();
      this.#world.dispatchJobs();
    });
  }

  #round(): void {
    this.later(LEASE_ROUND_MS, () => this.#round());
    this.holdLease();
  }

  /** Renews its lease, takes over the run when nobody drives it, lets go of it when it ended or went elsewhere. */
  holdLease(): void {
    try {
      this.cross('lease-held');
      // Paused right here, it looks after its lease when it wakes up.
      if (this.isAwake) this.#holdLease();
    } catch (error) {
      if (!(error instanceof DatabaseFault)) throw error;
      this.later(LEASE_MS / 3, () => this.holdLease());
    }
  }

  #holdLease(): void {
    const { database, time } = this.#world;
    const { lease } = database;
    const isMine = lease.holder === this.processId;
    const isFree = lease.holder === null || lease.until <= time.now;
    if (isActive(database.row.state) && (isMine || isFree)) {
      const epoch = isMine && !isFree ? lease.epoch : lease.epoch + 1;
      database.lease = { holder: this.processId, until: Number.POSITIVE_INFINITY, epoch };
    }
    const held = isActive(database.row.state) && database.lease.holder === this.processId ? database.lease.epoch : null;
    if (this.driver !== null && this.driver.epoch !== held) this.letGo();
    if (held !== null && this.driver === null) this.#drive(held);
    else if (this.driver !== null && this.driver.revision !== database.row.state.revision) this.notified();
  }

  letGo(): void {
    this.driver?.stop();
    this.driver = null;
    this.#aheadMs = 0;
    this.watches.clear();
    this.#world.truth.outage(this.#world.time.now + LEASE_MS);
  }

  /** The run has changed elsewhere. */
  notified(): void {
    if (this.driver === null) return this.holdLease();
    this.remember(this.#world.database.row.state);
    this.saw(this.#world.database.row.lastAt);
    this.driver.poke();
    this.driver.confirm();
  }

  #drive(epoch: number): void {
    const { database } = this.#world;
    this.remember(database.row.state);
    this.saw(database.row.lastAt);
    for (const [id, watch] of database.watches) this.watches.set(id, watch);
    this.driver = new ModelDriver(this.#world, this, epoch);
    this.driver.poke();
    this.driver.confirm();
  }
}
