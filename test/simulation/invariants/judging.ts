import { type Gate, isJudgedGate } from '@theseus/core/health';
import type { Step } from '@theseus/core/plan';
import { LONGEST_GAP } from '../model/truth.ts';
import { rampOf, runningIn } from './history.ts';
import type { EventCheck, Moment } from './invariant.ts';

/** Looks, writes and another machine's taking over take their time. */
const LATE_MS = 10_000;
/** By so few requests nobody can rule out that twice as many fail: the evidence against it is at most e to the number of failures that lack. */
const FEWEST_REQUESTS = 20;

function stepOf({ before }: Moment, stepId: string): Step | undefined {
  return before.plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
}

function gateOf(moment: Moment, step: Step | undefined): Gate | undefined {
  return step !== undefined && 'gate' in step ? moment.before.plan.gates[step.gate] : undefined;
}

/** A ramp goes back by itself only for blindness that has lasted, one exposure at a time, and never below a person's word. */
const stepsBackBlind: EventCheck = (moment) => {
  const { event, before, history, world } = moment;
  if (event.type !== 'flag.exposure-changed' || event.stage === null || event.to > event.from) return null;
  const ramp = rampOf(before.plan, event.flag, runningIn(before));
  const step = ramp === undefined ? undefined : before.steps[ramp.id];
  if (ramp === undefined || step === undefined || event.stage === step.stage + 1) return null;
  const gate = before.plan.gates[ramp.gate];
  if (event.stage !== step.stage - 1) return `${ramp.id} goes back from stage ${step.stage} to ${event.stage}`;
  if (event.to !== (ramp.through[event.stage] ?? 0))
    return `${ramp.flag} goes back to ${event.to}, not to a stage of its ramp`;
  if (history.isPaused) return `${ramp.flag} goes back while the run is paused`;
  if ((history.promotedTo.get(ramp.id) ?? -1) >= step.stage)
    return `${ramp.flag} goes back from where a person promoted it to`;
  if (step.hold?.reason === 'person') return `${ramp.flag} goes back while a person holds it`;
  const watched = world.truth.of(ramp.id, step.stage);
  if (world.truth.isJumpy || gate?.maxBlindMs === undefined)
    return gate?.maxBlindMs === undefined ? 'nothing asks for it' : null;
  const blindMs = watched?.blindSince == null ? 0 : world.time.now - watched.blindSince;
  const doubtMs = (1 + (watched?.disturbances ?? 0)) * LONGEST_GAP * gate.everyMs + LATE_MS;
  return blindMs + doubtMs >= gate.maxBlindMs ? null : `${ramp.flag} goes back after ${blindMs} ms of blindness`;
};

/** A gate that observes leads to no rollback, no hold and no step back. */
const observesOnly: EventCheck = (moment) => {
  const { event, commit } = moment;
  if (commit.input?.kind !== 'judged' || event.actor.kind === 'person') return null;
  const gate = gateOf(moment, stepOf(moment, commit.input.watch.stepId));
  if (gate?.mode !== 'observe') return null;
  // What is owed to a migration's other side is no matter of the gate.
  const isHeld = event.type === 'step.held' && event.hold !== 'unrepaired';
  const isAct = event.type === 'rollback.initiated' || isHeld;
  return isAct ? `${event.type} by gate ${gate.name}, which only observes` : null;
};

/** The judge takes nobody back who was never worse off than on legacy, whatever became of both. */
const blamesNoWeather: EventCheck = (moment) => {
  const { event, commit, world } = moment;
  if (event.type !== 'rollback.initiated' || commit.input?.kind !== 'judged') return null;
  const { flag, stepId } = commit.input.watch;
  const gate = gateOf(moment, stepOf(moment, stepId));
  const failing = event.evidence?.verdict.rules.filter(({ verdict }) => verdict === 'fail') ?? [];
  const isByJudge = failing.length > 0 && failing.every(({ evidence }) => evidence !== undefined);
  // A limit is broken or not, whoever's fault it is, until legacy is seen to be no better.
  const isLimit = failing.some(({ threshold }) => threshold !== null);
  if (gate === undefined || flag === null || !isByJudge || isLimit || world.arms.wasWorse(flag)) return null;
  return `${flag} is taken back, and it was never worse than legacy: ${event.reason}`;
};

/** Without evidence that could prove anything no ramp rises by itself where its gate compares. */
const rulesHarmOut: EventCheck = (moment) => {
  const { event, before, history, world } = moment;
  const isRise = event.type === 'flag.exposure-changed' && event.to > event.from && (event.stage ?? 0) > 0;
  if (!isRise || event.actor.kind === 'person') return null;
  const ramp = rampOf(before.plan, event.flag, runningIn(before));
  const gate = gateOf(moment, ramp);
  const stage = ramp === undefined ? -1 : (before.steps[ramp.id]?.stage ?? -1);
  if (ramp === undefined || gate === undefined || !comparesAll(gate) || gate.mode === 'observe') return null;
  if (ramp.soaksMs[stage] === 0 || world.arms.candidateRequests(event.flag) >= FEWEST_REQUESTS) return null;
  if (gate.onInconclusive === 'approve' && history.hasAgreed(ramp.id, ramp.approve?.by ?? [], stage + 1)) return null;
  return `${event.flag} rises after ${world.arms.candidateRequests(event.flag)} requests, which prove nothing`;
};

/** A limit alone needs no proof, only the absence of evidence; a metric that failed for a mere warning needs none any more. */
function comparesAll(gate: Gate): boolean {
  return (
    isJudgedGate(gate) &&
    gate.rules.some(({ condition: { bound } }) => bound.kind === 'worse-than-legacy') &&
    gate.rules.every(
      ({ condition: { bound }, action }) => bound.kind !== 'worse-than-legacy' || action.kind === 'rollback',
    )
  );
}

export const JUDGING_CHECKS: Readonly<Record<string, EventCheck>> = {
  'steps-back-blind': stepsBackBlind,
  'observes-only': observesOnly,
  'blames-no-weather': blamesNoWeather,
  'rules-harm-out': rulesHarmOut,
};
