import type { Approver, Person, Plan } from '@theseus/core/plan';
import type { RolloutEvent } from '@theseus/core/rollout';

interface Asked {
  readonly by: readonly Approver[];
  readonly given: Set<string>;
  /** The stage of the ramp that it was asked for. */
  readonly stage: number;
}

/** What the checks remember of a run by themselves, so that a mistake in the run's own state cannot hide one. */
export class History {
  readonly plan: Plan;
  readonly asked = new Map<string, Asked>();
  readonly takenBack = new Set<string>();
  readonly requestedEffects = new Set<string>();
  readonly finishedEffects = new Set<string>();
  readonly commands = new Set<string>();
  isAborted = false;
  isPaused = false;
  commandCount = 0;
  rollbackCount = 0;
  readonly #stages = new Map<string, number>();

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
      case 'approval.given':
        this.asked.get(event.stepId)?.given.add(event.person);
        break;
      case 'flag.exposure-changed':
        this.#noteStage(event.flag, event.stage);
        break;
      case 'rollback.initiated':
        this.rollbackCount += 1;
        for (const flag of event.flags) this.takenBack.add(flag);
        break;
      case 'run.paused':
      case 'run.resumed':
        this.isPaused = event.type === 'run.paused';
        break;
      case 'run.finished':
        if (event.outcome === 'aborted') this.isAborted = true;
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

  #noteStage(flag: string, stage: number | null): void {
    if (stage === null) return;
    const ramp = rampOf(this.plan, flag);
    if (ramp !== undefined) this.#stages.set(ramp.id, stage);
  }
}

export function rampOf(plan: Plan, flag: string) {
  for (const { steps } of plan.phases) {
    for (const step of steps) if (step.kind === 'ramp' && step.flag === flag) return step;
  }
  return undefined;
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
