import type { GateRule, WatchTarget } from '@theseus/core/health';
import {
  type Command,
  type Effect,
  evolve,
  findBrokenLink,
  type Input,
  type Refusal,
  type RolloutState,
  replay,
} from '@theseus/core/rollout';
import type { Commit } from '../model/model-engine.ts';
import { isRepeatable } from '../model/model-worker.ts';
import { type Blindness, LONGEST_GAP } from '../model/truth.ts';
import type { Witness, World } from '../model/world.ts';
import { COURSE_CHECKS } from './course.ts';
import { EXPOSURE_CHECKS } from './exposure.ts';
import { History } from './history.ts';
import { JUDGING_CHECKS } from './judging.ts';
import { PROGRESS_CHECKS } from './progress.ts';
import { RETIREMENT_CHECKS } from './retirement.ts';
import { STAGE_CHECKS } from './stages.ts';
import { flagsReached, STORED_CHECKS } from './stored.ts';
import { Violation } from './violation.ts';

const EVENT_CHECKS = Object.entries({
  ...EXPOSURE_CHECKS,
  ...PROGRESS_CHECKS,
  ...COURSE_CHECKS,
  ...JUDGING_CHECKS,
  ...STAGE_CHECKS,
  ...RETIREMENT_CHECKS,
});
const COMMIT_CHECKS = Object.entries(STORED_CHECKS);

/** Holds every invariant against everything that happens in a run. */
export class Inspector implements Witness {
  readonly #history: History;
  readonly #ignored: ReadonlySet<string>;

  constructor(world: { readonly plan: World['plan'] }, ignored: ReadonlySet<string>) {
    this.#history = new History(world.plan);
    this.#ignored = ignored;
  }

  committed(world: World, commit: Commit): void {
    const history = this.#history;
    let before = commit.before;
    for (const { event } of commit.staged.events) {
      if (event.type === 'run.started') continue;
      const after = evolve(before, event);
      const moment = { world, history, commit, event, before, after };
      for (const [name, check] of EVENT_CHECKS) this.#claim(name, check(moment));
      history.note(event);
      before = after;
    }
    const stored = { world, history, commit, before: commit.before, after: before };
    for (const [name, check] of COMMIT_CHECKS) this.#claim(name, check(stored));
    if (commit.options.commandId !== undefined) {
      history.commands.add(commit.options.commandId);
      history.commandCount += 1;
    }
  }

  refused(_world: World, input: Input, refusal: Refusal, state: RolloutState): void {
    if (input.kind !== 'command') return;
    const { verb } = input.command;
    if (verb.verb === 'abort') this.#claim('abort-accepted', `an abort was refused: ${refusal.message}`);
    if (verb.verb !== 'rollback') return;
    const exposed = [...flagsReached(state, verb)].filter((key) => (state.flags[key]?.exposure ?? 0) > 0);
    if (exposed.length > 0) this.#claim('rollback-accepted', `${exposed.join(', ')} exposed, and: ${refusal.message}`);
  }

  acknowledged(world: World, commandId: string, command: Command): void {
    if (world.database.commands.has(commandId) || !world.rules.remembersCommands) return;
    this.#claim('acknowledged', `${command.verb.verb} was acknowledged and is not stored`);
  }

  executed(_world: World, effect: Effect, times: number): void {
    if (times > 1 && !isRepeatable(effect)) this.#claim('executed-once', `${effect.id} was carried out ${times} times`);
  }

  /** Whatever a restart reads must be what the log says. */
  crashed(world: World): void {
    const { log, row } = world.database;
    const broken = findBrokenLink(log);
    if (broken !== null) this.#claim('chain', `event ${broken.seq}: ${broken.why}`);
    const replayed = replay(log.map(({ event }) => event));
    if (JSON.stringify(ofRun(replayed)) === JSON.stringify(ofRun(row.state))) return;
    this.#claim('replay', 'the log does not lead to the stored state');
  }

  blind(_world: World, watchId: string, { forMs, hadJump }: Blindness): void {
    const name = hadJump ? 'looked-at-after-jump' : 'looked-at';
    this.#claim(name, `nobody looked at ${watchId} for ${forMs} ms, and nothing was in the way`);
  }

