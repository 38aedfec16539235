import { canonicalJson, type Plan, type Step } from '../plan/index.ts';
import type { Draft } from './draft.ts';
import type { Command, Verb } from './input.ts';
import { indexOf } from './plan-index.ts';
import { isActing, type Refusal } from './refusal.ts';
import type { RolloutState, StepState } from './state.ts';

/** What a new version of a plan would change in a run, and why it may not, if it may not. */
export interface PlanEdit {
  /** Each in one line with the mend; empty when the edit can be made. */
  readonly refusals: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Steps whose own words, or whose gate, flag or audience, are others. */
  readonly changed: readonly string[];
  /** Steps whose approvals it voids. */
  readonly voided: readonly string[];
  /** What is different besides the steps, such as `title` or `gates.standard`. */
  readonly parts: readonly string[];
}

/** Replaces the plan of a run. What is done stays done: an edit changes the future only. */
export function editPlan(
  draft: Draft,
  verb: Extract<Verb, { readonly verb: 'edit' }>,
  command: Command,
): Refusal | null {
  if (verb.planHash === draft.state.planHash) return null;
  const edit = compareForEdit(draft.state, verb.plan);
  if (edit.refusals.length > 0) {
    return { code: 'invalid-plan', message: `the plan cannot be edited like this: ${edit.refusals.join('; ')}` };
  }
  const touched = [...edit.added, ...edit.changed, ...edit.removed];
  const { plan, planHash } = verb;
  draft.emit({ type: 'plan.edited', plan, planHash, touched, voided: edit.voided }, command.reason, command.actor);
  return null;
}

/** Compares a new version of the plan with what the run has done so far. Pure: the command line shows it before. */
export function compareForEdit(state: RolloutState, next: Plan): PlanEdit {
  const before = indexOf(state.plan).steps;
  const after = indexOf(next).steps;
  const added = [...after.keys()].filter((id) => !before.has(id));
  const removed = [...before.keys()].filter((id) => !after.has(id));
  const changed = [...before.keys()].filter((id) => after.has(id) && contentOf(state.plan, id) !== contentOf(next, id));
  const voided = changed.filter((id) => state.steps[id]?.approval);
  const refusals = [
    ...wholeRefusals(state, next),
    ...removed.flatMap((id) => (state.steps[id]?.status === 'pending' ? [] : `${id} has begun: it cannot be removed`)),
    ...changed.flatMap((id) => changeRefusal(state, id, next) ?? []),
    ...added.flatMap((id) => additionRefusal(state, id, next) ?? []),
    ...orderRefusals(state, next),
    ...flagRefusals(state, next),
  ];
  return { refusals, added, removed, changed, voided, parts: differentParts(state.plan, next) };
}

/** Steps have lists of their own, and the hash of the content differs with anything. */
const TOLD_OTHERWISE: readonly string[] = ['phases', 'contentHash'];

