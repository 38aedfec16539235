import type { Comparison } from '@theseus/core/compare';
import { TheseusError } from '@theseus/core/error';
import {
  type Arm,
  type Assignment,
  type CompiledFlags,
  type EvaluationContext,
  type MigrationSetting,
  type MigrationStage,
  NOT_COMPARED,
  NOT_DRAWN,
  subjectKey,
} from '@theseus/core/flag';
import type { DifferenceTelemetry, RepairTelemetry } from '@theseus/core/health';
import type { LogGate } from '../log-gate.ts';
import type { FlagCounters, MigrationTelemetry } from '../telemetry/flag-counters.ts';
import { Breaker, type BreakerPhase, type BreakerState, isBreakerState } from './breaker.ts';
import type { Deadlines } from './deadlines.ts';
import { DifferenceLog, type Redact } from './difference-log.ts';
import { readPin, writePin } from './pin.ts';
import type { Repairs } from './repairs.ts';
import { isSideHealthState, SideHealth, type SideHealthState, type SideRecord } from './side-health.ts';
import { STAGE_TABLE } from './stage-table.ts';

/** A flag that says nothing of a migration is one between two services that hold no data. */
export const DEFAULT_SETTING: MigrationSetting = {
  stages: { legacy: 'off', candidate: 'live' },
  compared: 0,
  breakAbove: 10_000,
};

/** What a migration needs of the client around it. */
export interface MigrationSurroundings {
  readonly flags: () => CompiledFlags | undefined;
  readonly countersOf: (flag: string) => FlagCounters | undefined;
  readonly log: LogGate;
  /** From 0 up to but not including 1. */
  readonly random: () => number;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** Unique to this life of this client. */
  readonly instance: string;
  readonly deadlines: Deadlines;
}

export interface PlaceOptions {
  /** What `pin()` returned when the work began: it goes on at that stage, whatever the flag says now. */
  readonly pin?: string | undefined;
  /** Keeps to the pin even while the flag is disabled, which is how everything is stopped in an emergency. */
  readonly keep?: boolean | undefined;
}

/** Where one operation takes place. */
export interface Place {
  readonly assignment: Assignment | undefined;
  readonly stage: MigrationStage;
  readonly setting: MigrationSetting;
  /** Whether legacy may stand in for the candidate: the flag allows it and legacy still has all data. */
  readonly mayFallBack: boolean;
}

/** Health, breaker and differences as JSON, to be kept before a move and given back after it. */
export interface MigrationSnapshot {
  readonly format: typeof SNAPSHOT_FORMAT;
  readonly flag: string;
  readonly breaker: BreakerState;
  readonly legacy: SideHealthState;
  readonly candidate: SideHealthState;
}

export interface MigrationHealth {
  readonly legacy: SideRecord;
  readonly candidate: SideRecord;
  readonly breaker: BreakerPhase;
  /** What one side lacks and will be repeated; actions under way are among them. */
  readonly pendingRepairs: number;
  /** What a person has to see to. */
  readonly failedRepairs: number;
}

const SNAPSHOT_FORMAT = 'theseus-migration/1';

/** What is known of one flag's migration, shared by all operations of the flag. */
export class MigrationState {
  readonly flag: string;
  readonly around: MigrationSurroundings;
  readonly breaker: Breaker;
  readonly sides: Readonly<Record<Arm, SideHealth>> = { legacy: new SideHealth(), candidate: new SideHealth() };
  readonly #differences = new DifferenceLog();
  readonly #counts = { equal: 0, different: 0, dropped: 0, timedOut: 0, shadowFailed: 0 };
  readonly #repairs = new Set<Repairs>();
  #counters: FlagCounters | undefined;
  #keys = 0;

  constructor(flag: string, around: MigrationSurroundings) {
    this.flag = flag;
    this.around = around;
    this.breaker = new Breaker(around.random);
  }

