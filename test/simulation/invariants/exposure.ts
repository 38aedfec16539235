import type { Step } from '@theseus/core/plan';
import { isOpen } from '@theseus/core/time';
import { LONGEST_GAP } from '../model/truth.ts';
import { rampOf, runningIn } from './history.ts';
import type { EventCheck, Moment } from './invariant.ts';

type Ramp = Extract<Step, { readonly kind: 'ramp' }>;

interface Rise {
  readonly ramp: Ramp;
  readonly stage: number;
  readonly to: number;
}

/** A fresh verdict is younger than this beside the gate's own rhythm: a look and a write take their time. */
const WRITING_MS = 5_000;

function riseOf({ event, before }: Moment): Rise | null {
  if (event.type !== 'flag.exposure-changed' || event.to <= event.from) return null;
  const ramp = rampOf(before.plan, event.flag, runningIn(before));
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
  if (event.type === 'flag.exposure-changed' && event.from !== flag?.exposure)
    return `${ramp.flag} is not at ${event.from}`;
  if (step?.status !== 'running') return `${ramp.flag} rises while ${ramp.id} is ${step?.status}`;
  if (stage !== step.stage + 1) return `${ramp.id} goes from stage ${step.stage} to ${stage}`;
  return ramp.through[stage] === to
    ? null
    : `${ramp.flag} is at ${to} in stage ${stage}, the plan says ${ramp.through[stage]}`;
});

/** Nobody is exposed beyond what the people the plan names have agreed to, for this very stage. */
const isApproved = whenRising(({ ramp, stage, to }, { history }) => {
  if (ramp.approve === null || to < ramp.approve.fromExposure) return null;
  return history.hasAgreed(ramp.id, ramp.approve.by, stage)
    ? null
    : `${ramp.flag} rises to ${to} without its approvals`;
});

interface Asked {
  readonly watchId: string;
  readonly stage: number;
  readonly everyMs: number;
  readonly soakMs: number;
}

/** The evidence that an event rests on; null where it needs none. */
function evidenceAsked(moment: Moment): Asked | null {
  const { event, before } = moment;
  const everyOf = (gate: string): number => before.plan.gates[gate]?.everyMs ?? 0;
  if (event.type === 'watch.soaked') {
    const step = stepOf(moment, event.stepId);
    if (step?.kind !== 'watch') return null;
    return { watchId: event.watchId, stage: -1, everyMs: everyOf(step.gate), soakMs: step.forMs };
  }
  const rise = riseOf(moment);
  const completed = event.type === 'step.completed' ? stepOf(moment, event.stepId) : undefined;
  const ramp = rise?.ramp ?? (completed?.kind === 'ramp' ? completed : undefined);
  if (ramp === undefined || rise?.stage === 0) return null;
  const stage = before.steps[ramp.id]?.stage ?? -1;
  return { watchId: ramp.id, stage, everyMs: everyOf(ramp.gate), soakMs: ramp.soaksMs[stage] ?? 0 };
}

/** Beyond the first stage the engine needs healthy evidence for the whole soak; a person may promote. */
const hasEvidence: EventCheck = (moment) => {
  const { event, commit, world } = moment;
  const asked = evidenceAsked(moment);
  if (asked === null) return null;
  if (event.actor.kind === 'person') {
    const verb = commit.input?.kind === 'command' ? commit.input.command.verb.verb : 'nothing';
    return verb === 'promote' ? null : `${asked.watchId} goes on by ${event.actor.name}, who asked for ${verb}`;
  }
  const watched = world.truth.of(asked.watchId, asked.stage);
  if (watched === undefined) return `${event.type} of ${asked.watchId} that nobody looked at`;
  if (!watched.isHealthy) return `${event.type} of ${asked.watchId} whose last look was not healthy`;
  const doubtMs = (1 + watched.disturbances) * LONGEST_GAP * asked.everyMs;
  if (watched.healthyMs + doubtMs >= asked.soakMs) return null;
  return `${event.type} of ${asked.watchId} after ${watched.healthyMs} ms of health, ${asked.soakMs} are asked for`;
};

/** What the engine goes on with has been seen just now. */
const hasFreshEvidence: EventCheck = (moment) => {
  const { event, world } = moment;
  const asked = evidenceAsked(moment);
  if (asked === null || event.actor.kind === 'person') return null;
  const ageMs = world.time.now - (world.truth.of(asked.watchId, asked.stage)?.lastAt ?? 0);
  if (ageMs <= LONGEST_GAP * asked.everyMs + WRITING_MS) return null;
  return `${event.type} of ${asked.watchId} on a look that is ${ageMs} ms old`;
};

/** Nothing rises or begins outside its window. A person's retry of what has begun is their own choice. */
const keepsWindow: EventCheck = (moment) => {
  const { event } = moment;
  const begun = event.type === 'step.started' && event.attempt === 1 ? stepOf(moment, event.stepId) : undefined;
  const step = riseOf(moment)?.ramp ?? begun;
  if (step === undefined || isOpen(step.windows, event.at)) return null;
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
  return history.takenBack.has(ramp.flag) ? `${ramp.flag} rises after it was taken back` : null;
});

function stepOf({ before }: Moment, stepId: string): Step | undefined {
  return before.plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
}

export const EXPOSURE_CHECKS: Readonly<Record<string, EventCheck>> = {
  'follows-stages': followsStages,
  approved: isApproved,
  evidence: hasEvidence,
  'fresh-evidence': hasFreshEvidence,
  window: keepsWindow,
  'not-while-paused': notWhilePaused,
  'not-while-held': notWhileHeld,
  'not-once-taken-back': notOnceTakenBack,
};
