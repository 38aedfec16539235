import type { Approver, Person, Plan } from '@theseus/core/plan';
import type { RolloutEvent, RolloutState } from '@theseus/core/rollout';

interface Asked {
  readonly by: readonly Approver[];
  readonly given: Set<string>;
  /** The stage of the ramp that it was asked for. */
  readonly stage: number;
}

/** What the checks remember of a run by themselves, so that a mistake in the run's own state cannot hide one. */
export class History {
  plan: Plan;
  readonly asked = new Map<string, Asked>();
  readonly takenBack = new Set<string>();
  readonly requestedEffects = new Set<string>();
  readonly finishedEffects = new Set<string>();
  readonly commands = new Set<string>();
  isOver = false;
  commandCount = 0;
  rollbackCount = 0;
  /** How often steps were taken up again, and plans edited: each writes as much as a run may. */
  courseCount = 1;
  firedCount = 0;
  readonly #pausedBy = new Set<string>();
  /** The last time each contingency acted by itself or by a person. */
  readonly firedAt = new Map<string, number>();
  /** When each step was last released from a hold. */
  readonly releasedAt = new Map<string, number>();
  /** When each flag was last moved by the engine, upwards. */
  /** The stage that a person promoted a ramp to last, by step. */
  readonly promotedTo = new Map<string, number>();
  stepBackCount = 0;
  readonly risenAt = new Map<string, number>();
  readonly #stages = new Map<string, number>();
  readonly #running = new Set<string>();

  constructor(plan: Plan) {
    this.plan = plan;
  }

  note(event: RolloutEvent): void {
    switch (event.type) {
      case 'approval.requested': {
        const stage = (this.#stages.get(event.stepId) ?? -1) + 1;
        this.asked.set(event.stepId, { by: event.by, given: new Set(), stage });
        break;
      }
      case 'step.started':
        this.#running.add(event.stepId);
        break;
      case 'step.completed':
      case 'step.skipped':
      case 'step.rolled-back':
        this.#running.delete(event.stepId);
        break;
      case 'approval.given':
        this.asked.get(event.stepId)?.given.add(event.person);
        break;
      case 'flag.exposure-changed':
        this.#noteStage(event);
        if (event.to > event.from) this.risenAt.set(event.flag, event.at);
        break;
      case 'rollback.initiated':
        this.rollbackCount += 1;
        for (const flag of event.flags) this.takenBack.add(flag);
        break;
      case 'run.paused':
        this.#pausedBy.add(event.scope);
        break;
      case 'run.resumed':
        this.#pausedBy.delete(event.scope);
        break;
      case 'run.finished':
        this.isOver = true;
        break;
      case 'step.released':
        this.releasedAt.set(event.stepId, event.at);
        break;
      case 'steps.reset':
        this.#noteReset(event.steps);
        break;
      case 'plan.edited':
        this.#noteEdit(event);
        break;
      case 'contingency.fired':
        this.firedCount += 1;
        this.firedAt.set(event.name, event.at);
        break;
      case 'effect.requested':
        this.requestedEffects.add(event.effect.id);
        break;
      case 'effect.finished':
        this.finishedEffects.add(event.effectId);
        break;
      default:
        break;
    }
  }

  /** Whether the people who were asked last about the step, for the stage, have all agreed. */
  hasAgreed(stepId: string, by: readonly Approver[], stage: number): boolean {
    const asked = this.asked.get(stepId);
    return asked !== undefined && asked.stage === stage && isQuorum(by, [...asked.given], this.plan.people);
  }

  get isPaused(): boolean {
    return this.#pausedBy.size > 0;
  }

  /** What is done again is asked for again: nothing that was agreed to or taken back before counts. */
  #noteReset(steps: readonly string[]): void {
    this.isOver = false;
    this.courseCount += 1;
    for (const { id, ...step } of this.plan.phases.flatMap((phase) => phase.steps)) {
      if (!steps.includes(id)) continue;
      this.asked.delete(id);
      this.#stages.delete(id);
      this.promotedTo.delete(id);
      if (step.kind !== 'ramp') continue;
      this.takenBack.delete(step.flag);
      this.risenAt.delete(step.flag);
    }
  }

  #noteEdit({ plan, voided }: Extract<RolloutEvent, { readonly type: 'plan.edited' }>): void {
    this.plan = plan;
    this.courseCount += 1;
    for (const id of voided) this.asked.delete(id);
  }

  #noteStage({ flag, stage, actor }: Extract<RolloutEvent, { readonly type: 'flag.exposure-changed' }>): void {
    const ramp = rampOf(this.plan, flag, this.#running);
    if (stage === null || ramp === undefined) return;
    if (stage < (this.#stages.get(ramp.id) ?? -1)) this.stepBackCount += 1;
    if (actor.kind === 'person') this.promotedTo.set(ramp.id, stage);
    this.#stages.set(ramp.id, stage);
  }
}

/** The ramp of a flag; of a migration the step of its stages that is running. */
export function rampOf(plan: Plan, flag: string, running: ReadonlySet<string>) {
  const ramps = plan.phases
    .flatMap(({ steps }) => steps)
    .flatMap((step) => (step.kind === 'ramp' && step.flag === flag ? [step] : []));
  return ramps.find(({ id, move }) => move === undefined || running.has(id));
}

/** The steps that are running. */
export function runningIn({ steps }: RolloutState): ReadonlySet<string> {
  return new Set(Object.values(steps).flatMap(({ id, status }) => (status === 'running' ? [id] : [])));
}

/** Whether the people fill every seat, each at most one: tries all ways, which are few. */
function isQuorum(
  by: readonly Approver[],
  given: readonly string[],
  people: Readonly<Record<string, Person>>,
): boolean {
  if (by.length === 0) return given.length > 0;
  const seats = by.flatMap(({ role, count }) => Array.from({ length: count }, () => role));
  const fill = (left: readonly string[], free: readonly string[]): boolean => {
    const [seat, ...rest] = left;
    if (seat === undefined) return true;
    return free.some(
      (person) =>
        people[person]?.roles.includes(seat) === true &&
        fill(
          rest,
          free.filter((other) => other !== person),
        ),
    );
  };
  return fill(seats, given);
}
