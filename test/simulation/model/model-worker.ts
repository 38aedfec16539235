import type { Effect, EffectResult } from '@theseus/core/rollout';
import type { EffectFault } from '../scenario.ts';
import { DatabaseFault } from './fault-plan.ts';
import type { Job } from './model-database.ts';
import type { ModelServer } from './model-server.ts';
import type { World } from './world.ts';

const REPORT_ATTEMPTS = 8;
const FIRST_REPORT_DELAY_MS = 100;
const RETRY_JOB_MS = 2_000;
const SLOW_EFFECT_MS = 90_000;
const USUAL_EFFECT_MS = 4_000;

/** A worker in a server that has taken a job, as engine/effect-executor.ts carries it out. */
export function workOn(world: World, server: ModelServer, job: Job, done: (isDone: boolean) => void): void {
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof DatabaseFault)) throw error;
      server.later(RETRY_JOB_MS, () => done(false));
    }
  };
  if (job.effectId === null) {
    attempt(() => {
      world.engine.handle(server, { kind: 'timer' });
      done(true);
    });
    return;
  }
  const effectId = job.effectId;
  attempt(() => {
    server.cross('effect-taken');
    const { effects, status } = world.database.row.state;
    const effect = effects[effectId];
    const isPostponed = status === 'paused' && !world.database.begun.has(effectId);
    if (effect === undefined || (isPostponed && isForward(effect))) return done(true);
    new EffectWork(world, server, effect, done).begin();
  });
}

/** One try at one effect: begun, done, and reported, with a seam between each of them. */
class EffectWork {
  readonly #world: World;
  readonly #server: ModelServer;
  readonly #effect: Effect;
  readonly #done: (isDone: boolean) => void;

  constructor(world: World, server: ModelServer, effect: Effect, done: (isDone: boolean) => void) {
    this.#world = world;
    this.#server = server;
    this.#effect = effect;
    this.#done = done;
  }

  begin(): void {
    const { database, rules } = this.#world;
    const isFirst = !(rules.marksBegun && database.begun.has(this.#effect.id));
    database.begun.add(this.#effect.id);
    this.#server.cross('effect-begun');
    if (!isFirst && !isRepeatable(this.#effect)) return this.#report(CUT_OFF, 1);
    const fault = this.#world.nextEffectFault(this.#effect);
    const durationMs = fault === 'slow' ? SLOW_EFFECT_MS : this.#world.noise.int(50, USUAL_EFFECT_MS);
    this.#server.later(durationMs, () => this.#finish(fault, durationMs));
  }

  #finish(fault: EffectFault | undefined, durationMs: number): void {
    this.#world.executed(this.#effect);
    this.#server.cross('effect-done');
    const result = fault === 'fails' ? { ...FAILED, durationMs } : resultOf(this.#world, this.#effect, durationMs);
    if (fault === 'twice') this.#world.deliverAgain(this.#effect.id);
    if (fault === 'reported-twice') this.#reportAgain(result);
    this.#server.later(1, () => this.#report(result, 1));
  }

  #report(result: EffectResult, attempt: number): void {
    try {
      this.#world.engine.handle(this.#server, { kind: 'effect-finished', effectId: this.#effect.id, result });
      this.#server.cross('effect-reported');
      this.#done(true);
    } catch (error) {
      if (!(error instanceof DatabaseFault)) throw error;
      const delayMs = FIRST_REPORT_DELAY_MS * 2 ** attempt;
      if (attempt >= REPORT_ATTEMPTS) this.#server.later(RETRY_JOB_MS, () => this.#done(false));
      else this.#server.later(delayMs, () => this.#report(result, attempt + 1));
    }
  }

  #reportAgain(result: EffectResult): void {
    const input = { kind: 'effect-finished', effectId: this.#effect.id, result } as const;
    const lateMs = this.#world.noise.int(1, 20_000);
    this.#server.later(lateMs, () => this.#world.engine.handle(this.#server, input));
  }
}

const CUT_OFF: EffectResult = { outcome: 'unknown', summary: 'it was begun and cut off', durationMs: 0 };
const FAILED: EffectResult = { outcome: 'failed', summary: 'exit code 1', durationMs: 0 };

/** What goes on with the plan, and is not begun while the run is paused; taking back and lifting are. */
function isForward({ purpose }: Effect): boolean {
  return purpose.kind === 'step' || purpose.kind === 'contingency';
}

export function isRepeatable({ request }: Effect): boolean {
  return request.kind !== 'command' || request.repeatable;
}

function resultOf(world: World, { request, requestedAt }: Effect, durationMs: number): EffectResult {
  const done = { outcome: 'succeeded', summary: 'done', durationMs } as const;
  if (request.kind === 'baseline') {
    const baseline = world.sources.baseline(requestedAt);
    return { ...done, baselines: { '*': baseline } };
  }
  if (request.kind !== 'command' || request.captures.length === 0) return done;
  return { ...done, captures: Object.fromEntries(request.captures.map(({ name }) => [name, `kept-${name}`])) };
}