  /** A ramp whose rule stays broken is held, or taken back where the rule says so. */
  broken(world: World, { stepId, stage, flag, gate }: WatchTarget, { condition, action }: GateRule): void {
    const { steps, flags, rollbacks } = world.database.row.state;
    const step = steps[stepId];
    if (step?.status !== 'running' || stage < 0 || step.stage !== stage) return;
    if ((flags[flag ?? '']?.exposure ?? 0) === 0) return;
    // Whoever promotes what is held sees it held again by the next look.
    const sinceReleaseMs = world.time.now - (this.#history.releasedAt.get(stepId) ?? 0);
    if (sinceReleaseMs < LONGEST_GAP * gate.everyMs) return;
    const isTakenBack = rollbacks.some(({ status, steps: own }) => status === 'running' && own.includes(stepId));
    if (isTakenBack || (action.kind === 'hold' && step.hold !== null)) return;
    this.#claim('answered', `${condition.text} stays broken at ${stepId}, and nothing is done about it`);
  }

  stuck(_world: World, stepId: string): void {
    this.#claim('time-out-ends', `${stepId} is held by its time-out, and neither retry nor promote helps`);
  }

  ended(world: World, isInTime: boolean): void {
    this.crashed(world);
    const { state } = world.database.row;
    const { log } = world.database;
    const most = this.#mostEvents(world);
    const frozen = Object.entries(state.freezes).find(([, { status }]) => status === 'on');
    if (isInTime && frozen !== undefined) this.#claim('freeze-lifted', `${frozen[0]} outlives its run`);
    if (log.length > most) this.#claim('lean-log', `${log.length} events, at most ${most} are expected`);
    if (isInTime) return;
    const drivers = world.servers.filter(({ driver }) => driver !== null);
    if (drivers.some(({ known }) => known?.revision !== state.revision)) {
      this.#claim('hears-of-changes', 'the driver never learns what another server has written');
      return;
    }
    const running = state.rollbacks.find(({ status }) => status === 'running');
    if (running === undefined) {
      this.#claim('ends', `nothing is wrong any more, and the run stays ${state.status}: ${standing(state)}`);
      return;
    }
    const isDescending = running.flags.some((key) => (state.flags[key]?.exposure ?? 0) > 0);
    this.#claim(isDescending ? 'descent-ends' : 'rollback-ends', `${running.id} does not end`);
  }

  /**
   * What a run may write at most: a part for each step and stage, for each change of health, and for each command and
   * rollback. No part grows with time: a healthy look is no event.
   */
  #mostEvents({ truth }: World): number {
    const { plan, commandCount, rollbackCount, courseCount, firedCount, stepBackCount } = this.#history;
    const steps = plan.phases.flatMap((phase) => phase.steps);
    const stages = steps.reduce((sum, step) => sum + (step.kind === 'ramp' ? step.through.length : 0), 0);
    const course = 4 + 2 * plan.phases.length + 12 * steps.length + 6 * stages;
    const ways = steps.map(({ undo }) => (undo === null ? 0 : 1 + undo.alternatives.length * undo.attempts));
    const undo = ways.reduce((sum, tries) => sum + 2 * tries, 0);
    const perRollback = 16 + 14 * Object.keys(plan.flags).length + 4 * steps.length + undo;
    const perCommand = 6 + steps.length;
    const perFiring = 10;
    // Back and forth again, with what is asked and told on the way.
    const perStepBack = 12;
    return (
      courseCount * course +
      2 * truth.changes +
      commandCount * perCommand +
      rollbackCount * perRollback +
      firedCount * perFiring +
      stepBackCount * perStepBack
    );
  }

  #claim(name: string, problem: string | null): void {
    if (problem !== null && !this.#ignored.has(name)) throw new Violation(name, problem);
  }
}

function ofRun(state: RolloutState | null): Omit<RolloutState, 'plan'> | null {
  if (state === null) return null;
  const { plan: _plan, ...rest } = state;
  return rest;
}

function standing(state: RolloutState): string {
  return Object.values(state.steps)
    .filter(({ status }) => status === 'running' || status === 'pending')
    .map(
      ({ id, status, hold, stage }) => `${id} ${status} stage ${stage}${hold === null ? '' : ` held: ${hold.reason}`}`,
    )
    .join('; ');
}
