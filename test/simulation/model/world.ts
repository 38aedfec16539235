import type { GateRule, WatchTarget } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import {
  type Command,
  type Effect,
  type Input,
  type Refusal,
  type RolloutState,
  watchTargets,
} from '@theseus/core/rollout';
import { Random, seedOf } from '../random.ts';
import type { Rules } from '../rules.ts';
import type { Boundary, EffectFault, Scenario } from '../scenario.ts';
import { Arms } from './arms.ts';
import { FaultPlan, type Strike } from './fault-plan.ts';
import { Instances } from './instances.ts';
import { isActive, type Job, ModelDatabase } from './model-database.ts';
import { type Commit, ModelEngine } from './model-engine.ts';
import { LEASE_MS, ModelServer } from './model-server.ts';
import { workOn } from './model-worker.ts';
import { People } from './people.ts';
import { Sources } from './sources.ts';
import { type Blindness, type Look, Truth } from './truth.ts';
import { VirtualTime } from './virtual-time.ts';

/** A worker that is not heard of for so long has lost its jobs. */
const HEARTBEAT_MS = 10_000;
/** Between two looks at the queue while nobody is there to work. */
const QUEUE_ROUND_MS = 5_000;

/** Who is told of everything that happens, and breaks the run off when it should not have. */
export interface Witness {
  committed(world: World, commit: Commit, server: ModelServer): void;
  refused(world: World, input: Input, refusal: Refusal, state: RolloutState): void;
  acknowledged(world: World, commandId: string, command: Command): void;
  executed(world: World, effect: Effect, times: number): void;
  crashed(world: World): void;
  /** A gate was looked at after nobody had looked for so long, without any reason. */
  blind(world: World, watchId: string, blind: Blindness): void;
  /** A rule has been broken for longer than an answer may take. */
  broken(world: World, target: WatchTarget, rule: GateRule): void;
  /** People have done what they can about a step that its time-out holds. */
  stuck(world: World, stepId: string): void;
}

/** One run in a model of everything around it: database, servers, workers, instances, sources and people. */
export class World {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly rules: Rules;
  readonly time: VirtualTime;
  readonly noise: Random;
  readonly database = new ModelDatabase();
  readonly truth = new Truth();
  readonly sources: Sources;
  readonly arms: Arms;
  readonly instances: Instances;
  readonly engine: ModelEngine;
  readonly people: People;
  readonly servers: readonly ModelServer[];
  readonly #faults: FaultPlan;
  readonly #witness: Witness;
  readonly #executions = new Map<string, number>();
  #isCalm = false;

  constructor(scenario: Scenario, plan: Plan, rules: Rules, witness: Witness) {
    this.scenario = scenario;
    this.plan = plan;
    this.rules = rules;
    this.#witness = witness;
    this.time = new VirtualTime(scenario.startAt);
    this.noise = new Random(seedOf(scenario.seed, 'noise'));
    this.sources = new Sources(scenario);
    this.arms = new Arms(scenario);
    this.instances = new Instances(scenario);
    this.#faults = new FaultPlan(scenario);
    this.engine = new ModelEngine(this);
    this.people = new People(this);
    this.servers = Array.from({ length: scenario.servers }, (_, index) => new ModelServer(this, index));
  }

  get isCalm(): boolean {
    return this.#isCalm;
  }

