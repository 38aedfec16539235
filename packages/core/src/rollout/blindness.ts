import type { Gate, Watch } from '../health/index.ts';
import { formatDuration } from '../time/index.ts';
import type { Draft } from './draft.ts';
import type { RampStep } from './plan-index.ts';
import { HOLDS_OF_HEALTH, type StepState } from './state.ts';

/** So long nobody may be able to tell before people are told, where it is not given up sooner. */
const ALERT_AFTER_MS = 300_000;

const BLIND_SINCE = 'blind since ';

/** Whether blindness is what people were warned of last. */
export function isAlerted({ warned }: StepState): boolean {
  return warned?.startsWith(BLIND_SINCE) ?? false;
}

/** Tells once for each time that nobody can tell whether exposed people are well. */
export function alertBlind(draft: Draft, stepId: string, gate: Gate, watch: Watch): void {
  const { verdict, blindSince = null, flag } = watch;
  const state = draft.state.steps[stepId];
  if (state === undefined || verdict === null || blindSince === null) return;
  const exposure = flag === null ? 0 : (draft.state.flags[flag]?.exposure ?? 0);
  const blindMs = draft.now - blindSince;
  const maxBlindMs = gate.maxBlindMs ?? Number.POSITIVE_INFINITY;
  if (exposure === 0 || blindMs < Math.min(ALERT_AFTER_MS, maxBlindMs / 2)) return;
  const rules = `${BLIND_SINCE}${new Date(blindSince).toISOString()}`;
  if (state.warned === rules) return;
  const text = `nobody has been able to tell for ${formatDuration(blindMs)} whether ${flag} is well, and ${exposure / 1_000} % are on it: ${verdict.text}`;
  draft.emit({ type: 'step.warned', stepId, rules, evidence: { verdict, samples: watch.samples } }, text);
}

/**
 * Takes a ramp back to its exposure before, once for each time that nobody could tell for as long as the gate allows;
 * from the first exposure, to nobody. It goes on by itself when data return. What a person promoted to stays, and so
 * does what people hold or pause. True when it was taken back.
 */
export function stepBackBlind(draft: Draft, step: RampStep, gate: Gate, watch: Watch): boolean {
  const { verdict, blindSince = null } = watch;
  const state = draft.state.steps[step.id];
  const from = draft.state.flags[step.flag]?.exposure ?? 0;
  if (state === undefined || verdict === null || blindSince === null || from === 0) return false;
  const blindMs = draft.now - blindSince;
  if (gate.mode === 'observe' || blindMs < (gate.maxBlindMs ?? Number.POSITIVE_INFINITY)) return false;
  if (draft.state.status !== 'running' || isForPeople(state)) return false;
  const stage = state.stage - 1;
  const to = step.through[stage] ?? 0;
  const where = to === 0 && stage < 0 ? 'to nobody' : `to ${to / 1_000} %`;
  const reason = `nobody could tell for ${formatDuration(blindMs)} whether ${step.flag} is well, so it goes back from ${from / 1_000} % ${where}: ${verdict.text}`;
  draft.emit({ type: 'flag.exposure-changed', flag: step.flag, from, to, stage }, reason);
  const evidence = { verdict, samples: watch.samples };
  draft.emit({ type: 'step.held', stepId: step.id, hold: 'blind', evidence }, reason);
  return true;
}

/** Whether the exposure is a person's word: they promoted to it, or hold it for another reason than health. */
function isForPeople({ stage, promotedTo, hold }: StepState): boolean {
  if (stage < 0 || (promotedTo !== undefined && stage <= promotedTo)) return true;
  return hold !== null && !HOLDS_OF_HEALTH.includes(hold.reason);
}
