import { type Baseline, observe, resumeWatch, type Watch, type WatchTarget } from '../health/index.ts';
import { type Plan, planHash } from '../plan/index.ts';
import {
  baselineOf,
  type Decision,
  decide,
  type Input,
  nextWakeAt,
  type RolloutEvent,
  type RolloutState,
  soakOf,
  startRun,
  watchTargets,
} from '../rollout/index.ts';
import { type Load, modelTraffic, type Sampling, type Traffic } from './modelled-traffic.ts';
import { type VirtualWorld, virtualWorld } from './virtual-world.ts';
import type { WhatIf } from './what-if.ts';

export interface VirtualRunOptions {
  /** Epoch milliseconds of the virtual start. */
  readonly startAt: number;
  readonly whatIf: readonly WhatIf[];
  /** How long people take to answer when they are asked. */
  readonly approvalDelayMs: number;
  readonly seed: number;
  /** Readings have as many requests as this would bring; enough for every gate where null. */
  readonly load: Load | null;
}

/** Without any event for so long, a run is taken as stuck. */
const STUCK_AFTER_MS = 14 * 86_400_000;
/** A run is followed for at most this long. */
const LONGEST_MS = 2 * 365 * 86_400_000;

export type { Load } from './modelled-traffic.ts';

interface Due {
  readonly at: number;
  readonly input: (state: RolloutState) => Input | null;
}

interface Timer {
  dueAt: number;
}

/** A target with what a look at it needs, kept from one event to the next: quiet looks are nearly all there is. */
interface Look {
  readonly target: WatchTarget;
  readonly timer: Timer;
  readonly baseline: Baseline;
  readonly sampling: Sampling;
}

/** What goes on in a run beyond its state. */
interface Memory {
  state: RolloutState;
  now: number;
  lastEventAt: number;
  wake: number | null;
  checks: number;
  due: readonly Due[];
  readonly watches: Map<string, Watch>;
  readonly timers: Map<string, Timer>;
}

/** A run in virtual time: the same decisions as the live engine, with modelled traffic, people and programs. */
export class VirtualRun {
  readonly #options: VirtualRunOptions;
  readonly #traffic: Traffic;
  readonly #world: VirtualWorld;
  readonly #memory: Memory;
  readonly #events: RolloutEvent[] = [];
  #looks: readonly Look[] = [];
  /** A long soak, watch or wait produces no event for as long as it lasts; that is not being stuck. */
  #patience = 0;

  private constructor(plan: Plan, options: VirtualRunOptions, memory: Memory) {
    this.#options = options;
    this.#traffic = modelTraffic({ plan, ...options });
    this.#world = virtualWorld({ ...options, baseline: (at, overMs) => this.#traffic.baseline(at, overMs) });
    this.#memory = memory;
  }

  static begin(plan: Plan, options: VirtualRunOptions): VirtualRun {
    const { startAt } = options;
    const actor = { kind: 'person', name: 'simulation' } as const;
    const start = { runId: `simulation-of-${plan.name}`, plan, planHash: planHash(plan), actor, reason: 'simulated' };
    const decision = startRun(start, startAt);
    const run = new VirtualRun(plan, options, {
      state: decision.state,
      now: startAt,
      lastEventAt: startAt,
      wake: null,
      checks: 0,
      due: [],
      watches: new Map(),
      timers: new Map(),
    });
    run.#follow(decision);
    return run;
  }

  /** The same run from here on under other options; what happens in one is not seen in the other. */
  fork(options: VirtualRunOptions): VirtualRun {
    const { state, now, lastEventAt, wake, checks, due } = this.#memory;
    const watches = new Map<string, Watch>();
    const timers = new Map<string, Timer>();
    // Only what is judged now can matter later: forks of long plans would fill the memory with what is over.
    for (const { target, timer } of this.#looks) {
      const watch = this.#memory.watches.get(target.id);
      if (watch !== undefined) watches.set(target.id, watch);
      timers.set(keyOf(target), { dueAt: timer.dueAt });
    }
    const forked = new VirtualRun(state.plan, options, { state, now, lastEventAt, wake, checks, due, watches, timers });
    forked.#prepareLooks();
    return forked;
  }

  get state(): RolloutState {
    return this.#memory.state;
  }

  get now(): number {
    return this.#memory.now;
  }

  /** Health checks made. */
  get checks(): number {
    return this.#memory.checks;
  }

  /** Since the run began, or was forked. */
  get events(): readonly RolloutEvent[] {
    return this.#events;
  }

  get watches(): ReadonlyMap<string, Watch> {
    return this.#memory.watches;
  }

