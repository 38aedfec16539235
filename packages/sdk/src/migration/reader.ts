import { TheseusError } from '@theseus/core/error';
import { type Arm, EXPOSURE_WHOLE } from '@theseus/core/flag';
import type { Timed } from './deadlines.ts';
import type { ResolvedMigration } from './migration-options.ts';
import type { MigrationState, Place } from './migration-state.ts';
import { ShadowQueue } from './shadow-queue.ts';
import { isThenable, OneCall, timedOut, within } from './side-call.ts';
import { otherSide, STAGE_TABLE } from './stage-table.ts';

/** One read on its way. */
interface Read {
  readonly place: Place;
  readonly payload: unknown;
  readonly side: Arm;
  readonly beganMs: number;
  /** Whether the other side is asked the same afterwards. */
  readonly isShadowed: boolean;
  readonly mayFallBack: boolean;
}

/** A read whose answer the caller has; the other side's is still to come. */
class Shadow implements Timed {
  readonly place: Place;
  readonly answered: Arm;
  payload: unknown;
  answer: unknown;
  beganMs = 0;
  dueMs = 0;
  isOver = false;
  /** What follows when it has not answered in time. */
  pass: () => void = nothing;

  constructor(place: Place, payload: unknown, answered: Arm, answer: unknown) {
    this.place = place;
    this.payload = payload;
    this.answered = answered;
    this.answer = answer;
  }

  /** Deadlines may hold it for a while yet, and answers may be large. */
  forget(): void {
    this.payload = undefined;
    this.answer = undefined;
    this.pass = nothing;
  }
}

/** Reads by the table of stages. What a caller waits for is its answer, and nothing else. */
export class Reader {
  readonly #state: MigrationState;
  readonly #migration: ResolvedMigration;
  readonly #shadows: ShadowQueue<Shadow>;

  constructor(state: MigrationState, migration: ResolvedMigration) {
    this.#state = state;
    this.#migration = migration;
    const { concurrency, room } = migration.shadows;
    this.#shadows = new ShadowQueue({ concurrency, room, begin: (shadow, onEnd) => this.#begin(shadow, onEnd) });
  }

  read(place: Place, payload: unknown): unknown {
    const { reads, authority } = STAGE_TABLE[place.stage];
    if (reads !== 'both') return this.#answer(place, payload, reads, false);
    const preferred = place.setting.read ?? authority;
    if (preferred === 'fastest') return this.#race(place, payload);
    return this.#answer(place, payload, preferred, true);
  }

  /** Begins no more shadows, and waits for those that were taken. */
  close(): Promise<void> {
    this.#shadows.close();
    return this.#shadows.idle();
  }

  #answer(place: Place, payload: unknown, side: Arm, isShadowed: boolean): unknown {
    const mayFallBack = side === 'candidate' && place.mayFallBack;
    const beganMs = this.#state.around.now();
    const read: Read = { place, payload, side, beganMs, isShadowed, mayFallBack };
    // Asked even where nothing may stand in: what is let through is then a probe.
    if (side === 'candidate' && !this.#state.admitsCandidate(place, beganMs) && mayFallBack)
      return this.#fallBack(read);
    let answer: unknown;
    try {
      answer = this.#call(place, side, payload, beganMs);
    } catch (error) {
      return this.#failed(read, error);
    }
    if (!isThenable(answer)) return this.#answered(read, answer);
    return answer.then(
      (value) => this.#answered(read, value),
      (error: unknown) => this.#failed(read, error),
    );
  }

  #call(place: Place, side: Arm, payload: unknown, beganMs: number): unknown {
    const call = new OneCall(side);
    const answer = this.#migration.read[side](payload, call);
    const limitMs = place.setting.deadlineMs;
    if (limitMs === undefined || !isThenable(answer)) return answer;
    return within(answer, { limitMs, beganMs, call, deadlines: this.#state.around.deadlines });
  }

  #answered(read: Read, answer: unknown): unknown {
    const { place, side, beganMs } = read;
    const latencyMs = this.#state.countSide(side, place, beganMs, 'answered');
    this.#countRequest(place, latencyMs, 'answered');
    if (read.isShadowed && this.#isCompared(place)) this.#shadow(place, read.payload, side, answer);
    return answer;
  }

  #failed(read: Read, error: unknown): unknown {
    const { place, side, beganMs } = read;
    const latencyMs = this.#state.countSide(side, place, beganMs, 'failed');
    if (read.mayFallBack) return this.#fallBack(read);
    this.#countRequest(place, latencyMs, 'failed');
    throw error;
  }