  /** As the flag now is. */
  setting(): MigrationSetting {
    return this.around.flags()?.definition(this.flag)?.migration ?? DEFAULT_SETTING;
  }

  placeOf(context: EvaluationContext, options: PlaceOptions | undefined): Place {
    const flags = this.around.flags();
    const assignment = flags?.assign(this.flag, context);
    const setting = assignment?.definition.migration ?? DEFAULT_SETTING;
    if (options?.pin !== undefined) {
      const pinned = this.#pinned(options, assignment, setting);
      if (pinned !== undefined) return pinned;
    }
    if (assignment === undefined) return { assignment, stage: 'off', setting, mayFallBack: false };
    const stage = setting.stages[assignment.arm];
    return { assignment, stage, setting, mayFallBack: mayFallBack(assignment, stage) };
  }

  pin(context: EvaluationContext): string {
    const { assignment, stage } = this.placeOf(context, undefined);
    const version = this.around.flags()?.version ?? 0;
    return writePin({ flag: this.flag, arm: assignment?.arm ?? 'legacy', stage, version });
  }

  /** The key that orders writes of a subject unless the caller has a better one; '' where the context names none. */
  subjectOf(context: EvaluationContext, { assignment }: Place): string {
    try {
      return assignment === undefined ? '' : subjectKey(context, assignment.definition.cohort, NOT_DRAWN);
    } catch {
      return '';
    }
  }

  newIdempotencyKey(): string {
    this.#keys += 1;
    return `${this.around.instance}-${this.#keys.toString(36)}`;
  }

