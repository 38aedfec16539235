import type { GoalSubject } from '@theseus/core/flag';

/** Goals of so many users may wait to be sent, over all flags; those of others are lost until then. */
export const PENDING_GOALS_LIMIT = 50_000;

interface Reached {
  count: number;
  value: number;
}

interface FlagGoals {
  split: number;
  readonly goals: Map<string, Map<number, Reached>>;
  size: number;
}

/**
 * What was tracked since it was last sent, by flag, goal and subject. Bounded: while too many wait, a goal of somebody
 * new is lost, whichever the variant is, so that the comparison loses sharpness and not truth.
 */
export class PendingGoals {
  readonly #flags = new Map<string, FlagGoals>();
  readonly #limit: number;
  #size = 0;

  constructor(limit: number = PENDING_GOALS_LIMIT) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Counts one goal of a subject; false where there is no room for it. */
  count({ flag, subject, split }: GoalSubject, goal: string, value: number): boolean {
    const known = this.#flagOf(flag, split);
    if (split < known.split) return true;
    const subjects = known.goals.get(goal) ?? new Map<number, Reached>();
    const reached = subjects.get(subject);
    if (reached !== undefined) {
      reached.count += 1;
      reached.value += value;
      return true;
    }
    if (this.#size >= this.#limit) return false;
    known.goals.set(goal, subjects);
    subjects.set(subject, { count: 1, value });
    known.size += 1;
    this.#size += 1;
    return true;
  }

  /** Takes out what fits into so many characters, as JSON of `UserTelemetry.goals`; undefined where nothing waits. */
  take(limit: number): string | undefined {
    if (this.#size === 0) return undefined;
    const flags: string[] = [];
    let left = limit - 2;
    for (const [flag, known] of this.#flags) {
      const frame = `${JSON.stringify(flag)}:{"split":${known.split},"goals":{}}`;
      if (left - frame.length < LEAST_ROOM) break;
      const goals = this.#takeGoals(known, left - frame.length);
      if (goals === '') continue;
      flags.push(`${frame.slice(0, -2)}${goals}}}`);
      left -= frame.length + goals.length + 1;
      if (known.size === 0) this.#flags.delete(flag);
    }
    return flags.length === 0 ? undefined : `{${flags.join(',')}}`;
  }

  #takeGoals(known: FlagGoals, limit: number): string {
    const goals: string[] = [];
    let left = limit;
    for (const [goal, subjects] of known.goals) {
      const frame = `${JSON.stringify(goal)}:[]`;
      if (left - Buffer.byteLength(frame) < LONGEST_ENTRY) break;
      left -= Buffer.byteLength(frame) + 1;
      const entries: string[] = [];
      for (const [subject, { count, value }] of subjects) {
        if (left < LONGEST_ENTRY) break;
        const entry = `${subject},${count},${value}`;
        entries.push(entry);
        left -= entry.length + 1;
        subjects.delete(subject);
      }
      known.size -= entries.length;
      this.#size -= entries.length;
      if (subjects.size === 0) known.goals.delete(goal);
      if (entries.length > 0) goals.push(`${frame.slice(0, -1)}${entries.join(',')}]`);
    }
    return goals.join(',');
  }

  /** What was tracked under an older split belongs to users who were told something else. */
  #flagOf(flag: string, split: number): FlagGoals {
    const known = this.#flags.get(flag);
    if (known !== undefined && split <= known.split) return known;
    this.#size -= known?.size ?? 0;
    const anew: FlagGoals = { split, goals: new Map(), size: 0 };
    this.#flags.set(flag, anew);
    return anew;
  }
}

/** Sixteen digits of a subject, ten of a count, a number in its longest form, and what stands between. */
const LONGEST_ENTRY = 64;
const LEAST_ROOM = 512;
