import { errorText, TheseusError } from '@theseus/core/error';
import type { Plan } from '@theseus/core/plan';
import type { Effect, EffectRequest, EffectResult, RolloutState } from '@theseus/core/rollout';
import type { Database } from '../ports/database.ts';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { RunStore } from '../postgres/run-store.ts';
import type { RunEngine } from './run-engine.ts';

export type EffectRunners = Readonly<Record<EffectRequest['kind'], EffectRunner>>;

export interface EffectExecutorParts {
  readonly serverId: string;
  readonly database: Database;
  readonly runs: RunStore;
  readonly engine: RunEngine;
  readonly runners: EffectRunners;
}

interface Begun {
  readonly effect: Effect;
  readonly plan: Plan;
  /** Whether nobody has begun it before, neither this server nor one that died. */
  readonly isFirst: boolean;
}

/** Tries to write a result down, so that a passing fault of the database does not make a known outcome unknown. */
const REPORT_ATTEMPTS = 8;
const FIRST_REPORT_DELAY_MS = 100;

/** Carries out effects that events have asked for: at least once where repeating is safe, at most once where it is not. */
export class EffectExecutor {
  readonly #parts: EffectExecutorParts;

  constructor(parts: EffectExecutorParts) {
    this.#parts = parts;
  }

  async execute(runId: string, effectId: string, stopping: AbortSignal): Promise<void> {
    const begun = await this.#begin(runId, effectId);
    if (begun === null) return;
    const { effect, plan, isFirst } = begun;
    if (!isFirst && !isRepeatable(effect)) {
      await this.#report(runId, effectId, CUT_OFF);
      return;
    }
    const result = await this.#run(effect, plan, runId, stopping);
    if (stopping.aborted && isRepeatable(effect) && result.outcome !== 'succeeded') {
      throw new TheseusError('cancelled', `Effect ${effectId} was interrupted by a stop and is repeated later`);
    }
    await this.#report(runId, effectId, result);
  }

  /**
   * Marks the effect as begun, unless nobody waits for it any more or it is postponed. The run cannot be paused or
   * resumed between the look at it and the mark, so that each postponed effect is asked for again, and no other.
   */
  #begin(runId: string, effectId: string): Promise<Begun | null> {
    const { database, runs, serverId } = this.#parts;
    return database.transaction(async (client) => {
      const stored = await runs.keep(client, runId);
      const effect = stored?.state.effects[effectId];
      if (stored === null || effect === undefined) return null;
      const isBegun = (await runs.begunEffects(client, runId)).has(effectId);
      if (!isBegun && isPostponed(stored.state, effect)) return null;
      const { rowCount } = await client.query(
        `insert into theseus.effect_attempt (run_id, effect_id, server_id) values ($1, $2, $3) on conflict do nothing`,
        [runId, effectId, serverId],
      );
      return { effect, plan: stored.state.plan, isFirst: rowCount === 1 };
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

  async #report(runId: string, effectId: string, result: EffectResult): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#parts.engine.handle(runId, { kind: 'effect-finished', effectId, result });
        return;
      } catch (error) {
        if (attempt >= REPORT_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_REPORT_DELAY_MS * 2 ** attempt));
      }
    }
  }
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
