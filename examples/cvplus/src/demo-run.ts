import type { Readable } from 'node:stream';
import type { RolloutEvent } from '@theseus/core/rollout';
import { askPerson } from './ask-person.ts';
import type { DemoPlan } from './demo-plan.ts';
import type { DemoSystem } from './demo-system.ts';
import type { Tell } from './fact.ts';
import { narrateEvent, narrateLongHolds } from './narrate-event.ts';
import { featureTold, narrateFeature, type ToldFeature } from './narrate-feature.ts';
import type { ServerName } from './services/service-catalog.ts';
import type { TheseusApi } from './theseus-api.ts';

export interface DemoRunOptions {
  readonly api: TheseusApi;
  readonly system: DemoSystem;
  readonly plan: DemoPlan;
  readonly tell: Tell;
  /** Where a person types; null when the demo approves by itself. */
  readonly input: Readable | null;
  readonly stop: AbortSignal;
}

/** The service that goes bad, and how. */
export const FAULTY: ServerName = 'recommendation-generator';
const FAULT_SHARE = 0.4;
const FAULT_FROM_EXPOSURE = 50_000;
const ACTIONS = 'action-orchestrator';

const PERSON = 'ana';
const PAUSE_FOR_PERSON_MS = 5_000;
const PAUSE_MS = 2_000;
/** No demo waits for ever: several times its soaks, and some minutes for a machine that is busy with other things. */
const LIMIT_SOAKS = 4;
const LIMIT_EXTRA_MS = 180_000;

/** Starts the run, tells what happens in it, plants the fault and gives the approval. Resolves to the run's id when it is over. */
export async function carryOutRun(options: DemoRunOptions): Promise<string> {
  const { api, plan, tell } = options;
  const run = await api.startRun(plan.plan, plan.hash, 'the cvplus demo');
  tell({
    kind: 'run-started',
    tone: 'plain',
    text: `Run ${run.runId} has started: ${Object.keys(plan.plan.flags).length} flags, ${plan.stages} stages, ${Math.round(plan.soakMs / 1000)} s of soaks`,
    data: { runId: run.runId },
  });
  const limit = AbortSignal.timeout(plan.soakMs * LIMIT_SOAKS + LIMIT_EXTRA_MS);
  const stop = AbortSignal.any([options.stop, limit]);
  const reactions = new Reactions(options, run.runId, stop);
  const told = new Set<string>();
  for await (const item of api.follow(run.runId, stop)) {
    if (item.kind === 'view') {
      for (const fact of narrateLongHolds(item.run, told)) tell(fact);
      continue;
    }
    const { event } = item.recorded;
    const fact = narrateEvent(event, plan.plan);
    if (fact !== null) tell(fact);
    reactions.to(event);
    // After a failed rollback the engine waits for somebody to look; in a demo nobody will.
    if (event.type === 'run.finished' || event.type === 'rollback.failed') break;
    reactions.rethrow();
  }
  await reactions.settled();
  return run.runId;
}

/** What the demo does by itself when something happens. Failures in it end the demo. */
class Reactions {
  readonly #options: DemoRunOptions;
  readonly #runId: string;
  readonly #stop: AbortSignal;
  readonly #pending = new Set<Promise<void>>();
  readonly #planted = new Set<string>();
  #problem: Error | undefined;

  constructor(options: DemoRunOptions, runId: string, stop: AbortSignal) {
    this.#options = options;
    this.#runId = runId;
    this.#stop = stop;
  }

  to(event: RolloutEvent): void {
    if (event.type === 'approval.requested') this.#do(this.#approve(event.stepId));
    if (isHalfWay(event, FAULTY) && !this.#planted.has(FAULTY)) {
      this.#planted.add(FAULTY);
      this.#do(this.#plantFault());
    }
    if (isHalfWay(event, ACTIONS) && !this.#planted.has(ACTIONS)) {
      this.#planted.add(ACTIONS);
      this.#do(this.#failOneAction());
    }
    const told = featureTold(event, this.#options.plan.plan, FAULTY);
    if (told !== null) this.#do(this.#tellFeature(told));
  }

  rethrow(): void {
    if (this.#problem !== undefined) throw this.#problem;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending);
    this.rethrow();
  }

  #do(work: Promise<void>): void {
    const watched = work
      .catch((error: unknown) => {
        this.#problem ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => this.#pending.delete(watched));
    this.#pending.add(watched);
  }

  async #plantFault(): Promise<void> {
    const { system, tell } = this.#options;
    await system.plantFault(FAULTY, 'candidate', FAULT_SHARE);
    tell({
      kind: 'fault-planted',
      tone: 'notice',
      text: `Now the demo breaks something: from here on ${FAULT_SHARE * 100} % of the requests to ${FAULTY}'s candidate fail with 500`,
      data: { flag: FAULTY, share: FAULT_SHARE },
    });
  }

  async #failOneAction(): Promise<void> {
    const { system, tell } = this.#options;
    await system.failNextAction();
    const text =
      'Now the demo makes the last write of one action on legacy fail: what it had booked has to be taken back';
    tell({ kind: 'fault-planted', tone: 'notice', text, data: { flag: ACTIONS, actions: 1 } });
  }

  async #tellFeature(feature: ToldFeature): Promise<void> {
    const { system, tell } = this.#options;
    tell(narrateFeature(feature, await system.features()));
  }

  async #approve(stepId: string): Promise<void> {
    const { api, input, tell } = this.#options;
    const pauseMs = input === null ? PAUSE_MS : PAUSE_FOR_PERSON_MS;
    const text =
      input === null
        ? `Nobody is asked here, so the demo approves by itself in ${PAUSE_MS / 1000} s, in the name of ${PERSON} (tech-lead)`
        : `approve? [y] – the demo approves by itself in ${PAUSE_FOR_PERSON_MS / 1000} s, in the name of ${PERSON} (tech-lead)`;
    tell({ kind: 'approval-waits', tone: 'notice', text, data: { step: stepId, pauseMs } });
    const who = await askPerson({ input, tell, pauseMs, stop: this.#stop });
    if (this.#stop.aborted) return;
    const reason = who === 'person' ? 'agreed at the terminal' : 'the demo went on by itself after a short pause';
    await api.approve(this.#runId, stepId, PERSON, reason);
  }
}

function isHalfWay(event: RolloutEvent, flag: string): boolean {
  if (event.type !== 'flag.exposure-changed' || event.flag !== flag) return false;
  return event.stage !== null && event.to >= FAULT_FROM_EXPOSURE;
}
