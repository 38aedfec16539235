import { observe, resumeWatch, type Watch, type WatchTarget } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';
import { planHash } from '../plan/index.ts';
import {
  baselineOf,
  type Decision,
  decide,
  type Effect,
  type EffectResult,
  type Input,
  nextWakeAt,
  type Outcome,
  type RolloutEvent,
  type RolloutState,
  type RunView,
  soakOf,
  startRun,
  viewOf,
  type WaitView,
  watchTargets,
} from '../rollout/index.ts';
import { modelTraffic, type Traffic } from './modelled-traffic.ts';
import type { WhatIf } from './what-if.ts';

export interface SimulationOptions {
  /** Epoch milliseconds of the virtual start. */
  readonly startAt: number;
  readonly whatIf: readonly WhatIf[];
  /** How long people take to answer when they are asked. */
  readonly approvalDelayMs: number;
  readonly seed: number;
}

export interface SimulationResult {
  /** `unfinished`: from some moment on, nothing could move any more without a person or better health. */
  readonly outcome: Outcome | 'unfinished';
  readonly startedAt: number;
  readonly endedAt: number;
  /** Health checks made. */
  readonly checks: number;
  readonly events: readonly RolloutEvent[];
  readonly view: RunView;
  /** What it waited for in the end; empty when it finished. */
  readonly stuckOn: readonly WaitView[];
}

/** Without any event for so long, a run is taken as stuck. */
const STUCK_AFTER_MS = 14 * 86_400_000;
/** A run is followed for at most this long. */
const LONGEST_MS = 2 * 365 * 86_400_000;
const EFFECT_MS = 1_000;
const CONFIRM_MS = 200;

interface Due {
  readonly at: number;
  readonly input: (state: RolloutState) => Input | null;
}

/** Plays a plan from start to end in virtual time: the same decisions as the live engine, with modelled traffic and people. */
export function simulate(plan: Plan, options: SimulationOptions): SimulationResult {
  const run = new VirtualRun(plan, options);
  run.play();
  return run.result();
}

class VirtualRun {
  readonly #options: SimulationOptions;
  readonly #traffic: Traffic;
  readonly #events: RolloutEvent[] = [];
  readonly #watches = new Map<string, Watch>();
  readonly #nextLook = new Map<string, number>();
  #due: Due[] = [];
  #state: RolloutState;
  #targets: readonly WatchTarget[] = [];
  #now: number;
  #lastEventAt: number;
  #checks = 0;
  #wake: number | null = null;
  /** A long soak or watch produces no event for as long as it lasts; that is not being stuck. */
  #patience = 0;

