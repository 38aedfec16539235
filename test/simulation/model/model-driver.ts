import { isJudgedGate, type Measurement, type Watch, type WatchTarget } from '@theseus/core/health';
import { baselineOf, type Input, type RolloutState } from '@theseus/core/rollout';
import { DatabaseFault } from './fault-plan.ts';
import type { ModelServer } from './model-server.ts';
import type { World } from './world.ts';

const LONGEST_SLEEP_MS = 60_000;
const VAIN_WAKE_MS = 1_000;
const CONFIRM_EVERY_MS = 1_000;
/** How long the answer to when time moves the run next is kept: windows are slow to reckon, and hours long. */
const WAKE_KEPT_MS = 900_000;

/** Drives the run while the lease lasts, step by step as engine/driver.ts and the confirming half of engine/fleet.ts do. */
export class ModelDriver {
  readonly epoch: number;
  readonly #world: World;
  readonly #server: ModelServer;
  readonly #looking = new Set<string>();
  readonly #nextLook = new Map<string, number>();
  #sleep = 0;
  #wake: { readonly state: RolloutState; readonly askedAt: number; readonly wakeAt: number | null } | null = null;
  #isConfirming = false;
  #wokenInVain = Number.NEGATIVE_INFINITY;
  #isStopped = false;
  #revision = 0;

  constructor(world: World, server: ModelServer, epoch: number) {
    this.#world = world;
    this.#server = server;
    this.epoch = epoch;
  }

  /** The revision it has acted on last. */
  get revision(): number {
    return this.#revision;
  }

  stop(): void {
    this.#isStopped = true;
  }

  poke(): void {
    const state = this.#server.known;
    if (this.#isStopped || state === null) return;
    this.#revision = state.revision;
    const now = this.#server.now();
    let next = now + LONGEST_SLEEP_MS;
    for (const target of this.#world.rules.watchTargets(state)) {
      const key = `${target.id}/${target.stage}`;
      const planned = this.#nextLook.get(key) ?? target.since + target.gate.everyMs;
      const due = Math.min(planned, now + target.gate.everyMs);
      if (due <= now) {
        this.#nextLook.set(key, nextTick(due, now, target.gate.everyMs));
        this.#look(state, target);
      }
      if (due > now) this.#nextLook.set(key, due);
      next = Math.min(next, this.#nextLook.get(key) ?? due);
    }
    const wakeAt = this.#wakeAt(state, now);
    const wakeAfter = Math.max(wakeAt ?? next, this.#wokenInVain + VAIN_WAKE_MS);
    if (wakeAfter <= now) {
      this.#wokenInVain = now;
      this.#server.later(1, () => this.#handle({ kind: 'timer' }));
    } else next = Math.min(next, wakeAfter);
    this.#sleepFor(Math.max(1, next - now));
  }

  /** Asked anew when something has changed, when its moment has come, and now and then. */
  #wakeAt(state: RolloutState, now: number): number | null {
    const known = this.#wake;
    const isDue = known !== null && known.wakeAt !== null && known.wakeAt <= now;
    const isFresh = known !== null && known.askedAt <= now && now - known.askedAt < WAKE_KEPT_MS;
    if (known?.state === state && isFresh && !isDue) return known.wakeAt;
    const wakeAt = this.#world.rules.nextWakeAt(state, now - 1);
    this.#wake = { state, askedAt: now, wakeAt };
    return wakeAt;
  }

  #sleepFor(ms: number): void {
    this.#sleep += 1;
    const mine = this.#sleep;
    this.#server.later(ms, () => {
      if (mine === this.#sleep) this.poke();
    });
  }

  #look(state: RolloutState, target: WatchTarget): void {
    if (this.#looking.has(target.id)) return;
    this.#looking.add(target.id);
    const { time, sources, arms, noise } = this.#world;
    const at = this.#server.now();
    const lookedAt = time.now;
    const readings = sources.read(target, lookedAt);
    const exposure = state.flags[target.flag ?? '']?.exposure ?? 0;
    const isCompared = isJudgedGate(target.gate) && target.flag !== null;
    const comparison = isCompared ? { comparison: arms.compare(target, exposure, lookedAt) } : {};
    const owed = target.asksRepairs ? { repairs: sources.repairs(lookedAt) } : {};
    this.#server.later(noise.int(2, 300), () => {
      this.#looking.delete(target.id);
      this.#server.cross('look-read');
      this.#judge(state, target, { at, lookedAt, readings, ...comparison, ...owed });
    });
  }

  #judge(state: RolloutState, target: WatchTarget, look: Measurement & { readonly lookedAt: number }): void {
    const { rules } = this.#world;
    const before = rules.watchBefore(this.#server.watches.get(target.id), target, look.at);
    const counting = state.status === 'running' && state.steps[target.stepId]?.hold?.reason !== 'rejected';
    const baseline = baselineOf(state, target.flag);
    const watch = rules.observe(before, target.gate, look, baseline, { counting });
    this.#world.looked(target, { ...look, at: look.lookedAt, baseline });
    this.#server.watches.set(target.id, watch);
    this.#server.cross('look-judged');
    this.#server.later(1, () => this.#follow(watch));
  }

  #follow(watch: Watch): void {
    const current = this.#server.known;
    if (this.#isStopped || current === null) return;
    const input: Input = { kind: 'judged', watch };
    const { rules, database } = this.#world;
    if (rules.decide(current, input, this.#server.now()).events.length > 0) this.#handle(input);
    this.#server.cross('watch-saved');
    database.watches.set(watch.id, watch);
  }

  #handle(input: Input): void {
    try {
      const handled = this.#world.engine.handle(this.#server, input, { epoch: this.epoch });
      if (handled.kind === 'lease-lost') return this.stop();
      if (handled.kind === 'done' && handled.events > 0) this.#wokenInVain = Number.NEGATIVE_INFINITY;
      this.poke();
    } catch (error) {
      if (!(error instanceof DatabaseFault)) throw error;
    }
  }

  /** Asks now and again whether every live instance serves what was decided last. */
  confirm(): void {
    if (this.#isConfirming || this.#isStopped) return;
    this.#isConfirming = true;
    this.#server.later(this.#world.noise.int(1, CONFIRM_EVERY_MS), () => {
      this.#isConfirming = false;
      if (this.#isStopped) return;
      this.#confirmAll();
      if (this.#unconfirmed().length > 0) this.confirm();
    });
  }

  #confirmAll(): void {
    const { instances, rules, time } = this.#world;
    for (const flag of this.#unconfirmed()) {
      const found = rules.waitsForInstances
        ? instances.confirmed(flag.key, flag.changedAtRevision, time.now)
        : { instances: instances.count, silent: 0 };
      if (found === null) continue;
      this.#handle({ kind: 'exposure-confirmed', flag: flag.key, revision: flag.changedAtRevision, ...found });
    }
  }

  #unconfirmed() {
    return Object.values(this.#server.known?.flags ?? {}).filter(({ confirmed }) => !confirmed);
  }
}

/** The next look on the gate's own grid, skipping those that were missed. */
function nextTick(due: number, now: number, everyMs: number): number {
  return due + everyMs * (Math.floor((now - due) / everyMs) + 1);
}
