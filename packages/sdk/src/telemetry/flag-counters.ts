import type { Assignment } from '@theseus/core/flag';
import type { FlagTelemetry } from '@theseus/core/health';
import { ArmCounters } from './arm-counters.ts';
import { PendingUsers, type UserLimits, userLimits } from './pending-users.ts';

/** Flags beyond this many are not counted: memory stays bounded however many keys come and go. */
const COUNTED_FLAGS_LIMIT = 10_000;

/** What is reported of a flag that migrates something. */
export type MigrationTelemetry = Pick<FlagTelemetry, 'repairs' | 'differences'>;

/** The counters of one flag. */
export class FlagCounters {
  readonly legacy = new ArmCounters();
  readonly candidate = new ArmCounters();
  /** Grows with each change, so that an unchanged flag need not be sent again. */
  revision = 0;
  acknowledgedRevision = 0;
  /** Undefined while nobody compares the arms. */
  users: PendingUsers | undefined;
  readonly #limits: UserLimits;
  #migration: (() => MigrationTelemetry) | undefined;

  constructor(limits: UserLimits) {
    this.#limits = limits;
  }

  /** Reports what is known of a migration with what is counted; whoever calls this raises `revision` when it changes. */
  reportMigration(migration: () => MigrationTelemetry): void {
    this.#migration = migration;
    this.revision += 1;
  }

  /** Counts one request that an arm has answered, or failed to. */
  countRequest(assignment: Assignment, latencyMs: number, outcome: 'answered' | 'failed'): void {
    const isFailed = outcome === 'failed';
    const counters = assignment.arm === 'candidate' ? this.candidate : this.legacy;
    counters.count(assignment, latencyMs, isFailed);
    if (assignment.definition.epoch !== undefined) {
      this.users ??= new PendingUsers(this.#limits);
      this.users.count(assignment, latencyMs, isFailed);
    }
    this.revision += 1;
  }

  /** Notes that a subject was told its variant. */
  expose(assignment: Assignment): void {
    this.users ??= new PendingUsers(this.#limits);
    this.users.expose(assignment);
  }

  /** Counts one request that legacy answered after the candidate had failed. */
  countFallback(): void {
    this.candidate.fallbacks += 1;
    this.revision += 1;
  }

  toTelemetry(options: { readonly comparing: boolean }): FlagTelemetry {
    const comparing = options.comparing && this.users !== undefined;
    const arms = {
      legacy: this.legacy.toTelemetry({ comparing }),
      candidate: this.candidate.toTelemetry({ comparing }),
    };
    // A server that takes no comparison is older than migrations, too.
    return options.comparing && this.#migration !== undefined ? { ...arms, ...this.#migration() } : arms;
  }
}

/** The part of a batch that is new to the server. */
export interface ChangedFlags {
  /** JSON of `TelemetryBatch.flags`. */
  readonly json: string;
  /** Whether changes had to be left for a next batch because this one is full. */
  readonly more: boolean;
  /** To be called when the server has taken the batch. */
  acknowledge(): void;
}

/** Counters of every flag that was routed in the life of this instance. */
export class TelemetryCounters {
  readonly #flags = new Map<string, FlagCounters>();
  readonly #limit: number;
  readonly #limits: UserLimits;

  constructor(limit: number = COUNTED_FLAGS_LIMIT, limits: UserLimits = userLimits()) {
    this.#limit = limit;
    this.#limits = limits;
  }

  /**
   * The counters of a flag; undefined when there are too many flags already. They stay when the flag is removed: would
   * they begin at zero again, the server would take that for a loss.
   */
  of(flag: string): FlagCounters | undefined {
    const known = this.#flags.get(flag);
    if (known !== undefined) return known;
    if (this.#flags.size >= this.#limit) return undefined;
    const counters = new FlagCounters(this.#limits);
    this.#flags.set(flag, counters);
    return counters;
  }

  /** The users who wait to be sent, flag by flag. */
  *pendingUsers(): Generator<readonly [flag: string, users: PendingUsers]> {
    for (const [flag, { users }] of this.#flags) if (users !== undefined) yield [flag, users];
  }

  /**
   * The flags that changed since they were last acknowledged, as far as they fit into so many bytes of JSON. Without
   * `comparing`, as a server from before comparisons takes them.
   */
  changed(limitBytes: number, { comparing }: { readonly comparing: boolean } = { comparing: true }): ChangedFlags {
    const parts: string[] = [];
    const sent: { readonly counters: FlagCounters; readonly revision: number }[] = [];
    let length = 2;
    let more = false;
    for (const [flag, counters] of this.#flags) {
      if (counters.revision === counters.acknowledgedRevision) continue;
      const part = `${JSON.stringify(flag)}:${JSON.stringify(counters.toTelemetry({ comparing }))}`;
      const bytes = Buffer.byteLength(part) + 1;
      if (length + bytes > limitBytes && parts.length > 0) {
        more = true;
        break;
      }
      length += bytes;
      parts.push(part);
      sent.push({ counters, revision: counters.revision });
    }
    return {
      json: `{${parts.join(',')}}`,
      more,
      acknowledge: () => {
        for (const { counters, revision } of sent) counters.acknowledgedRevision = revision;
      },
    };
  }
}
