import { errorText, TheseusError } from '@theseus/core/error';
import type { Plan } from '@theseus/core/plan';
import type { Effect, EffectRequest, EffectResult, RolloutState } from '@theseus/core/rollout';
import type { Client, Database, Queryable } from '../ports/database.ts';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { JobClaim } from '../ports/job-claim.ts';
import type { RunStore } from '../postgres/run-store.ts';
import type { RunEngine } from './run-engine.ts';

export type EffectRunners = Readonly<Record<EffectRequest['kind'], EffectRunner>>;

export interface EffectExecutorParts {
  readonly machineId: string;
  readonly database: Database;
  readonly runs: RunStore;
  readonly engine: RunEngine;
  readonly runners: EffectRunners;
}

interface Begun {
  readonly effect: Effect;
  readonly plan: Plan;
  /** 1 where nobody has begun it before, neither this machine nor one that died. */
  readonly attempt: number;
}

/** Whoever has waited longer than this for an answer may have been given up by the others meanwhile, and asks again. */
const SURE_MS = 1_000;

/** Tries to write a result down, so that a passing fault of the database does not make a known outcome unknown. */
const REPORT_ATTEMPTS = 8;
const FIRST_REPORT_DELAY_MS = 100;

/** Carries out effects that events have asked for: at least once where repeating is safe, at most once where it is not. */
export class EffectExecutor {
  readonly #parts: EffectExecutorParts;

  constructor(parts: EffectExecutorParts) {
    this.#parts = parts;
  }

  /** @throws TheseusError `cancelled` when a stop interrupted it, or when it has passed to another machine */
  async execute(runId: string, effectId: string, claim: JobClaim): Promise<void> {
    const startedAt = performance.now();
    const begun = await this.#begin(runId, effectId, claim);
    if (begun === null) return;
    const { effect, plan, attempt } = begun;
    const attempted = { runId, effectId, attempt };
    if (attempt > 1 && !isRepeatable(effect)) return this.#report(attempted, CUT_OFF);
    await this.#requireOwn(attempted, startedAt);
    const result = await this.#run(effect, plan, runId, claim.stopping);
    if (claim.stopping.aborted && isRepeatable(effect) && result.outcome !== 'succeeded') {
      throw new TheseusError('cancelled', `Effect ${effectId} was interrupted by a stop and is repeated later`);
    }
    await this.#report(attempted, result);
  }

  /** A process that was stopped between beginning and doing may wake up when another has long begun the same. */
  async #requireOwn(attempted: Attempted, since: number): Promise<void> {
    for (let askedAt = since; performance.now() - askedAt > SURE_MS; ) {
      askedAt = performance.now();
      if (!(await isOwn(this.#parts.database, attempted))) throw passedOn(attempted);
    }
  }

  /**
   * Marks the effect as begun, unless nobody waits for it any more or it is postponed. The run cannot be paused or
   * resumed between the look at it and the mark, so that each postponed effect is asked for again, and no other.
   */
  #begin(runId: string, effectId: string, claim: JobClaim): Promise<Begun | null> {
    const { database, runs, machineId } = this.#parts;
    return database.transaction(async (client) => {
      const stored = await runs.keep(client, runId);
      const effect = stored?.state.effects[effectId];
      if (stored === null || effect === undefined) return null;
      const isBegun = (await runs.begunEffects(client, runId)).has(effectId);
      if (!isBegun && isPostponed(stored.state, effect)) return null;
      if (!(await claim.isHeld(client))) throw passedOn({ runId, effectId });
      const { rows } = await client.query<{ attempt: number }>(
        `insert into theseus.effect_attempt as known (run_id, effect_id, server_id) values ($1, $2, $3)
         on conflict (run_id, effect_id) do update
           set attempt = known.attempt + 1, server_id = excluded.server_id, begun_at = now()
         returning attempt`,
        [runId, effectId, machineId],
      );
      return { effect, plan: stored.state.plan, attempt: rows[0]?.attempt ?? 1 };
    });
  }

  async #run(effect: Effect, plan: Plan, runId: string, stopping: AbortSignal): Promise<EffectResult> {
    const startedAt = performance.now();
    try {
      const context = { runId, plan, idempotencyKey: `${runId}/${effect.id}`, signal: stopping };
      return await this.#parts.runners[effect.request.kind].run(effect, context);
    } catch (error) {
      const durationMs = Math.round(performance.now() - startedAt);
      return { outcome: 'failed', summary: errorText(error), durationMs };
    }
  }

  async #report(attempted: Attempted, result: EffectResult): Promise<void> {
    const { runId, effectId } = attempted;
    const isCurrent = (client: Client): Promise<boolean> => isOwn(client, attempted);
    for (let tries = 1; ; tries += 1) {
      try {
        const input = { kind: 'effect-finished', effectId, result } as const;
        const handled = await this.#parts.engine.handle(runId, input, { isCurrent });
        if (handled === null) throw passedOn(attempted);
        return;
      } catch (error) {
        if (tries >= REPORT_ATTEMPTS || isPassedOn(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_REPORT_DELAY_MS * 2 ** tries));
      }
    }
  }
}

interface Attempted {
  readonly runId: string;
  readonly effectId: string;
  readonly attempt: number;
}

async function isOwn(queryable: Queryable, { runId, effectId, attempt }: Attempted): Promise<boolean> {
  const { rowCount } = await queryable.query(
    'select from theseus.effect_attempt where run_id = $1 and effect_id = $2 and attempt = $3',
    [runId, effectId, attempt],
  );
  return rowCount === 1;
}

/** Thrown and not swallowed: a job that ends well is taken off, and this one is another's by now. */
function passedOn({ runId, effectId }: Omit<Attempted, 'attempt'>): TheseusError {
  return new TheseusError(
    'cancelled',
    `Effect ${effectId} of ${runId} passed to another machine while this one was not heard of; its result is dropped`,
  );
}

function isPassedOn(error: unknown): boolean {
  return error instanceof TheseusError && error.code === 'cancelled';
}

const CUT_OFF: EffectResult = {
  outcome: 'unknown',
  summary: 'it was begun and cut off; whether it happened is not known, and repeating it is not declared safe',
  durationMs: 0,
};

/** While a run is paused nothing is begun for its steps; the engine asks for it again when the run goes on. */
function isPostponed({ status }: RolloutState, { purpose }: Effect): boolean {
  return status === 'paused' && (purpose.kind === 'step' || purpose.kind === 'contingency');
}

/** Looking and telling may be repeated (a message carries its idempotency key); a command only where the plan says so. */
function isRepeatable({ request }: Effect): boolean {
  return request.kind !== 'command' || request.repeatable;
}