  /** Legacy answers for the candidate. Counted as the candidate's error, as in `route()`: the subject did not get its answer. */
  #fallBack(read: Read): unknown {
    const { place, payload } = read;
    const beganMs = this.#state.around.now();
    let answer: unknown;
    try {
      answer = this.#call(place, 'legacy', payload, beganMs);
    } catch (legacyError) {
      return this.#bothFailed(read, beganMs, legacyError);
    }
    if (!isThenable(answer)) return this.#fellBack(read, beganMs, answer);
    return answer.then(
      (value) => this.#fellBack(read, beganMs, value),
      (legacyError: unknown) => this.#bothFailed(read, beganMs, legacyError),
    );
  }

  #fellBack({ place, beganMs }: Read, legacyBeganMs: number, answer: unknown): unknown {
    this.#state.countSide('legacy', place, legacyBeganMs, 'answered');
    this.#countRequest(place, this.#state.around.now() - beganMs, 'failed');
    this.#state.countersOf(place)?.countFallback();
    return answer;
  }

  #bothFailed({ place, beganMs }: Read, legacyBeganMs: number, error: unknown): never {
    this.#state.countSide('legacy', place, legacyBeganMs, 'failed');
    this.#countRequest(place, this.#state.around.now() - beganMs, 'failed');
    throw error;
  }

  /** Both at once; whoever answers first is heard. A side that answers without waiting has won before the other began. */
  #race(place: Place, payload: unknown): unknown {
    const beganMs = this.#state.around.now();
    const read: Read = { place, payload, side: 'legacy', beganMs, isShadowed: true, mayFallBack: false };
    let legacy: unknown;
    try {
      legacy = this.#call(place, 'legacy', payload, beganMs);
    } catch (error) {
      legacy = Promise.reject(error);
    }
    if (!isThenable(legacy)) return this.#answered(read, legacy);
    const candidateBeganMs = this.#state.around.now();
    if (!this.#state.admitsCandidate(place, candidateBeganMs)) {
      return legacy.then(
        (value) => this.#answered({ ...read, isShadowed: false }, value),
        (error: unknown) => this.#failed(read, error),
      );
    }
    let candidate: unknown;
    try {
      candidate = this.#call(place, 'candidate', payload, candidateBeganMs);
    } catch (error) {
      candidate = Promise.reject(error);
    }
    return this.#first(place, {
      legacy: { beganMs, answer: legacy },
      candidate: { beganMs: candidateBeganMs, answer: Promise.resolve(candidate) },
    });
  }

  #first(place: Place, runners: Readonly<Record<Arm, { beganMs: number; answer: PromiseLike<unknown> }>>): unknown {
    const isCompared = this.#isCompared(place);
    const ended: Partial<Record<Arm, { readonly value: unknown } | { readonly error: unknown }>> = {};
    const { beganMs } = runners.legacy;
    return new Promise((resolve, reject) => {
      const succeeded = (side: Arm, value: unknown) => {
        const latencyMs = this.#state.countSide(side, place, runners[side].beganMs, 'answered');
        const other = ended[otherSide(side)];
        if (other !== undefined && 'value' in other) {
          if (isCompared)
            this.#compare(side === 'legacy' ? value : other.value, side === 'legacy' ? other.value : value);
          return;
        }
        ended[side] = { value: isCompared ? this.#copyOf(value) : value };
        this.#countRequest(place, latencyMs, 'answered');
        resolve(value);
      };
      const failed = (side: Arm, error: unknown) => {
        this.#state.countSide(side, place, runners[side].beganMs, 'failed');
        const other = ended[otherSide(side)];
        ended[side] = { error };
        if (other === undefined) return;
        if ('value' in other) {
          if (isCompared) this.#state.countUncompared(isTimeOut(error) ? 'timedOut' : 'shadowFailed');
          return;
        }
        this.#countRequest(place, this.#state.around.now() - beganMs, 'failed');
        reject(STAGE_TABLE[place.stage].authority === side ? error : other.error);
      };
      for (const side of ['legacy', 'candidate'] as const) {
        runners[side].answer.then(
          (value) => succeeded(side, value),
          (error: unknown) => failed(side, error),
        );
      }
    });
  }

  #isCompared({ setting: { compared } }: Place): boolean {
    return compared >= EXPOSURE_WHOLE || (compared > 0 && this.#state.around.random() * EXPOSURE_WHOLE < compared);
  }

  #shadow(place: Place, payload: unknown, answered: Arm, answer: unknown): void {
    if (!this.#shadows.hasRoom) return this.#state.countUncompared('dropped');
    this.#shadows.add(new Shadow(place, payload, answered, this.#copyOf(answer)));
  }

  /** A copy that cannot be made must not cost the caller its answer. */
  #copyOf(answer: unknown): unknown {
    const { copy } = this.#migration;
    if (copy === undefined) return answer;
    try {
      return copy(answer);
    } catch (error) {
      this.#trouble('copy', error);
      return answer;
    }
  }

  /** Asks the side whose answer nobody waits for. */
  #begin(shadow: Shadow, onEnd: () => void): void {
    const { place, payload, answered } = shadow;
    const side = otherSide(answered);
    const beganMs = this.#state.around.now();
    if (side === 'candidate' && !this.#state.admitsCandidate(place, beganMs)) {
      this.#state.countUncompared('dropped');
      return onEnd();
    }
    shadow.beganMs = beganMs;
    const call = new OneCall(side);
    let answer: unknown;
    try {
      answer = this.#migration.read[side](payload, call);
    } catch {
      this.#shadowFailed(shadow, 'shadowFailed');
      return onEnd();
    }
    if (!isThenable(answer)) {
      this.#shadowAnswered(shadow, answer);
      return onEnd();
    }
    this.#await(shadow, answer, call, onEnd);
  }

  /** Without a promise of its own, as `within` makes one: there are as many shadows as reads. */
  #await(shadow: Shadow, answer: PromiseLike<unknown>, call: OneCall, onEnd: () => void): void {
    const limitMs = shadow.place.setting.deadlineMs ?? this.#migration.shadows.limitMs;
    shadow.pass = () => {
      this.#shadowFailed(shadow, 'timedOut');
      call.abort(timedOut(call.side, limitMs));
      onEnd();
    };
    this.#state.around.deadlines.start(limitMs, shadow.beganMs, shadow);
    answer.then(
      (value) => {
        if (shadow.isOver) return;
        shadow.isOver = true;
        this.#shadowAnswered(shadow, value);
        shadow.forget();
        onEnd();
      },
      () => {
        if (shadow.isOver) return;
        shadow.isOver = true;
        this.#shadowFailed(shadow, 'shadowFailed');
        shadow.forget();
        onEnd();
      },
    );
  }

  #shadowAnswered({ place, answered, answer, beganMs }: Shadow, value: unknown): void {
    this.#state.countSide(otherSide(answered), place, beganMs, 'answered');
    if (answered === 'legacy') this.#compare(answer, value);
    else this.#compare(value, answer);
  }

  #shadowFailed({ place, answered, beganMs }: Shadow, why: 'timedOut' | 'shadowFailed'): void {
    this.#state.countSide(otherSide(answered), place, beganMs, 'failed');
    this.#state.countUncompared(why);
  }

  #compare(legacy: unknown, candidate: unknown): void {
    const { compare, redact } = this.#migration;
    try {
      this.#state.countComparison(compare(legacy, candidate), redact);
    } catch (error) {
      this.#state.countUncompared('shadowFailed');
      this.#trouble('compare', error);
    }
  }

  #countRequest(place: Place, latencyMs: number, outcome: 'answered' | 'failed'): void {
    if (place.assignment !== undefined)
      this.#state.countersOf(place)?.countRequest(place.assignment, latencyMs, outcome);
  }

  #trouble(what: string, error: unknown): void {
    const { around, flag } = this.#state;
    around.log.trouble(`${what} ${flag}`, `The function '${what}' of the migration of '${flag}' failed`, error);
  }
}

function isTimeOut(error: unknown): boolean {
  return error instanceof TheseusError && error.code === 'timed-out';
}

function nothing(): void {
  // It has no deadline yet.
}
