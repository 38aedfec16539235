import { isJudgedGate, needsBaseline } from '@theseus/core/health';
import type { Command, RolloutState, StepState, Verb } from '@theseus/core/rollout';
import { PEOPLE_AND_OUTSIDER, planOf } from '../draw/draw-plan.ts';
import { editedSource } from '../draw/edit-source.ts';
import type { PlannedCommand } from '../scenario.ts';
import { DatabaseFault } from './fault-plan.ts';
import type { World } from './world.ts';

const ARMS = ['candidate', 'legacy'] as const;
const SEND_ATTEMPTS = 4;
const SEND_AGAIN_MS = 3_000;
const HELP_EVERY_MS = 60_000;
/** More tries than a ramp has stages, at two for each. */
const PATIENCE = 15;
const RETRYABLE = new Set([
  'check-failed',
  'command-failed',
  'outcome-unknown',
  'baseline-failed',
  'rehearsal-failed',
  'blind',
]);

/** Those who click: at random while things go wrong, and helpfully from then on. */
export class People {
  readonly #world: World;
  readonly #tries = new Map<string, number>();
  #commands = 0;

  constructor(world: World) {
    this.#world = world;
  }

  carryOut(planned: PlannedCommand): void {
    const state = this.#world.database.row.state;
    const verb = this.#verbOf(planned, state);
    if (verb === null) return;
    const aims = {
      none: {},
      current: { expectedRevision: state.revision },
      outdated: { expectedRevision: state.revision - 1 },
    };
    const id = this.send(planned.person, verb, aims[planned.aim]);
    if (!planned.isRepeated) return;
    const again = this.#commandOf(planned.person, verb, aims[planned.aim]);
    this.#world.time.later(this.#world.noise.int(0, 4_000), () => this.#post(again, id, SEND_ATTEMPTS));
  }

  /** Most who are asked answer after some minutes; some never, some reject, and now and then an outsider tries. */
  asked(stepId: string): void {
    const { noise, time } = this.#world;
    for (const person of PEOPLE_AND_OUTSIDER) {
      if (!noise.chance(0.5)) continue;
      const verb = noise.chance(0.1) ? 'reject' : 'approve';
      time.later(noise.int(1_000, 600_000), () => this.send(person, { verb, stepId }));
    }
  }

  /** From the end of chaos on: whatever waits for a person gets what lets it go on. */
  help(): void {
    const { database, time, servers } = this.#world;
    const { state } = database.row;
    time.later(HELP_EVERY_MS, () => this.help());
    if (!servers.some(({ isAwake }) => isAwake)) return;
    if (state.status === 'paused') for (const scope of state.pausedBy) this.send('ana', { verb: 'resume', scope });
    else if (state.status === 'running') for (const step of Object.values(state.steps)) this.#helpStep(step);
  }

  send(person: string, verb: Verb, aim: { readonly expectedRevision?: number } = {}): string {
    this.#commands += 1;
    const id = `command-${this.#commands}`;
    this.#post(this.#commandOf(person, verb, aim), id, SEND_ATTEMPTS);
    return id;
  }

