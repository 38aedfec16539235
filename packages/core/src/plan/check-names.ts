import { signalsRead } from '../health/index.ts';
import { suggest } from './did-you-mean.ts';
import { capturedBy, type PlanReading } from './plan-reading.ts';

const MESSAGE_FIELDS = ['phase.name', 'phase.title', 'plan.name', 'plan.title', 'run.id', 'run.status', 'step.title'];
/** What a message about a rollback or a contingency knows besides. */
const TROUBLE_FIELDS = ['trouble.reason', 'trouble.target', 'trouble.standing'];

/** Names that are used and not there, or there and not used. */
export function checkNames(reading: PlanReading): void {
  checkMessages(reading);
  checkPoints(reading);
  warnUnused(reading);
  warnNeverRamped(reading);
}

/** What stands between braces; takes no brace into the name, so that a text without an end is read once only. */
const FIELD = /\{\{([^{}]*)\}\}/g;

function checkMessages({ plan, problems, steps }: PlanReading): void {
  const captured = [...new Set(steps.flatMap(capturedBy))];
  const told = new Set(steps.flatMap(({ step }) => (step?.kind === 'notify' ? step.message : [])));
  const isUnread = steps.some(({ kind }) => kind === null);
  for (const [name, text] of Object.entries(plan.messages)) {
    const path = ['messages', name];
    // A message that a step sends knows of no trouble.
    const known = [...MESSAGE_FIELDS, ...captured, ...(told.has(name) ? [] : TROUBLE_FIELDS)];
    for (const [, written = ''] of text.matchAll(FIELD)) {
      const field = written.trim();
      if (known.includes(field) || (isUnread && !field.includes('.'))) continue;
      const message = `message '${name}' has no field '${field}'`;
      problems.add({ path, code: 'unknown-field', message, mend: suggest(field, known) });
    }
    if (/\{\{|\}\}/.test(text.replace(FIELD, ''))) {
      const message = `message '${name}' opens or closes a field only half`;
      problems.add({ path, code: 'broken-field', message, mend: "write it like '{{ phase.title }}'" });
    }
  }
}

/** A point is one moment: of two of one name nobody could tell which is meant. */
function checkPoints({ problems, steps }: PlanReading): void {
  const seen = new Set<string>();
  for (const { path, step } of steps) {
    if (step?.kind !== 'point') continue;
    if (seen.has(step.name)) {
      const message = `there is a point '${step.name}' already`;
      problems.add({ path: [...path, 'point'], code: 'duplicate-point', message, mend: 'give it another name' });
    }
    seen.add(step.name);
  }
}

/** Only of parts whose users could all be read: a misspelt reference would make what it meant look unused. */
function warnUnused({ plan, problems, outline }: PlanReading): void {
  const isGateBroken = outline.uncertain.has('gates') || Object.keys(plan.gates).length < outline.names.gates.size;
  const steps = plan.phases.flatMap((phase) => phase.steps);
  const { escalate, afterwards } = plan.rollback;
  const followUps = [
    ...Object.values(plan.contingencies).flatMap(({ actions }) => actions),
    ...afterwards,
    ...(escalate === null ? [] : [{ kind: 'notify', ...escalate } as const]),
  ];
  const gates = [...Object.values(plan.gates), ...Object.values(plan.contingencies).flatMap(({ gate }) => gate ?? [])];
  const used = {
    gates: steps.flatMap((step) => ('gate' in step ? step.gate : [])),
    channels: [...steps, ...followUps].flatMap((step) => (step.kind === 'notify' ? step.channel : [])),
    messages: [...steps, ...followUps].flatMap((step) => (step.kind === 'notify' ? step.message : [])),
    signals: [
      ...gates.flatMap((gate) => [...gate.rules.map(({ condition }) => condition.signal), ...signalsRead(gate)]),
      ...Object.values(plan.flags).flatMap(({ metrics }) => metrics ?? []),
    ],
  };
  for (const part of ['gates', 'channels', 'messages', 'signals'] as const) {
    const isUncertain =
      problems.isTouched(['phases']) || problems.isTouched(['contingencies']) || problems.isTouched(['rollback']);
    const isFlagBroken = outline.uncertain.has('flags') || problems.isTouched(['flags']);
    if (part === 'signals' ? isGateBroken || isFlagBroken || problems.isTouched(['contingencies']) : isUncertain)
      continue;
    const names = new Set(used[part]);
    for (const name of Object.keys(plan[part])) {
      if (names.has(name) || problems.isTouched([part, name])) continue;
      const message = `${part.slice(0, -1)} '${name}' is never used`;
      const mend = 'use it or remove it';
      problems.add({ path: [part, name], code: 'unused', message, mend, severity: 'warning', atKey: true });
    }
  }
}

function warnNeverRamped({ plan, problems, steps, outline }: PlanReading): void {
  const ramped = new Set(steps.map(({ source }) => source['ramp'] ?? source['stage']));
  const isUnread = steps.some(({ kind }) => kind === null) || outline.phases.some(({ source }) => source === null);
  if (isUnread || steps.length === 0 || problems.hasCode('unknown-flag', 'duplicate-phase')) return;
  for (const key of Object.keys(plan.flags)) {
    if (ramped.has(key)) continue;
    const message = `flag '${key}' is never ramped: it stays dark`;
    const mend = `add a step '${plan.flags[key]?.migration === undefined ? 'ramp' : 'stage'}: ${key}'`;
    problems.add({ path: ['flags', key], code: 'never-ramped', message, mend, severity: 'warning', atKey: true });
  }
}
