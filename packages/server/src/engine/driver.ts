import { errorText } from '@theseus/core/error';
import {
  type ArmComparison,
  isJudgedGate,
  LONGEST_GAP,
  latencyFactors,
  observe,
  PROFILES,
  type Reading,
  type Repairs,
  resumeWatch,
  signalsRead,
  type Watch,
  type WatchTarget,
} from '@theseus/core/health';
import { baselineOf, nextWakeAt, type RolloutState, watchTargets } from '@theseus/core/rollout';
import type { ComparisonSource } from '../ports/comparison-source.ts';
import type { ReadingRequest } from '../ports/reading-request.ts';
import type { RepairSource } from '../ports/repair-source.ts';
import type { RunEngine } from './run-engine.ts';
import type { WatchMemory } from './watch-memory.ts';

export type ReadAll = (requests: readonly ReadingRequest[]) => Promise<readonly Reading[]>;

export interface DriverParts {
  readonly runId: string;
  readonly epoch: number;
  readonly engine: RunEngine;
  readonly memory: WatchMemory;
  readonly state: () => RolloutState | undefined;
  readonly readAll: ReadAll;
  /** Where both arms are counted; without it nobody can compare them. */
  readonly comparisons?: ComparisonSource | undefined;
  /** What migrations owe; without it nobody can tell, and none goes live. */
  readonly repairs?: RepairSource | undefined;
  readonly onHealth: () => void;
  readonly onProblem: (message: string) => void;
}

/** Longest sleep of a timer; a longer wait is taken in parts (setTimeout overflows after 24.8 days). */
const LONGEST_SLEEP_MS = 60_000;
const VAIN_WAKE_MS = 1_000;
/** SDKs report at least every five seconds: one that has not for three times as long says nothing any more. */
const SHORTEST_FRESH_MS = 15_000;

/** Drives one run while its lease lasts: looks at each watched gate when it is due, and wakes the run when time alone moves it. */
export class RunDriver {
  readonly #parts: DriverParts;
  readonly #looking = new Set<string>();
  readonly #nextLook = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;
  /** When the run was last woken in vain: what is overdue but blocked must not be tried without end. */
  #wokenInVain = Number.NEGATIVE_INFINITY;
  #stopped = false;
  /** The revision it has acted on last. */
  #revision = 0;

  constructor(parts: DriverParts) {
    this.#parts = parts;
  }

