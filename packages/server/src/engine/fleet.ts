import { errorText } from '@theseus/core/error';
import type { RolloutState } from '@theseus/core/rollout';
import type { ComparisonSource } from '../ports/comparison-source.ts';
import type { Database } from '../ports/database.ts';
import type { RepairSource } from '../ports/repair-source.ts';
import type { FlagStore } from '../postgres/flag-store.ts';
import type { LeaseStore } from '../postgres/lease-store.ts';
import type { RunStore } from '../postgres/run-store.ts';
import type { TelemetryStore } from '../postgres/telemetry-store.ts';
import { confirmedBy } from './confirmation.ts';
import { type ReadAll, RunDriver } from './driver.ts';
import { Hearing } from './hearing.ts';
import type { RunEngine } from './run-engine.ts';
import type { WatchMemory } from './watch-memory.ts';

export interface FleetParts {
  readonly database: Database;
  readonly runs: RunStore;
  readonly flags: FlagStore;
  readonly telemetry: TelemetryStore;
  readonly leases: LeaseStore;
  readonly engine: RunEngine;
  readonly memory: WatchMemory;
  readonly readAll: ReadAll;
  /** Where both arms of a flag are counted; without it nobody can compare them. */
  readonly comparisons?: ComparisonSource;
  /** What migrations owe; without it nobody can tell. */
  readonly repairs?: RepairSource;
  readonly clock: () => number;
  readonly leaseMs: number;
  readonly onHealth: (runId: string) => void;
  readonly onProblem: (message: string) => void;
}

/** Between two looks at instances that have not confirmed yet, when nobody said anything. */
const CONFIRM_EVERY_MS = 1_000;

/** All runs that this server drives. */
export class Fleet {
  readonly #parts: FleetParts;
  readonly #drivers = new Map<string, RunDriver>();
  readonly #hearing: Hearing;
  #timers: NodeJS.Timeout[] = [];
  #holding: Promise<void> = Promise.resolve();
  #confirming = false;
  #confirmAgain = false;
  #stopped = false;

  constructor(parts: FleetParts) {
    this.#parts = parts;
    this.#hearing = new Hearing(parts.clock, parts.leaseMs);
  }

  async begin(): Promise<void> {
    await this.holdLeases();
    this.#timers = [
      setInterval(() => void this.holdLeases(), this.#parts.leaseMs / 3),
      setInterval(() => this.confirm(), CONFIRM_EVERY_MS),
    ];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const driver of this.#drivers.values()) driver.stop();
    await this.#holding;
    await this.#parts.leases.release().catch(() => undefined);
  }

  /** Renews leases, takes over runs that nobody drives, lets go of those that ended or went elsewhere. */
  holdLeases(): Promise<void> {
    this.#holding = this.#holding
      .then(() => this.#holdLeases())
      .catch((error: unknown) => {
        this.#parts.onProblem(`could not renew leases: ${errorText(error)}`);
      });
    return this.#holding;
  }

  /** The run has changed, here or elsewhere: its driver looks again. */
  async changed(runId: string): Promise<void> {
    const driver = this.#drivers.get(runId);
    if (driver === undefined) return void this.holdLeases();
    await this.#read(runId);
    driver.poke();
    this.confirm();
  }

  /** Asks whether every live instance serves what was decided last, for the runs driven here. */
  confirm(): void {
    if (this.#confirming) {
      this.#confirmAgain = true;
      return;
    }
    this.#confirming = true;
    void this.#confirm()
      .catch((error: unknown) => this.#parts.onProblem(`could not confirm exposures: ${errorText(error)}`))
      .finally(() => {
        this.#confirming = false;
        if (!this.#confirmAgain) return;
        this.#confirmAgain = false;
        this.confirm();
      });
  }

  async #holdLeases(): Promise<void> {
    if (this.#stopped) return;
    const leases = await this.#parts.leases.hold();
    this.#hearing.heard();
    const held = new Map(leases.map(({ runId, epoch }) => [runId, epoch]));
    for (const [runId, driver] of this.#drivers) {
      if (held.get(runId) === driver.epoch) continue;
      driver.stop();
      this.#drivers.delete(runId);
      this.#parts.memory.forget(runId);
      this.#parts.engine.clocks.forget(runId);
    }
    for (const { runId, epoch, revision } of leases) {
      const driver = this.#drivers.get(runId);
      if (driver === undefined) await this.#drive(runId, epoch);
      // A notification may have been lost: what others have written, here or elsewhere, is found now at the latest.
      else if (driver.revision !== revision) await this.changed(runId);
    }
  }

  async #drive(runId: string, epoch: number): Promise<void> {
    const { runs, memory, engine, readAll, comparisons, repairs, onHealth, onProblem } = this.#parts;
    await this.#read(runId);
    memory.forget(runId);
    await memory.load(runId);
    const driver = new RunDriver({
      runId,
      epoch,
      engine,
      memory,
      state: () => runs.known(runId),
      readAll,
      comparisons,
      repairs,
      onHealth: () => onHealth(runId),
      onProblem,
    });
    this.#drivers.set(runId, driver);
    driver.poke();
    this.confirm();
  }

  async #read(runId: string): Promise<void> {
    const { runs, database, engine } = this.#parts;
    const stored = await runs.read(database, runId);
    if (stored !== null) engine.clocks.saw(runId, stored.lastAt);
  }

  async #confirm(): Promise<void> {
    const waiting = [...this.#drivers.keys()]
      .flatMap((runId) => this.#parts.runs.known(runId) ?? [])
      .filter((state) => unconfirmed(state).length > 0);
    for (const state of waiting) await this.#confirmRun(state);
  }

  async #confirmRun(state: RolloutState): Promise<void> {
    const { flags, telemetry, engine, clock } = this.#parts;
    const versions = await flags.versions(state.runId);
    const instances = await telemetry.instances(CONFIRM_AMONG_MS, { environment: state.plan.environment });
    for (const flag of unconfirmed(state)) {
      const version = versions.get(flag.key);
      if (version === undefined) continue;
      const since = this.#hearing.since;
      const found = since === null ? null : confirmedBy(instances, version, clock(), since);
      if (found === null) continue;
      const epoch = this.#drivers.get(state.runId)?.epoch;
      if (epoch === undefined) return;
      const input = { kind: 'exposure-confirmed', flag: flag.key, revision: flag.changedAtRevision, ...found } as const;
      await engine.handle(state.runId, input, { epoch });
    }
    this.#drivers.get(state.runId)?.poke();
  }
}

/** Instances that were heard of within this time count: as live, or as silent. */
const CONFIRM_AMONG_MS = 600_000;

function unconfirmed(state: RolloutState) {
  return Object.values(state.flags).filter(({ confirmed }) => !confirmed);
}