  /** Counts what a caller has got. Undefined where the flag is in no document: nothing is kept of it. */
  countersOf({ assignment }: Place): FlagCounters | undefined {
    if (assignment === undefined) return undefined;
    if (this.#counters === undefined) this.#attach(this.around.countersOf(this.flag));
    return this.#counters;
  }

  /** Whether the candidate may be called now; where it may, {@link countSide} has to hear what came of it. */
  admitsCandidate({ setting }: Place, nowMs: number): boolean {
    return setting.breakAbove === undefined || this.breaker.admits(nowMs);
  }

  /** Whether the candidate is not to be called, without asking to be a probe. */
  isCandidateBroken({ setting }: Place): boolean {
    return setting.breakAbove !== undefined && this.breaker.phase !== 'closed';
  }

  /** Counts one call of a side that began at `beganMs`, and returns how long it took. */
  countSide(side: Arm, { setting }: Pick<Place, 'setting'>, beganMs: number, outcome: 'answered' | 'failed'): number {
    const nowMs = this.around.now();
    const latencyMs = nowMs - beganMs;
    this.sides[side].count(latencyMs, outcome);
    if (side === 'candidate' && setting.breakAbove !== undefined) {
      this.breaker.record(outcome, setting.breakAbove, beganMs, nowMs);
    }
    return latencyMs;
  }

  countUncompared(why: 'dropped' | 'timedOut' | 'shadowFailed'): void {
    this.#counts[why] += 1;
    this.#tellTelemetry();
  }

  countComparison(comparison: Comparison, redact: Redact): void {
    if (comparison.kind === 'too-large') return this.countUncompared('dropped');
    this.#counts[comparison.kind] += 1;
    if (comparison.kind === 'different') {
      const { redactFailed } = this.#differences.add(comparison.differences, redact);
      if (redactFailed)
        this.around.log.trouble(
          `redact ${this.flag}`,
          `Cannot redact by the function given for the flag '${this.flag}': types and lengths are kept instead`,
        );
    }
    this.#tellTelemetry();
  }

  health(): MigrationHealth {
    const { pending, failed } = this.repairs();
    return {
      legacy: this.sides.legacy.toRecord(),
      candidate: this.sides.candidate.toRecord(),
      breaker: this.breaker.phase,
      pendingRepairs: pending,
      failedRepairs: failed,
    };
  }

  differences(): DifferenceTelemetry {
    const { equal, different } = this.#counts;
    return { compared: equal + different, ...this.#counts, paths: this.#differences.toPaths() };
  }

  repairs(): RepairTelemetry {
    let [pending, failed] = [0, 0];
    for (const repairs of this.#repairs) {
      const size = repairs.size(this.flag);
      pending += size.pending;
      failed += size.failed;
    }
    return { pending, failed };
  }

  /** Counts the repairs of a queue; what an earlier life of the program has left is reported at once. */
  watch(repairs: Repairs): void {
    this.#repairs.add(repairs);
    const { pending, failed } = repairs.size(this.flag);
    if (pending + failed > 0) this.onRepairs();
  }

  readonly onRepairs = (): void => {
    if (this.#counters === undefined) this.#attach(this.around.countersOf(this.flag));
    this.#tellTelemetry();
  };

  snapshot(): MigrationSnapshot {
    const nowMs = this.around.now();
    const { legacy, candidate } = this.sides;
    return {
      format: SNAPSHOT_FORMAT,
      flag: this.flag,
      breaker: this.breaker.toState(nowMs),
      legacy: legacy.toState(),
      candidate: candidate.toState(),
    };
  }

  /** @throws TheseusError `invalid-argument` when it is no snapshot of this flag; nothing is then changed */
  restore(state: unknown): void {
    const { format, flag, breaker, legacy, candidate } = (state ?? {}) as Record<keyof MigrationSnapshot, unknown>;
    const cannot = (why: string) =>
      new TheseusError('invalid-argument', `Cannot restore the migration of '${this.flag}': ${why}`);
    if (format !== SNAPSHOT_FORMAT) throw cannot(`the state is not of the format ${SNAPSHOT_FORMAT}`);
    if (flag !== this.flag) throw cannot(`the state is that of '${String(flag)}'`);
    if (!isBreakerState(breaker)) throw cannot('its breaker is damaged');
    if (!isSideHealthState(legacy) || !isSideHealthState(candidate)) throw cannot('the health of its sides is damaged');
    this.breaker.restore(breaker, this.around.now());
    this.sides.legacy.restore(legacy);
    this.sides.candidate.restore(candidate);
  }

  #pinned(options: PlaceOptions, assignment: Assignment | undefined, setting: MigrationSetting): Place | undefined {
    const read = readPin(options.pin, this.flag);
    if (read.kind === 'invalid') {
      this.around.log.trouble(`pin ${this.flag}`, `Ignored a pin for the flag '${this.flag}': ${read.reason}`);
      return undefined;
    }
    const { arm, stage } = read.pinned;
    if (assignment === undefined) return { assignment, stage, setting, mayFallBack: false };
    // An emergency stop is for work in flight too, unless whoever did the work says that it must not change sides.
    if (!assignment.definition.enabled && options.keep !== true) return undefined;
    const own: Assignment = { ...assignment, arm, subject: NOT_COMPARED };
    return { assignment: own, stage, setting, mayFallBack: mayFallBack(own, stage) };
  }

  #attach(counters: FlagCounters | undefined): void {
    this.#counters = counters;
    counters?.reportMigration(() => this.#toTelemetry());
  }

  #toTelemetry(): MigrationTelemetry {
    const differences = this.differences();
    const { compared, dropped, timedOut, shadowFailed } = differences;
    return {
      ...(this.#repairs.size > 0 ? { repairs: this.repairs() } : {}),
      ...(compared + dropped + timedOut + shadowFailed > 0 ? { differences } : {}),
    };
  }

  #tellTelemetry(): void {
    if (this.#counters !== undefined) this.#counters.revision += 1;
  }
}

/** At `complete` legacy gets no more writes: what it answered would be old. */
function mayFallBack({ definition }: Assignment, stage: MigrationStage): boolean {
  return definition.fallback && stage !== 'complete' && STAGE_TABLE[stage].authority === 'candidate';
}
