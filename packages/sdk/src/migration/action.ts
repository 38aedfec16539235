import { errorText, TheseusError } from '@theseus/core/error';
import type { Arm, EvaluationContext } from '@theseus/core/flag';
import type { MigrationState, Place, PlaceOptions } from './migration-state.ts';
import type { Repair } from './repair-queue.ts';
import type { Repaired, Repairs } from './repairs.ts';
import { isNotSent, isThenable, OneCall, type WriteCall, within } from './side-call.ts';
import { STAGE_TABLE } from './stage-table.ts';

/** What earlier steps returned, by their names. Must be JSON where undoing needs it, as undoing may happen in a later life of the program. */
export type StepResults = Readonly<Record<string, unknown>>;

/** One write of an action. Both are sync or async. */
export interface ActionStep<P> {
  /** Unique in its action; part of the idempotency keys. */
  readonly name: string;
  readonly do: (payload: P, results: StepResults, call: WriteCall) => unknown;
  /**
   * Takes back what `do` did, and does nothing where `do` had not been done: it is called also when that is not known. May be called more than
   * once, always with the same key. Absent where there is nothing to take back.
   */
  readonly undo?: (payload: P, results: StepResults, call: WriteCall) => unknown;
}

export interface ActionSides<P> {
  readonly legacy: readonly ActionStep<P>[];
  readonly candidate: readonly ActionStep<P>[];
}

export interface ActionOptions extends PlaceOptions {
  /** One action of this key is done at a time, by all who ask. Generated unless given. */
  readonly idempotencyKey?: string | undefined;
}

/**
 * Runs an action: all its steps on one side, or, when one fails, all of them taken back in reverse order.
 *
 * @returns what each step returned, by its name
 * @throws TheseusError `cancelled` when a step failed (its error is the cause): nothing is left of it, or the rest is taken back from the queue of repairs;
 * `limit-exceeded` and others when it could not be noted, and was not begun
 */
export type Action<P> = (context: EvaluationContext, payload: P, options?: ActionOptions) => Promise<StepResults>;

/** What is kept of an action that is not known to have ended. */
interface Rest {
  readonly payload: unknown;
  readonly results: StepResults;
  /** The last step that may have been done; steps after it are taken back already. */
  readonly last: number;
}

/** One run of an action. */
interface Run {
  readonly side: Arm;
  readonly steps: readonly ActionStep<unknown>[];
  readonly idempotencyKey: string;
  readonly payload: unknown;
  readonly limitMs: number | undefined;
}

/** Runs actions of one name. Each is noted in the queue of repairs before it begins, so that a program that dies leaves nothing half done. */
export class ActionRunner {
  readonly #state: MigrationState;
  readonly #name: string;
  readonly #sides: ActionSides<unknown>;
  readonly #repairs: Repairs;
  readonly #underWay = new Map<string, Promise<StepResults>>();

  constructor(state: MigrationState, name: string, sides: ActionSides<unknown>, repairs: Repairs) {
    this.#state = state;
    this.#name = name;
    this.#sides = sides;
    this.#repairs = repairs;
    checkSteps(name, sides);
    repairs.handle(state.flag, operationOf(name), (repair) => this.#undoLater(repair), state.onRepairs);
  }

  run(place: Place, payload: unknown, idempotencyKey: string): Promise<StepResults> {
    const same = this.#underWay.get(idempotencyKey);
    if (same !== undefined) return same;
    const running = this.#begin(place, payload, idempotencyKey).finally(() => this.#underWay.delete(idempotencyKey));
    this.#underWay.set(idempotencyKey, running);
    return running;
  }

  async #begin(place: Place, payload: unknown, idempotencyKey: string): Promise<StepResults> {
    const side = this.#sideOf(place);
    const { flag, around } = this.#state;
    const run: Run = { side, steps: this.#sides[side], idempotencyKey, payload, limitMs: place.setting.deadlineMs };
    // A lane of its own: its steps may write through the same migration.
    const key = `action ${this.#name} ${idempotencyKey}`;
    return this.#repairs.run(flag, key, async () => {
      if (this.#repairs.holds({ flag, side, key }))
        throw this.#failure('an earlier one of this key is still taken back');
      const rest: Rest = { payload, results: {}, last: run.steps.length - 1 };
      const noted = {
        flag,
        operation: operationOf(this.#name),
        kind: 'undo',
        side,
        key,
        idempotencyKey,
        payload: rest,
      } as const;
      const id = await this.#repairs.keep(noted);
      const beganMs = around.now();
      try {
        const results = await this.#doAll(run, { id, ...noted });
        this.#count(place, beganMs, 'answered');
        return results;
      } catch (error) {
        this.#count(place, beganMs, 'failed');
        throw error;
      }
    });
  }

  async #doAll(run: Run, noted: Repair): Promise<StepResults> {
    const results: Record<string, unknown> = {};
    let last = -1;
    try {
      for (const [at, step] of run.steps.entries()) {
        last = at;
        results[step.name] = await callStep(this.#state, run, step, step.do, results, 'do');
      }
      // Were this lost, a later life of the program would take the action back: it has not happened before it is noted.
      await this.#repairs.done(noted);
      return results;
    } catch (error) {
      const rest: Rest = { payload: run.payload, results, last: isNotSent(error) ? last - 1 : last };
      const what = `step '${run.steps[last]?.name ?? ''}' failed: ${errorText(error)}`;
      throw this.#failure(`${what}; ${await this.#takeBack(run, noted, rest)}`, error);
    }
  }

  async #takeBack(run: Run, noted: Repair, rest: Rest): Promise<string> {
    const undone = await this.#undo(run, rest);
    if (undone.kind === 'left') {
      await this.#repairs.left(noted, undone);
      return `taking it back failed as well (${errorText(undone.error)}) and is repeated`;
    }
    // Not noted, it is taken back once more in a later life, under the same keys.
    await this.#repairs.done(noted).catch(() => undefined);
    return 'all of it was taken back';
  }