function differentParts(before: Plan, next: Plan): readonly string[] {
  const keys = Object.keys({ ...before, ...next }).filter((key) => !TOLD_OTHERWISE.includes(key));
  return keys.flatMap((key) => {
    const [old, now] = [before, next].map((plan) => plan[key as keyof Plan]);
    if (!isMap(old) || !isMap(now)) return isSame(old, now) ? [] : [key];
    const names = Object.keys({ ...old, ...now });
    return names.flatMap((name) => (isSame(old[name], now[name]) ? [] : [`${key}.${name}`]));
  });
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSame(left: unknown, right: unknown): boolean {
  return canonicalJson(left ?? null) === canonicalJson(right ?? null);
}

/** All that a step's meaning depends on, as text to compare. */
function contentOf(plan: Plan, id: string): string {
  const step = indexOf(plan).steps.get(id);
  if (step === undefined) return '';
  const gate = 'gate' in step ? plan.gates[step.gate] : null;
  const flag = step.kind === 'ramp' ? plan.flags[step.flag] : null;
  const named = [
    ...(flag?.rules.map(({ segment }) => segment) ?? []),
    ...(flag?.strata ?? []),
    ...(flag?.only === undefined ? [] : [flag.only]),
  ];
  const segments = named.map((segment) => plan.segments[segment]);
  const signals = gate?.rules.map(({ condition }) => plan.signals[condition.signal]) ?? [];
  const message = step.kind === 'notify' ? [plan.channels[step.channel], plan.messages[step.message]] : [];
  const phase = indexOf(plan).phaseOf.get(id)?.name;
  return canonicalJson({ step, gate, flag, segments, signals, message, phase });
}

function wholeRefusals(state: RolloutState, next: Plan): readonly string[] {
  const before = state.plan;
  const fixed = ['name', 'salt', 'cohort', 'environment', 'after', 'timeCompression'] as const;
  const refusals = fixed.flatMap((key) =>
    before[key] === next[key]
      ? []
      : `its ${key} is '${before[key] ?? 'none'}' and stays so (start a new run for '${next[key] ?? 'none'}')`,
  );
  if (state.rollbacks.some(({ status }) => status === 'running')) refusals.push('a rollback is under way: wait for it');
  return refusals;
}

function changeRefusal(state: RolloutState, id: string, next: Plan): string | null {
  const known = state.steps[id];
  const before = indexOf(state.plan).steps.get(id);
  const after = indexOf(next).steps.get(id);
  if (known === undefined || before === undefined || after === undefined) return null;
  if (known.status === 'pending') return agreedRefusal(state, before);
  if (before.kind !== after.kind) return `${id} has begun as ${before.kind}: it cannot become ${after.kind}`;
  if (known.status === 'running') return runningRefusal(state, known, before, after);
  return pastOf(before) === pastOf(after) ? null : `${id} is over (${known.status}): what it did cannot be changed`;
}

/** What cannot be taken back is done as people have agreed to it, or they are asked again. */
function agreedRefusal(state: RolloutState, step: Step): string | null {
  if (!step.irreversible) return null;
  const before = [...indexOf(state.plan).steps.values()];
  const asked = before.slice(0, before.indexOf(step)).findLast(({ kind }) => kind === 'approve');
  if (asked === undefined || state.steps[asked.id]?.status !== 'completed') return null;
  return `${step.id} cannot be taken back, and people have agreed to it as it is: let them be asked again first (theseus retry --and-after --step ${asked.id})`;
}

/** What of a step that is over is history. How to take it back, and what it is called, is not. */
function pastOf(step: Step): string {
  const { title, mitigation, undo, budgetMs, takesMs, ...past } = step;
  if (past.kind !== 'ramp') return canonicalJson(past);
  const { verify, gate, ...climbed } = past;
  return canonicalJson(climbed);
}

function runningRefusal(state: RolloutState, known: StepState, before: Step, after: Step): string | null {
  if (before.kind === 'ramp' && after.kind === 'ramp') {
    if (before.flag !== after.flag) return `${known.id} ramps ${before.flag}: it cannot change to ${after.flag}`;
    if (before.move?.to !== after.move?.to) {
      return `${known.id} brings ${before.flag} to ${before.move?.to ?? 'the candidate'}: it cannot change where to`;
    }
    const climbed = before.through.slice(0, known.stage + 1);
    const kept = climbed.every((exposure, index) => after.through[index] === exposure);
    const upTo = climbed.map((exposure) => `${exposure / 1_000}%`).join(', ');
    return kept ? null : `${known.id} has climbed through ${upTo}: these must stay as they are`;
  }
  return isActing(state, known.id) ? `${known.id} is at work: wait for it to end` : null;
}

/** A step may be put in only where the run has not been yet. */
function additionRefusal(state: RolloutState, id: string, next: Plan): string | null {
  const phase = indexOf(next).phaseOf.get(id);
  const known = phase === undefined ? undefined : state.phases[phase.name];
  if (phase === undefined || known === undefined || known.status === 'pending') return null;
  if (known.status !== 'running') return `phase ${phase.name} is over: ${id} cannot be put into it`;
  const later = phase.steps.slice(phase.steps.findIndex((step) => step.id === id) + 1);
  const passed = later.find((step) => (state.steps[step.id]?.status ?? 'pending') !== 'pending');
  return passed === undefined ? null : `${passed.id} has begun: ${id} cannot be put before it`;
}

/** What has begun keeps its place, and phases that have begun keep what they needed. */
function orderRefusals(state: RolloutState, next: Plan): readonly string[] {
  return state.plan.phases.flatMap((phase) => {
    const status = state.phases[phase.name]?.status ?? 'pending';
    const after = next.phases.find(({ name }) => name === phase.name);
    if (status === 'pending') return [];
    if (after === undefined) return [`phase ${phase.name} has begun: it cannot be removed`];
    const begun = ({ id }: Step): boolean => (state.steps[id]?.status ?? 'pending') !== 'pending';
    // A step that is gone is told by itself.
    const isKept = ({ id }: Step): boolean => indexOf(next).steps.has(id);
    const before = phase.steps.filter((step) => begun(step) && isKept(step)).map(({ id }) => id);
    const now = after.steps.filter(begun).map(({ id }) => id);
    return before.join() === now.join() ? [] : [`steps of ${phase.name} that have begun cannot change places`];
  });
}

function flagRefusals(state: RolloutState, next: Plan): readonly string[] {
  return Object.values(state.flags).flatMap(({ key, exposure, status, stage = 'off' }) => {
    const after = next.flags[key];
    const isMoving = exposure > 0 || status === 'ramping' || stage !== 'off';
    if (after === undefined) return isMoving ? [`people are on the candidate of ${key}: it cannot be removed`] : [];
    const stays = (['by', 'variants'] as const).find((part) => !isSame(state.plan.flags[key]?.[part], after[part]));
    if (isMoving && stays !== undefined) {
      return [`people are on the candidate of ${key}: other ${stays} would give them another answer`];
    }
    const lacking = isMoving ? after.requires.find((need) => (state.flags[need]?.exposure ?? 0) < exposure) : undefined;
    return lacking === undefined ? [] : [`${key} cannot come to require ${lacking}, which is less exposed`];
  });
}
