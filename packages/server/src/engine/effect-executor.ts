import { errorText, TheseusError } from '@theseus/core/error';
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
    const stored = await this.#parts.runs.read(this.#parts.database, runId);
    const effect = stored?.state.effects[effectId];
    if (stored === null || effect === undefined || isPostponed(stored.state, effect)) return;
    const first = await this.#begin(runId, effectId);
    if (!first && !isRepeatable(effect)) {
      await this.#report(runId, effectId, CUT_OFF);
      return;
    }
    const result = await this.#run(effect, stored.state.plan, runId, stopping);
    if (stopping.aborted && isRepeatable(effect) && result.outcome !== 'succeeded') {
      throw new TheseusError('cancelled', `Effect ${effectId} was interrupted by a stop and is repeated later`);
    }
    await this.#report(runId, effectId, result);
  }

  /** Marks the effect as begun; false when it was begun before, by this server or one that died. */
  async #begin(runId: string, effectId: string): Promise<boolean> {
    const { rowCount } = await this.#parts.database.query(
      `insert into theseus.effect_attempt (run_id, effect_id, server_id) values ($1, $2, $3) on conflict do nothing`,
      [runId, effectId, this.#parts.serverId],
    );
    return rowCount === 1;
  }

  async #run(
    effect: Effect,
    plan: Parameters<EffectRunner['run']>[1]['plan'],
    runId: string,
    stopping: AbortSignal,
  ): Promise<EffectResult> {
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

/** While a run is paused nothing is run or sent for its steps; the engine asks for it again when the run goes on. */
function isPostponed({ status }: RolloutState, { purpose }: Effect): boolean {
  return status === 'paused' && (purpose.kind === 'step' || purpose.kind === 'contingency');
}

/** Looking and telling may be repeated (a message carries its idempotency key); a command only where the plan says so. */
function isRepeatable({ request }: Effect): boolean {
  return request.kind !== 'command' || request.repeatable;
}