  constructor(plan: Plan, options: SimulationOptions) {
    this.#options = options;
    this.#now = options.startAt;
    this.#lastEventAt = options.startAt;
    this.#traffic = modelTraffic({ plan, ...options });
    const actor = { kind: 'person', name: 'simulation' } as const;
    const start = { runId: `simulation-of-${plan.name}`, plan, planHash: planHash(plan), actor, reason: 'simulated' };
    const decision = startRun(start, this.#now);
    this.#state = decision.state;
    this.#follow(decision);
  }

  play(): void {
    while (!this.#isOver()) {
      const next = this.#nextMoment();
      if (next === null || next > this.#lastEventAt + STUCK_AFTER_MS + this.#patience) return;
      if (next > this.#options.startAt + LONGEST_MS) return;
      this.#now = Math.max(this.#now, next);
      this.#takeDue();
      this.#lookAtGates();
      this.#wakeUp();
    }
  }

  result(): SimulationResult {
    const view = viewOf(this.#state, this.#watches, this.#now);
    return {
      outcome: this.#state.outcome ?? 'unfinished',
      startedAt: this.#options.startAt,
      endedAt: this.#state.endedAt ?? this.#now,
      checks: this.#checks,
      events: this.#events,
      view,
      stuckOn: this.#state.status === 'finished' ? [] : view.waits,
    };
  }

  #isOver(): boolean {
    return this.#state.status === 'finished' && this.#due.length === 0;
  }

  #nextMoment(): number | null {
    let next = this.#wake ?? Number.POSITIVE_INFINITY;
    for (const target of this.#targets) next = Math.min(next, this.#lookAt(target));
    for (const { at } of this.#due) next = Math.min(next, at);
    return next === Number.POSITIVE_INFINITY ? null : next;
  }

  #lookAt(target: WatchTarget): number {
    const key = `${target.id}/${target.stage}`;
    const known = this.#nextLook.get(key);
    if (known !== undefined) return known;
    const first = this.#now + target.gate.everyMs;
    this.#nextLook.set(key, first);
    return first;
  }

  #takeDue(): void {
    const ready = this.#due.filter(({ at }) => at <= this.#now);
    if (ready.length === 0) return;
    this.#due = this.#due.filter(({ at }) => at > this.#now);
    for (const { input } of ready) {
      const built = input(this.#state);
      if (built !== null) this.#follow(decide(this.#state, built, this.#now));
    }
  }

  #lookAtGates(): void {
    for (const target of this.#targets) {
      if (this.#lookAt(target) > this.#now) continue;
      this.#nextLook.set(`${target.id}/${target.stage}`, this.#now + target.gate.everyMs);
      this.#checks += 1;
      const before = resumeWatch(target, this.#watches.get(target.id), this.#now);
      const measurement = this.#traffic.measure(target, this.#now);
      const counting = this.#state.status === 'running';
      const watch = observe(before, target.gate, measurement, baselineOf(this.#state, target.flag), { counting });
      this.#watches.set(target.id, watch);
      this.#follow(decide(this.#state, { kind: 'judged', watch }, this.#now));
    }
  }

  #wakeUp(): void {
    if (this.#wake === null || this.#wake > this.#now) return;
    this.#follow(decide(this.#state, { kind: 'timer' }, this.#now));
    this.#wake = nextWakeAt(this.#state, this.#now);
  }

  /** Takes a decision over and plans what the world answers to it. */
  #follow({ events, state }: Decision): void {
    if (events.length === 0 && this.#events.length > 0) return;
    this.#state = state;
    this.#targets = watchTargets(state);
    this.#wake = nextWakeAt(state, this.#now);
    this.#patience = Math.max(0, ...this.#targets.map(({ stepId }) => soakOf(state, stepId)));
    if (events.length > 0) this.#lastEventAt = this.#now;
    for (const event of events) {
      this.#events.push(event);
      this.#answer(event);
    }
  }

  #answer(event: RolloutEvent): void {
    if (event.type === 'effect.requested') this.#answerEffect(event.effect);
    else if (event.type === 'flag.exposure-changed') this.#answerExposure(event.flag);
    else if (event.type === 'approval.requested') this.#answerApproval(event.stepId, event.approvalId);
  }

  #answerEffect(effect: Effect): void {
    const result: EffectResult = {
      outcome: 'succeeded',
      summary: 'simulated',
      durationMs: EFFECT_MS,
      ...(effect.request.kind === 'baseline' ? { baselines: { '*': this.#traffic.baseline() } } : {}),
      ...(effect.request.kind === 'command' ? { captures: pretendCaptures(effect) } : {}),
    };
    this.#later(EFFECT_MS, () => ({ kind: 'effect-finished', effectId: effect.id, result }));
  }

  #answerExposure(key: string): void {
    this.#later(CONFIRM_MS, (state) => {
      const flag = state.flags[key];
      if (flag === undefined || flag.confirmed) return null;
      return { kind: 'exposure-confirmed', flag: key, revision: flag.changedAtRevision, instances: 1, silent: 0 };
    });
  }

  /** Everybody who could be asked agrees, one after another, until the quorum is complete. */
  #answerApproval(stepId: string, approvalId: string): void {
    const people = Object.keys(this.#state.plan.people);
    const names = people.length === 0 ? ['operator'] : people;
    for (const name of names) {
      this.#later(this.#options.approvalDelayMs, (state) => {
        if (state.steps[stepId]?.approval?.id !== approvalId || state.status === 'finished') return null;
        const actor = { kind: 'person', name } as const;
        return { kind: 'command', command: { verb: { verb: 'approve', stepId }, actor, reason: 'simulated approval' } };
      });
    }
  }

  #later(ms: number, input: Due['input']): void {
    this.#due.push({ at: this.#now + ms, input });
  }
}

function pretendCaptures(effect: Effect): Readonly<Record<string, string>> {
  if (effect.request.kind !== 'command') return {};
  return Object.fromEntries(effect.request.captures.map(({ name }) => [name, `simulated-${name}`]));
}