  /** Plays the next moment at which anything is due. False when there is none before `latest`, or the run is stuck. */
  advance(latest: number): boolean {
    const memory = this.#memory;
    if (memory.state.status === 'finished' && memory.due.length === 0) return false;
    const next = this.#nextMoment();
    if (next > latest || next > this.#options.startAt + LONGEST_MS) return false;
    // A moment of the calendar may be far away: only looks that lead nowhere are a sign of being stuck.
    const isLook = memory.due.length === 0 && next !== memory.wake;
    if (isLook && next > memory.lastEventAt + STUCK_AFTER_MS + this.#patience) return false;
    memory.now = Math.max(memory.now, next);
    this.#takeDue();
    this.#lookAtGates();
    this.#wakeUp();
    return true;
  }

  #nextMoment(): number {
    let next = this.#memory.wake ?? Number.POSITIVE_INFINITY;
    for (const { timer } of this.#looks) if (timer.dueAt < next) next = timer.dueAt;
    for (const { at } of this.#memory.due) if (at < next) next = at;
    return next;
  }

  #takeDue(): void {
    const memory = this.#memory;
    const ready = memory.due.filter(({ at }) => at <= memory.now);
    if (ready.length === 0) return;
    memory.due = memory.due.filter(({ at }) => at > memory.now);
    for (const { input } of ready) {
      const built = input(memory.state);
      if (built !== null) this.#follow(decide(memory.state, built, memory.now));
    }
  }

  #lookAtGates(): void {
    const memory = this.#memory;
    const { now } = memory;
    for (const { target, timer, baseline, sampling } of this.#looks) {
      if (timer.dueAt > now) continue;
      timer.dueAt = now + target.gate.everyMs;
      memory.checks += 1;
      const before = resumeWatch(target, memory.watches.get(target.id), now);
      const measurement = this.#traffic.measure(target, now, sampling, before);
      const counting = memory.state.status === 'running';
      const watch = observe(before, target.gate, measurement, baseline, { counting });
      memory.watches.set(target.id, watch);
      this.#follow(decide(memory.state, { kind: 'judged', watch }, now));
    }
  }

  #wakeUp(): void {
    const memory = this.#memory;
    if (memory.wake === null || memory.wake > memory.now) return;
    this.#follow(decide(memory.state, { kind: 'timer' }, memory.now));
    memory.wake = nextWakeAt(memory.state, memory.now);
  }

  /** Takes a decision over and plans what the world answers to it. */
  #follow({ events, state }: Decision): void {
    if (events.length === 0) return;
    const memory = this.#memory;
    memory.state = state;
    memory.lastEventAt = memory.now;
    memory.wake = nextWakeAt(state, memory.now);
    this.#prepareLooks();
    for (const event of events) {
      this.#events.push(event);
      this.#answer(event);
    }
  }

  #prepareLooks(): void {
    const { state, now } = this.#memory;
    this.#looks = watchTargets(state).map((target) => ({
      target,
      timer: this.#timerOf(target),
      baseline: baselineOf(state, target.flag),
      sampling: this.#samplingOf(target),
    }));
    const soaks = this.#looks.map(({ target }) => soakOf(state, target.stepId));
    const waits = Object.values(state.steps).map(({ status, until }) =>
      status === 'running' ? (until ?? now) - now : 0,
    );
    this.#patience = Math.max(0, ...soaks, ...waits);
  }

  #timerOf(target: WatchTarget): Timer {
    const key = keyOf(target);
    const known = this.#memory.timers.get(key);
    if (known !== undefined) return known;
    const timer = { dueAt: this.#memory.now + target.gate.everyMs };
    this.#memory.timers.set(key, timer);
    return timer;
  }

  #samplingOf({ flag, since }: WatchTarget): Sampling {
    const share = (this.#memory.state.flags[flag ?? '']?.exposure ?? 0) / 100_000;
    return { load: this.#options.load, share, since };
  }

  #answer(event: RolloutEvent): void {
    const elapsedMs = this.#memory.now - this.#options.startAt;
    if (event.type === 'effect.requested') {
      const { effect } = event;
      const result = this.#world.effectResult(effect, elapsedMs);
      this.#later(result.durationMs, () => ({ kind: 'effect-finished', effectId: effect.id, result }));
    } else if (event.type === 'flag.exposure-changed' || event.type === 'flag.stage-changed')
      this.#answerExposure(event.flag, elapsedMs);
    else if (event.type === 'approval.requested') this.#answerApproval(event.stepId, event.approvalId, elapsedMs);
  }

  /** Instances serve each decision so long after it; one that was overtaken meanwhile is confirmed by none. */
  #answerExposure(key: string, elapsedMs: number): void {
    const revision = this.#memory.state.flags[key]?.changedAtRevision;
    if (revision === undefined) return;
    this.#later(this.#world.confirmMs(elapsedMs), (state) => {
      const flag = state.flags[key];
      if (flag === undefined || flag.confirmed || flag.changedAtRevision !== revision) return null;
      return { kind: 'exposure-confirmed', flag: key, revision, instances: 1, silent: 0 };
    });
  }

  /** Everybody who could be asked agrees, one after another, until the quorum is complete. */
  #answerApproval(stepId: string, approvalId: string, elapsedMs: number): void {
    const people = Object.keys(this.#memory.state.plan.people);
    const names = people.length === 0 ? ['operator'] : people;
    for (const name of names) {
      this.#later(this.#world.approvalMs(stepId, elapsedMs), (state) => {
        if (state.steps[stepId]?.approval?.id !== approvalId || state.status === 'finished') return null;
        const actor = { kind: 'person', name } as const;
        return { kind: 'command', command: { verb: { verb: 'approve', stepId }, actor, reason: 'simulated approval' } };
      });
    }
  }

  #later(ms: number, input: Due['input']): void {
    this.#memory.due = [...this.#memory.due, { at: this.#memory.now + ms, input }];
  }
}

/** Each stage of a ramp is judged anew. */
function keyOf({ id, stage }: WatchTarget): string {
  return `${id}/${stage}`;
}