  #commandOf(person: string, verb: Verb, aim: { readonly expectedRevision?: number }): Command {
    return { verb, actor: { kind: 'person', name: person }, reason: 'simulated', ...aim };
  }

  #helpStep(step: StepState): void {
    const reason = step.hold?.reason;
    if (step.approval !== null) {
      for (const person of PEOPLE_AND_OUTSIDER) this.send(person, { verb: 'approve', stepId: step.id });
    } else if (reason !== undefined && RETRYABLE.has(reason)) this.send('ana', { verb: 'retry', stepId: step.id });
    if (reason === 'person') this.send('ana', { verb: 'release', stepId: step.id });
    if (reason === 'timed-out') this.#helpTimedOut(step);
    const isHeldForHealth = reason === 'gate' || reason === 'no-evidence';
    if (isHeldForHealth && (this.#lacksBaseline(step) || this.#isJudged(step))) {
      this.send('ana', { verb: 'promote', stepId: step.id });
    }
  }

  /** Evidence against a candidate stays, and proof may never come: then a person decides. */
  #isJudged({ id }: StepState): boolean {
    const { plan } = this.#world.database.row.state;
    const step = plan.phases.flatMap(({ steps }) => steps).find((known) => known.id === id);
    const gate = step !== undefined && 'gate' in step ? plan.gates[step.gate] : undefined;
    return gate !== undefined && isJudgedGate(gate);
  }

  /** Somebody promoted the baseline that failed: what is compared with it can never be judged. */
  #lacksBaseline({ id }: StepState): boolean {
    const { database } = this.#world;
    const { plan } = database.row.state;
    if (database.row.state.baselines['*'] !== undefined) return false;
    const step = plan.phases.flatMap(({ steps }) => steps).find((known) => known.id === id);
    const rules = step !== undefined && 'gate' in step ? (plan.gates[step.gate]?.rules ?? []) : [];
    return rules.some(({ condition }) => needsBaseline(condition));
  }

  /** Retry, then promote; and what neither helps is given up. */
  #helpTimedOut(step: StepState): void {
    // While nobody can answer, no try is one.
    if (!this.#world.servers.some(({ isAwake }) => isAwake)) return;
    const key = `${step.id}@${step.stage}`;
    const tries = (this.#tries.get(key) ?? 0) + 1;
    this.#tries.set(key, tries);
    if (tries < PATIENCE) this.send('ana', { verb: tries % 2 === 0 ? 'promote' : 'retry', stepId: step.id });
    else {
      this.#world.stuck(step.id);
      this.send('ana', { verb: 'rollback', scope: 'plan', overMs: 0 });
    }
  }

  #verbOf(planned: PlannedCommand, state: RolloutState): Verb | null {
    if (planned.verb !== 'edit') return verbOf(planned, state);
    const plan = planOf(editedSource(this.#world.scenario.source, planned.choice));
    return plan && { verb: 'edit', plan, planHash: `sha256:edited-${planned.choice}` };
  }

  /** Sends a request, and the same again while no answer comes back. */
  #post(command: Command, id: string, attempts: number): void {
    const { noise, servers, engine } = this.#world;
    if (attempts === 0) return;
    const again = (): void => this.#world.time.later(SEND_AGAIN_MS, () => this.#post(command, id, attempts - 1));
    const awake = servers.filter(({ isAwake }) => isAwake);
    if (awake.length === 0) return again();
    const server = noise.pick(awake);
    let isAnswered = false;
    server.later(noise.int(1, 40), () => {
      try {
        const handled = engine.handle(server, { kind: 'command', command }, { commandId: id });
        isAnswered = true;
        if (handled.kind === 'done') this.#world.acknowledged(id, command);
      } catch (error) {
        if (!(error instanceof DatabaseFault)) throw error;
      }
    });
    this.#world.time.later(SEND_AGAIN_MS, () => {
      if (!isAnswered) this.#post(command, id, attempts - 1);
    });
  }
}

/** What the person does about the run as it is now. */
function verbOf({ verb, choice, overMs }: PlannedCommand, state: RolloutState): Verb | null {
  const chosen = (names: readonly string[]): string | undefined => names[choice % Math.max(1, names.length)];
  const running = Object.values(state.steps).flatMap(({ id, status }) => (status === 'running' ? [id] : []));
  const named = choice % 4 === 0 ? {} : { stepId: chosen(running) ?? chosen(Object.keys(state.steps)) ?? '' };
  switch (verb) {
    case 'pause':
    case 'resume':
    case 'cancel':
    case 'abort':
      return { verb };
    case 'approve':
    case 'reject':
    case 'promote':
    case 'retry':
    case 'hold':
    case 'release':
    case 'skip':
      return { verb, ...named };
    case 'pause-system':
      return { verb: 'pause', scope: 'system' };
    case 'resume-system':
      return { verb: 'resume', scope: 'system' };
    case 'promote-to-end':
      return { verb: 'promote', ...named, toEnd: true };
    case 'retry-from':
      return { verb: 'retry', stepId: chosen(Object.keys(state.steps)) ?? '', andAfter: true };
    case 'trigger':
      // Where nothing could be triggered, the person decides about a subject instead.
      return Object.keys(state.contingencies).length === 0
        ? {
            verb: 'override',
            flag: chosen(Object.keys(state.flags)) ?? '',
            subjects: ['ada'],
            to: ARMS[choice % ARMS.length] ?? null,
          }
        : { verb: 'trigger', name: chosen(Object.keys(state.contingencies)) ?? '' };
    case 'rollback-point':
      return { verb: 'rollback', scope: 'point', target: chosen(pointsOf(state)) ?? '', overMs };
    case 'rollback-flag':
      return { verb: 'rollback', scope: 'flag', target: chosen(Object.keys(state.flags)) ?? '', overMs };
    case 'rollback-phase':
      return { verb: 'rollback', scope: 'phase', target: chosen(Object.keys(state.phases)) ?? '', overMs };
    case 'rollback-plan':
      return { verb: 'rollback', scope: 'plan', overMs };
    case 'edit':
      return null;
  }
}

function pointsOf({ plan }: RolloutState): readonly string[] {
  return plan.phases.flatMap(({ steps }) => steps).flatMap((step) => (step.kind === 'point' ? [step.name] : []));
}
