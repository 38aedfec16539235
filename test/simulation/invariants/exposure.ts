import { isInsideWindow } from '@theseus/core/time';
import type { Step } from '@theseus/core/plan';
import { LONGEST_GAP } from '../model/truth.ts';
import { rampOf } from './history.ts';
import type { EventCheck, Moment } from './invariant.ts';

type Ramp = Extract<Step, { readonly kind: 'ramp' }>;

interface Rise {
  readonly ramp: Ramp;
  readonly stage: number;
  readonly to: number;
}

/** A fresh verdict is younger than this beside the gate's own rhythm: a look and a write take their time. */
const WRITING_MS = 5_000;

function riseOf({ event, world }: Moment): Rise | null {
  if (event.type !== 'flag.exposure-changed' || event.to <= event.from) return null;
  const ramp = rampOf(world.plan, event.flag);
  return ramp === undefined ? null : { ramp, stage: event.stage ?? -1, to: event.to };
}

function whenRising(check: (rise: Rise, moment: Moment) => string | null): EventCheck {
  return (moment) => {
    const rise = riseOf(moment);
    return rise === null ? null : check(rise, moment);
  };
}

/** Exposure is what the entered stage says, stages are entered one after another, and only while the step runs. */
const followsStages = whenRising(({ ramp, stage, to }, { before, event }) => {
  const step = before.steps[ramp.id];
  const flag = before.flags[ramp.flag];
  if (event.type === 'flag.exposure-changed' && event.from !== flag?.exposure) return `${ramp.flag} is not at ${event.from}`;
  if (step?.status !== 'running') return `${ramp.flag} rises while ${ramp.id} is ${step?.status}`;
  if (stage !== step.stage + 1) return `${ramp.id} goes from stage ${step.stage} to ${stage}`;
  return ramp.through[stage] === to ? null : `${ramp.flag} is at ${to} in stage ${stage}, the plan says ${ramp.through[stage]}`;
});

/** Nobody is exposed beyond what the people the plan names have agreed to, for this very stage. */
const isApproved = whenRising(({ ramp, stage, to }, { history }) => {
  if (ramp.approve === null || to < ramp.approve.fromExposure) return null;
  return history.hasAgreed(ramp.id, ramp.approve.by, stage) ? null : `${ramp.flag} rises to ${to} without its approvals`;
});

/** Beyond the first stage the engine needs fresh, healthy evidence for the whole soak; a person may promote. */
const hasEvidence: EventCheck = (moment) => {
  const { event, world, commit, before } = moment;
  const rise = riseOf(moment);
  const completed = event.type === 'step.completed' ? stepOf(moment, event.stepId) : undefined;
  const ramp = rise?.ramp ?? (completed?.kind === 'ramp' ? completed : undefined);
  if (ramp === undefined || rise?.stage === 0) return null;
  if (event.actor.kind === 'person') {
    const verb = commit.input?.kind === 'command' ? commit.input.command.verb.verb : 'nothing';
    return verb === 'promote' ? null : `${ramp.id} goes on by ${event.actor.name}, who asked for ${verb}`;
  }
  return lacksEvidence(moment, { id: ramp.id, stage: before.steps[ramp.id]?.stage ?? -1, gate: ramp.gate, ms: ramp.soakMs, world });
};

const watchHasEvidence: EventCheck = (moment) => {
  const { event, world } = moment;
  if (event.type !== 'watch.soaked') return null;
  const step = stepOf(moment, event.stepId);
  if (step?.kind !== 'watch') return `${event.stepId} is no watch`;
  return lacksEvidence(moment, { id: event.watchId, stage: -1, gate: step.gate, ms: step.forMs, world });
};

function lacksEvidence(
  { world, event }: Moment,
  asked: { readonly id: string; readonly stage: number; readonly gate: string; readonly ms: number; readonly world: Moment['world'] },
): string | null {
  const watched = world.truth.of(asked.id, asked.stage);
  const everyMs = world.plan.gates[asked.gate]?.everyMs ?? 0;
  if (watched === undefined) return `${event.type} of ${asked.id} that nobody looked at`;
  const ageMs = world.time.now - watched.lastAt;
  if (ageMs > LONGEST_GAP * everyMs + WRITING_MS) return `${event.type} of ${asked.id} on a look ${ageMs} ms old`;
  if (!watched.isHealthy) return `${event.type} of ${asked.id} whose last look was not healthy`;
  const doubtMs = (1 + watched.disturbances) * LONGEST_GAP * everyMs;
  if (watched.healthyMs + doubtMs >= asked.ms) return null;
  return `${event.type} of ${asked.id} after ${watched.healthyMs} ms of health, ${asked.ms} are asked for`;
}

/** Nothing rises or begins outside its window. A person's retry of what has begun is their own choice. */
const keepsWindow: EventCheck = (moment) => {
  const { event } = moment;
  const begun = event.type === 'step.started' && event.attempt === 1 ? stepOf(moment, event.stepId) : undefined;
  const step = riseOf(moment)?.ramp ?? begun;
  if (step === undefined || step.window === null || isInsideWindow(step.window, event.at)) return null;
  return `${event.type} of ${step.id} outside its window, at ${new Date(event.at).toISOString()}`;
};

const notWhilePaused = whenRising(({ ramp }, { history }) =>
  history.isPaused ? `${ramp.flag} rises while the run is paused` : null,
);

/** No automation goes on past a hold. */
const notWhileHeld = whenRising(({ ramp }, { before }) => {
  const hold = before.steps[ramp.id]?.hold ?? null;
  return hold === null ? null : `${ramp.flag} rises while ${ramp.id} is held (${hold.reason})`;
});

const notOnceTakenBack = whenRising(({ ramp }, { history }) => {
  if (history.isAborted) return `${ramp.flag} rises after the run was aborted`;
  return history.takenBack.has(ramp.flag) ? `${ramp.flag} rises after it was taken back` : null;
});

function stepOf({ world }: Moment, stepId: string): Step | undefined {
  return world.plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
}

export const EXPOSURE_CHECKS: Readonly<Record<string, EventCheck>> = {
  'follows-stages': followsStages,
  approved: isApproved,
  evidence: hasEvidence,
  'watch-evidence': watchHasEvidence,
  window: keepsWindow,
  'not-while-paused': notWhilePaused,
  'not-while-held': notWhileHeld,
  'not-once-taken-back': notOnceTakenBack,
};
