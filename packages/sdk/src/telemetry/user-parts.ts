import type { PendingGoals } from './pending-goals.ts';
import type { PendingUsers } from './pending-users.ts';

/** A part that waits for its acknowledgement. */
export interface UserPart {
  /** JSON of `UserTelemetry`. */
  readonly json: string;
  /** Whether there was more when it was made, or has been time for more since. */
  readonly isPartial: boolean;
  /** To be called when the server has taken the part. */
  acknowledge(): void;
}

/** Room for the number of a part and what stands around its flags. */
const FRAME_BYTES = 64;

/**
 * Cuts what users did, and the goals they reached, into numbered parts. A part is made once and offered until it is acknowledged: the server takes
 * each number once, so that nothing is lost with an answer, and nothing counted twice.
 */
export class UserParts {
  readonly #pending: () => Iterable<readonly [flag: string, users: PendingUsers]>;
  readonly #goals: PendingGoals;
  #sequence = 0;
  #waiting: string | undefined;

  constructor(pending: () => Iterable<readonly [flag: string, users: PendingUsers]>, goals: PendingGoals) {
    this.#pending = pending;
    this.#goals = goals;
  }

  /** The part to be sent now, of at most so many bytes; undefined where there is nothing. */
  next(limitBytes: number): UserPart | undefined {
    if (this.#waiting !== undefined) return this.#part(this.#waiting, true);
    const flags: string[] = [];
    // Half of the room at most, so that neither keeps the other waiting.
    const goals = this.#goals.take((limitBytes - FRAME_BYTES) / 2);
    const reached = goals === undefined ? '' : `,"goals":${goals}`;
    let left = limitBytes - FRAME_BYTES - Buffer.byteLength(reached);
    let isPartial = this.#goals.size > 0;
    for (const [flag, users] of this.#pending()) {
      if (users.size === 0) continue;
      const name = `${JSON.stringify(flag)}:`;
      const room = left - Buffer.byteLength(name) - 1;
      if (room < LEAST_ROOM) {
        isPartial = true;
        break;
      }
      const entry = name + users.take(room);
      flags.push(entry);
      left -= Buffer.byteLength(entry) + 1;
      isPartial ||= users.size > 0;
    }
    if (flags.length === 0 && goals === undefined) return undefined;
    this.#waiting = `{"sequence":${this.#sequence + 1},"flags":{${flags.join(',')}}${reached}}`;
    return this.#part(this.#waiting, isPartial);
  }

  #part(json: string, isPartial: boolean): UserPart {
    return {
      json,
      isPartial,
      acknowledge: () => {
        if (this.#waiting !== json) return;
        this.#waiting = undefined;
        this.#sequence += 1;
      },
    };
  }
}

/** With less than this no user would fit beside epoch and level. */
const LEAST_ROOM = 256;