  /** Sets everything in motion; time has still to be moved. */
  begin(): void {
    const [first] = this.servers;
    if (first !== undefined) this.engine.start(first);
    for (const server of this.servers) server.begin();
    const after = (ms: number, work: () => void): void => this.time.later(ms, work);
    for (const command of this.scenario.commands) after(command.at, () => this.people.carryOut(command));
    for (const fault of this.scenario.faults) {
      if (fault.kind === 'clock-jump') after(fault.at, () => this.servers[fault.server]?.jump(fault.byMs));
      if (fault.kind === 'everything-down') after(fault.at, () => this.#allDown(fault.forMs));
      if (fault.kind === 'deaf') after(fault.at, () => this.#listenFor(fault.server, fault.forMs));
      if (fault.kind === 'lease-lost') after(fault.at, () => this.#loseLease());
      if (fault.kind === 'stray-confirmation') after(fault.at, () => this.#strayConfirmation());
      if (fault.kind === 'silent-instance') after(fault.at + fault.forMs + 1, () => this.#hears(fault.instance));
    }
    after(this.scenario.chaosMs, () => this.#calmDown());
  }

  strike(boundary: Boundary): Strike | undefined {
    return this.#isCalm ? undefined : this.#faults.cross(boundary);
  }

  nextEffectFault({ purpose }: Effect): EffectFault | undefined {
    return this.#isCalm ? undefined : this.#faults.nextEffect(purpose.kind === 'step' ? 'step' : 'rollback');
  }

  committed(server: ModelServer, commit: Commit): void {
    this.#witness.committed(this, commit, server);
    this.truth.paused(commit.staged.row.state.status === 'paused');
    const { events } = commit.staged;
    for (const { event } of events) {
      if (event.type === 'approval.requested' && !this.#isCalm) this.people.asked(event.stepId);
      // Another rhythm may begin with it: what was looked at by the old one is not overdue.
      if (event.type === 'plan.edited') this.truth.outage(this.time.now);
    }
    if (events.length === 0) return;
    this.#noteTargets(commit.before, commit.staged.row.state);
    for (let index = 0; index < this.instances.count; index += 1) {
      this.time.later(this.noise.int(20, 900), () => this.#hears(index));
    }
    for (const known of this.servers)
      if (!this.#isDeaf(known)) known.later(this.noise.int(1, 200), () => known.notified());
    this.time.later(0, () => this.dispatchJobs());
  }

  refused(input: Input, refusal: Refusal, state: RolloutState): void {
    this.#witness.refused(this, input, refusal, state);
  }

  acknowledged(commandId: string, command: Command): void {
    this.#witness.acknowledged(this, commandId, command);
  }

  looked(target: WatchTarget, look: Look): void {
    const blind = this.truth.looked(target, look);
    if (blind !== null) this.#witness.blind(this, target.id, blind);
    const rule = this.truth.overdueRule(target);
    if (rule !== undefined) this.#witness.broken(this, target, rule);
  }

  stuck(stepId: string): void {
    this.#witness.stuck(this, stepId);
  }

  executed(effect: Effect): void {
    const times = (this.#executions.get(effect.id) ?? 0) + 1;
    this.#executions.set(effect.id, times);
    this.#witness.executed(this, effect, times);
  }

  crashed(): void {
    this.#witness.crashed(this);
  }

  /** The server's jobs and its lease run out unless it comes back in time; then another takes them over. */
  stoppedRenewing(server: ModelServer, forMs: number): void {
    const hasOthers = this.servers.some((other) => other !== server && other.isAwake);
    this.truth.outage(this.time.now + (hasOthers ? 2 * LEASE_MS : forMs + 2 * LEASE_MS));
    this.#returnJobs(server.processId);
    const { lease } = this.database;
    if (lease.holder !== server.processId) return;
    const until = this.time.now + this.noise.int((LEASE_MS * 2) / 3, LEASE_MS);
    this.database.lease = { ...lease, until };
    this.#contendForLease(until);
  }

  /** Every job that is due is taken by some server that is awake. */
  dispatchJobs(): void {
    for (const { job, lockedBy } of this.database.jobs.values()) {
      if (lockedBy !== null) continue;
      const atLeastMs = Math.max(0, job.runAt - this.time.now);
      this.time.later(atLeastMs + this.noise.int(1, 300), () => this.#take(job));
    }
  }

  /** The queue delivers an effect that another worker has already: at least once is all that it promises. */
  deliverAgain(effectId: string): void {
    const awake = this.servers.filter(({ isAwake }) => isAwake);
    if (awake.length === 0) return;
    const job = { key: effectId, effectId, runAt: this.time.now };
    const server = this.noise.pick(awake);
    server.later(this.noise.int(0, 5_000), () => workOn(this, server, job, () => undefined));
  }

  #noteTargets(before: RolloutState, after: RolloutState): void {
    const known = new Set(watchTargets(before).map(textOf));
    for (const target of watchTargets(after)) if (!known.has(textOf(target))) this.truth.begun(target, this.time.now);
  }

  #take(job: Job): void {
    const queued = this.database.jobs.get(job.key);
    if (queued?.job !== job || queued.lockedBy !== null) return;
    const awake = this.servers.filter(({ isAwake }) => isAwake);
    if (awake.length === 0) return this.time.later(QUEUE_ROUND_MS, () => this.#take(job));
    const server = this.noise.pick(awake);
    queued.lockedBy = server.processId;
    server.later(0, () =>
      workOn(this, server, job, (isDone) => {
        if (this.database.jobs.get(job.key) !== queued) return;
        queued.lockedBy = null;
        if (isDone) this.database.jobs.delete(job.key);
        else this.dispatchJobs();
      }),
    );
  }

  #returnJobs(processId: string): void {
    if (!this.rules.returnsLostJobs) return;
    this.time.later(HEARTBEAT_MS + this.noise.int(0, 2_000), () => {
      const server = this.servers.find((known) => known.processId === processId);
      if (server?.isAwake === true) return;
      for (const queued of this.database.jobs.values()) if (queued.lockedBy === processId) queued.lockedBy = null;
      this.dispatchJobs();
    });
  }

  #hears(index: number): void {
    if (!this.instances.hear(index, this.database.row.state, this.time.now)) return;
    for (const server of this.servers) server.later(1, () => server.driver?.confirm());
  }

  #isDeaf(server: ModelServer): boolean {
    const elapsedMs = this.time.now - this.scenario.startAt;
    return this.scenario.faults.some(
      (fault) =>
        fault.kind === 'deaf' &&
        fault.server === server.index &&
        elapsedMs >= fault.at &&
        elapsedMs < fault.at + fault.forMs,
    );
  }

  #allDown(forMs: number): void {
    for (const server of this.servers) server.crash(forMs);
  }

  #loseLease(): void {
    this.database.lease = { ...this.database.lease, until: this.time.now };
    this.truth.outage(this.time.now + LEASE_MS);
    this.#contendForLease(this.time.now);
  }

  /** Each server looks after its lease every two seconds; only the looks that can change something are played. */
  #contendForLease(from: number): void {
    for (const server of this.servers) {
      this.time.at(from + this.noise.int(1, LEASE_MS / 3), () => server.later(0, () => server.holdLease()));
    }
  }

  /** Whoever hears nothing finds what others have written when it renews its leases. */
  #listenFor(index: number, forMs: number): void {
    const server = this.servers[index];
    for (let at = 0; at <= forMs; at += LEASE_MS / 3) {
      this.time.later(at, () => server?.later(0, () => server.holdLease()));
    }
  }

  #strayConfirmation(): void {
    const awake = this.servers.filter(({ isAwake }) => isAwake);
    const flags = Object.values(this.database.row.state.flags);
    if (awake.length === 0 || flags.length === 0) return;
    const flag = this.noise.pick(flags);
    const server = this.noise.pick(awake);
    const revision = flag.confirmed ? flag.changedAtRevision : flag.changedAtRevision - 1;
    const input = { kind: 'exposure-confirmed', flag: flag.key, revision, instances: 1, silent: 0 } as const;
    server.later(1, () => this.engine.handle(server, input));
  }

  #calmDown(): void {
    this.#isCalm = true;
    for (const server of this.servers) server.setRight();
    this.people.help();
  }

  get isOver(): boolean {
    const { state } = this.database.row;
    return this.#isCalm && state.status === 'finished' && !isActive(state);
  }
}

/** An exposure that is judged by other rules than before has still to be proven. */
function textOf({ id, stage, gate }: WatchTarget): string {
  return `${id}/${stage}/${gate.rules.map(({ condition, action }) => `${condition.text}: ${action.kind}`).join()}`;
}
