import { errorText, TheseusError } from '@theseus/core/error';
import type { Arm } from '@theseus/core/flag';
import type { ResolvedWrite } from './migration-options.ts';
import type { MigrationState, Place } from './migration-state.ts';
import type { Repair } from './repair-queue.ts';
import type { Repaired, Repairs } from './repairs.ts';
import { isNotSent, isThenable, notSent, OneCall, within } from './side-call.ts';
import { otherSide, STAGE_TABLE } from './stage-table.ts';

/** One write on its way. */
interface Write {
  readonly place: Place;
  readonly payload: unknown;
  readonly idempotencyKey: string;
  readonly key: string;
}

type Attempt =
  | { readonly kind: 'done'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: unknown };

/**
 * Writes by the table of stages: first the side that decides, then the other. What is acknowledged has been done by the side that decides, and
 * by the other too unless the queue of repairs holds it. Writes of one key are done one after another.
 */
export class Writer {
  readonly #state: MigrationState;
  readonly #sides: ResolvedWrite;
  readonly #operation: string;
  readonly #repairs: Repairs;

  constructor(state: MigrationState, sides: ResolvedWrite, operation: string, repairs: Repairs) {
    this.#state = state;
    this.#sides = sides;
    this.#operation = operation;
    this.#repairs = repairs;
    repairs.handle(state.flag, operation, (repair) => this.#repair(repair), state.onRepairs);
  }

  async write(place: Place, payload: unknown, idempotencyKey: string, key: string): Promise<unknown> {
    const write: Write = { place, payload, idempotencyKey, key };
    const { authority, writes } = STAGE_TABLE[place.stage];
    const { flag } = this.#state;
    if (writes === 'both') return this.#repairs.run(flag, key, () => this.#writeBoth(write, authority));
    // Nothing to keep in order: the usual case before and after.
    if (!this.#repairs.isBusy(flag, key) && !this.#isBehind(authority, key)) return this.#writeAlone(write, authority);
    return this.#repairs.run(flag, key, () => this.#writeAlone(write, authority));
  }

  async #writeAlone(write: Write, side: Arm): Promise<unknown> {
    const beganMs = this.#state.around.now();
    const attempt = await this.#attemptInOrder(write, side);
    this.#countRequest(write, beganMs, attempt);
    if (attempt.kind === 'failed') throw attempt.error;
    return attempt.value;
  }

  async #writeBoth(write: Write, authority: Arm): Promise<unknown> {
    const beganMs = this.#state.around.now();
    const attempt = await this.#decide(write, authority);
    this.#countRequest(write, beganMs, attempt);
    if (attempt.kind === 'failed') {
      if (!this.#mayStandIn(write, authority, attempt.error)) throw attempt.error;
      return this.#writeLegacyInstead(write, attempt.error);
    }
    await this.#writeSecond(write, otherSide(authority));
    return attempt.value;
  }

  /** The write by which it is decided how the operation ends. */
  async #decide(write: Write, authority: Arm): Promise<Attempt> {
    const { place } = write;
    if (
      authority === 'candidate' &&
      !this.#state.admitsCandidate(place, this.#state.around.now()) &&
      place.mayFallBack
    ) {
      return { kind: 'failed', error: notSent(new TheseusError('unreachable', this.#text('its breaker is open'))) };
    }
    return this.#attemptInOrder(write, authority);
  }

  /** What the side still lacks of the key is done first: an older write must not come after a newer one. */
  async #attemptInOrder(write: Write, side: Arm): Promise<Attempt> {
    const { key } = write;
    if (this.#isBehind(side, key) && !(await this.#repairs.drain({ flag: this.#state.flag, side, key }))) {
      const why = `the ${side} side lacks earlier writes of the same key, which fail again`;
      return { kind: 'failed', error: notSent(new TheseusError('unreachable', this.#text(why))) };
    }
    return this.#attempt(write, side);
  }

  async #attempt({ place, payload, idempotencyKey }: Write, side: Arm): Promise<Attempt> {
    const { around } = this.#state;
    const beganMs = around.now();
    try {
      const value = await this.#call(side, payload, { idempotencyKey, beganMs, limitMs: place.setting.deadlineMs });
      this.#state.countSide(side, place, beganMs, 'answered');
      return { kind: 'done', value };
    } catch (error) {
      this.#state.countSide(side, place, beganMs, 'failed');
      return { kind: 'failed', error };
    }
  }

  #call(
    side: Arm,
    payload: unknown,
    { idempotencyKey, beganMs, limitMs }: { idempotencyKey: string; beganMs: number; limitMs: number | undefined },
  ): unknown {
    const call = new OneCall(side, idempotencyKey);
    const answer = this.#sides[side].run(payload, call);
    if (limitMs === undefined || !isThenable(answer)) return answer;
    return within(answer, { limitMs, beganMs, call, deadlines: this.#state.around.deadlines });
  }

  /** A failed second write never fails the operation: it is repeated later, or kept for a person where that could do it twice. */
  async #writeSecond(write: Write, side: Arm): Promise<void> {
    if (this.#isBehind(side, write.key)) return this.#repairLater(write, side, { mayRepeat: true });
    const attempt = await this.#attempt(write, side);
    if (attempt.kind === 'done') return;
    const { flag, around } = this.#state;
    around.log.trouble(
      `second write ${flag}`,
      this.#text(`the ${side} side failed: ${errorText(attempt.error)}`),
      attempt.error,
    );
    await this.#repairLater(write, side, { mayRepeat: this.#mayRepeat(side, attempt.error) });
  }

  async #repairLater(write: Write, side: Arm, { mayRepeat }: { readonly mayRepeat: boolean }): Promise<void> {
    await this.#repairs.add(this.#repairOf(write, side), { givenUp: !mayRepeat });
  }

  /**
   * Only where the candidate cannot come to do it twice: its write is idempotent, or was never sent. Legacy then has it at once, and the
   * candidate gets it from the queue, under the same key.
   */
  #mayStandIn({ place }: Write, authority: Arm, error: unknown): boolean {
    return authority === 'candidate' && place.mayFallBack && this.#mayRepeat('candidate', error);
  }

  async #writeLegacyInstead(write: Write, error: unknown): Promise<unknown> {
    const attempt = await this.#attemptInOrder(write, 'legacy');
    if (attempt.kind === 'failed') throw attempt.error;
    const id = await this.#repairs.add(this.#repairOf(write, 'candidate'));
    // Acknowledged, it would be missing where it is read.
    if (id === undefined) throw error;
    this.#state.countersOf(write.place)?.countFallback();
    return attempt.value;
  }

  async #repair({ side, payload, idempotencyKey }: Repair): Promise<Repaired> {
    const setting = this.#state.setting();
    const beganMs = this.#state.around.now();
    try {
      await this.#call(side, payload, { idempotencyKey, beganMs, limitMs: setting.deadlineMs });
      this.#state.countSide(side, { setting }, beganMs, 'answered');
      return { kind: 'done' };
    } catch (error) {
      this.#state.countSide(side, { setting }, beganMs, 'failed');
      if (this.#mayRepeat(side, error)) return { kind: 'left', payload, error };
      return { kind: 'given-up', error };
    }
  }

  #mayRepeat(side: Arm, error: unknown): boolean {
    return this.#sides[side].isIdempotent || isNotSent(error);
  }

  #isBehind(side: Arm, key: string): boolean {
    return this.#repairs.holds({ flag: this.#state.flag, side, key });
  }

  #repairOf({ payload, idempotencyKey, key }: Write, side: Arm): Omit<Repair, 'id'> {
    return { flag: this.#state.flag, operation: this.#operation, kind: 'write', side, key, idempotencyKey, payload };
  }

  #countRequest({ place }: Write, beganMs: number, { kind }: Attempt): void {
    if (place.assignment === undefined) return;
    const latencyMs = this.#state.around.now() - beganMs;
    this.#state.countersOf(place)?.countRequest(place.assignment, latencyMs, kind === 'done' ? 'answered' : 'failed');
  }

  #text(why: string): string {
    return `Cannot write for the flag '${this.#state.flag}': ${why}`;
  }
}