  async #undo(run: Run, rest: Rest): Promise<Exclude<Repaired, { kind: 'given-up' }>> {
    for (let at = rest.last; at >= 0; at -= 1) {
      const step = run.steps[at];
      if (step?.undo === undefined) continue;
      try {
        await callStep(this.#state, run, step, step.undo, rest.results, 'undo');
      } catch (error) {
        return { kind: 'left', payload: { ...rest, last: at } satisfies Rest, error };
      }
    }
    return { kind: 'done' };
  }

  #undoLater({ side, idempotencyKey, payload }: Repair): Promise<Repaired> {
    const rest = payload as Rest;
    const { deadlineMs: limitMs } = this.#state.setting();
    return this.#undo({ side, steps: this.#sides[side], idempotencyKey, payload: rest.payload, limitMs }, rest);
  }

  #sideOf(place: Place): Arm {
    const { authority } = STAGE_TABLE[place.stage];
    // Only asked, not probed: an action is no cheap probe. Once begun it stays where it is.
    return authority === 'candidate' && place.mayFallBack && this.#state.isCandidateBroken(place)
      ? 'legacy'
      : authority;
  }

  #count(place: Place, beganMs: number, outcome: 'answered' | 'failed'): void {
    if (place.assignment === undefined) return;
    this.#state.countersOf(place)?.countRequest(place.assignment, this.#state.around.now() - beganMs, outcome);
  }

  #failure(why: string, cause?: unknown): TheseusError {
    const text = `Cannot do the action '${this.#name}' of the flag '${this.#state.flag}': ${why}`;
    return new TheseusError('cancelled', text, { cause });
  }
}

async function callStep(
  state: MigrationState,
  { side, idempotencyKey, payload, limitMs }: Run,
  step: ActionStep<unknown>,
  work: (payload: unknown, results: StepResults, call: WriteCall) => unknown,
  results: StepResults,
  verb: 'do' | 'undo',
): Promise<unknown> {
  const call = new OneCall(side, `${idempotencyKey}/${step.name}/${verb}`);
  const answer = work.call(step, payload, results, call);
  if (limitMs === undefined || !isThenable(answer)) return answer;
  const { now, deadlines } = state.around;
  return within(answer, { limitMs, beganMs: now(), call, deadlines });
}

function operationOf(name: string): string {
  return `action:${name}`;
}

function checkSteps(name: string, sides: ActionSides<unknown>): void {
  if (!/^[\w-]{1,60}$/.test(name)) throw unusable(name, 'its name must be 1 to 60 letters, digits, - or _');
  for (const side of ['legacy', 'candidate'] as const) {
    const steps: unknown = sides?.[side];
    if (!Array.isArray(steps) || steps.length === 0) throw unusable(name, `its ${side} side must be a list of steps`);
    const names = new Set(steps.map((step: ActionStep<unknown>) => step.name));
    if (names.size !== steps.length) throw unusable(name, `the steps of its ${side} side need names that differ`);
  }
}

function unusable(name: string, mend: string): TheseusError {
  return new TheseusError('invalid-argument', `Cannot define the action '${name}': ${mend}`);
}