  get epoch(): number {
    return this.#parts.epoch;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Does what is due and sleeps until the next thing is. Call it again whenever the run has changed. */
  poke(): void {
    if (this.#stopped) return;
    const state = this.#parts.state();
    if (state === undefined) return;
    this.#revision = state.revision;
    const { engine, runId } = this.#parts;
    const now = engine.clocks.now(runId);
    let next = now + LONGEST_SLEEP_MS;
    for (const target of watchTargets(state)) {
      const key = `${target.id}/${target.stage}`;
      const planned = this.#nextLook.get(key) ?? target.since + target.gate.everyMs;
      // A clock that was set back would put the next look off for as long.
      const due = Math.min(planned, now + target.gate.everyMs);
      if (due <= now) {
        this.#nextLook.set(key, nextTick(due, now, target.gate.everyMs));
        void this.#look(state, target);
      }
      if (due > now) this.#nextLook.set(key, due);
      next = Math.min(next, this.#nextLook.get(key) ?? due);
    }
    const wakeAt = nextWakeAt(state, now - 1);
    const wakeAfter = Math.max(wakeAt ?? next, this.#wokenInVain + VAIN_WAKE_MS);
    if (wakeAfter <= now) void this.#wake(now);
    else next = Math.min(next, wakeAfter);
    this.#sleep(Math.max(1, next - now));
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #sleep(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.poke(), ms);
  }

  async #wake(now: number): Promise<void> {
    this.#wokenInVain = now;
    await this.#handle({ kind: 'timer' });
  }

  /** One look at one gate. A look that is still under way is not repeated. */
  async #look(state: RolloutState, target: WatchTarget): Promise<void> {
    if (this.#looking.has(target.id)) return;
    this.#looking.add(target.id);
    const { engine, runId, epoch } = this.#parts;
    try {
      const watch = await this.#judge(state, target);
      const current = this.#parts.state();
      if (this.#stopped || current === undefined) return;
      const input = { kind: 'judged', watch } as const;
      if (engine.foresee(current, input).events.length > 0) await this.#handle(input);
      await this.#parts.memory.save(runId, epoch, engine.clocks.now(runId));
      this.#parts.onHealth();
    } catch (error) {
      this.#parts.onProblem(`could not judge ${target.id}: ${errorText(error)}`);
    } finally {
      this.#looking.delete(target.id);
    }
  }

  async #judge(state: RolloutState, target: WatchTarget): Promise<Watch> {
    const { runId, memory, engine } = this.#parts;
    const now = engine.clocks.now(runId);
    // What sources say is dated by the clock, not by the run.
    const aheadMs = engine.clocks.aheadMs(runId);
    const asked = { since: target.since - aheadMs, now: now - aheadMs };
    const { environment } = state.plan;
    const [readings, comparison, repairs] = await Promise.all([
      this.#parts.readAll(
        signalsRead(target.gate).flatMap((name) => {
          const signal = state.plan.signals[name];
          return signal === undefined ? [] : [{ runId, environment, signal, flag: target.flag, ...asked }];
        }),
      ),
      this.#compare(state, target, { now, aheadMs }),
      target.asksRepairs ? this.#repairs(target.flag, environment, asked.now) : undefined,
    ]);
    const before = resumeWatch(target, (await memory.load(runId)).get(target.id), now);
    const counting = state.status === 'running' && state.steps[target.stepId]?.hold?.reason !== 'rejected';
    const baseline = baselineOf(state, target.flag);
    const measurement = {
      at: now,
      readings,
      ...(comparison === null ? {} : { comparison }),
      ...(repairs === undefined ? {} : { repairs }),
    };
    const after = observe(before, target.gate, measurement, baseline, { counting });
    // Whoever drives the run next reads what was written down, not what an abandoned look still brings.
    if (!this.#stopped) memory.remember(runId, after);
    return after;
  }

  /** What both arms have counted, where the gate asks; a source that fails has no counts. */
  async #compare(
    { plan: { environment } }: RolloutState,
    { gate, flag, judging }: WatchTarget,
    { now, aheadMs }: { readonly now: number; readonly aheadMs: number },
  ): Promise<ArmComparison | null> {
    const { comparisons } = this.#parts;
    if (comparisons === undefined || flag === null || !isJudgedGate(gate)) return null;
    try {
      const counted = await comparisons.compare({
        flag,
        environment,
        now: now - aheadMs,
        freshForMs: Math.max(SHORTEST_FRESH_MS, LONGEST_GAP * gate.everyMs),
        factors: latencyFactors(PROFILES[gate.profile ?? 'balanced']),
        segments: judging?.segments ?? [],
      });
      return { ...counted, at: now };
    } catch (error) {
      const problem = `the arms could not be counted: ${errorText(error)}`;
      return { at: now, counts: null, epoch: 0, odds: null, assigned: null, ageMs: 0, problem };
    }
  }

  /** What a migration owes its other side; null where nobody can tell. */
  async #repairs(flag: string | null, environment: string, now: number): Promise<Repairs | null> {
    const { repairs, onProblem } = this.#parts;
    if (repairs === undefined || flag === null) return null;
    try {
      return await repairs.repairsOf(flag, environment, now);
    } catch (error) {
      onProblem(`could not tell what ${flag} owes: ${errorText(error)}`);
      return null;
    }
  }

  async #handle(input: Parameters<RunEngine['handle']>[1]): Promise<void> {
    const { engine, runId, epoch } = this.#parts;
    try {
      const handled = await engine.handle(runId, input, { epoch });
      if (handled === null) return this.stop();
      if (handled.events.length > 0) this.#wokenInVain = Number.NEGATIVE_INFINITY;
      this.poke();
    } catch (error) {
      this.#parts.onProblem(`could not move run ${runId}: ${errorText(error)}`);
    }
  }
}

/** The next look on the gate's own grid, skipping those that were missed. */
function nextTick(due: number, now: number, everyMs: number): number {
  return due + everyMs * (Math.floor((now - due) / everyMs) + 1);
}
