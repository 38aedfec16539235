import type { Plan, Step } from './plan.ts';
import type { Path, Problems } from './problems.ts';

/** Where the parts of a plan stand in the source. */
export interface PlanPlaces {
  readonly phases: ReadonlyMap<string, Path>;
  readonly steps: ReadonlyMap<string, Path>;
}

/** What only the whole shows: cycles, promises that cannot be kept, things that are never used. */
export function checkPlan(problems: Problems, plan: Plan, places: PlanPlaces): void {
  checkCycles(problems, plan, places);
  checkRampOrder(problems, plan, places);
  checkIrreversible(problems, plan, places);
  checkArtefacts(problems, plan, places);
  checkBaselines(problems, plan);
  checkMessages(problems, plan);
  checkUnused(problems, plan);
}

function checkCycles(problems: Problems, plan: Plan, places: PlanPlaces): void {
  const phases = new Map(plan.phases.map(({ name, needs }) => [name, needs]));
  reportCycle(problems, phases, 'phase', (name) => [...(places.phases.get(name) ?? ['phases']), 'needs']);
  const steps = plan.phases.flatMap((phase) => phase.steps);
  reportCycle(problems, new Map(steps.map(({ id, needs }) => [id, needs])), 'step', (id) => [...(places.steps.get(id) ?? ['phases']), 'needs']);
  const flags = new Map(Object.values(plan.flags).map(({ key, requires }) => [key, requires]));
  reportCycle(problems, flags, 'flag', (key) => ['flags', key, 'requires']);
  for (const { id, needs } of steps) {
    const unknown = needs.find((need) => !places.steps.has(need));
    if (unknown === undefined) continue;
    const path = [...(places.steps.get(id) ?? []), 'needs'];
    problems.add({ path, code: 'unknown-step', message: `unknown step '${unknown}'`, mend: 'name a step of this phase, or phase/step' });
  }
}

function reportCycle(
  problems: Problems,
  edges: ReadonlyMap<string, readonly string[]>,
  what: string,
  place: (name: string) => Path,
): void {
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name);
    if (start >= 0) {
      const cycle = [...trail.slice(start), name];
      const message = `these ${what}s wait for each other: ${cycle.join(' → ')}`;
      problems.add({ path: place(cycle[0] ?? name), code: 'cycle', message, mend: 'remove one of the arrows' });
      return;
    }
    if (done.has(name)) return;
    for (const next of edges.get(name) ?? []) visit(next, [...trail, name]);
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, []);
}

/** A flag may be ramped once, and only after all it requires. */
function checkRampOrder(problems: Problems, plan: Plan, places: PlanPlaces): void {
  const ramped = new Map<string, string>();
  for (const phase of plan.phases) {
    for (const step of phase.steps) {
      if (step.kind !== 'ramp') continue;
      const path = places.steps.get(step.id) ?? [];
      const before = ramped.get(step.flag);
      if (before !== undefined) {
        const message = `'${step.flag}' is ramped already in ${before}`;
        problems.add({ path: [...path, 'ramp'], code: 'ramped-twice', message, mend: 'ramp each flag once' });
        continue;
      }
      ramped.set(step.flag, step.id);
    }
  }
  for (const [flag, stepId] of ramped) checkPrerequisites(problems, plan, places, ramped, flag, stepId);
  for (const key of Object.keys(plan.flags)) {
    if (ramped.has(key)) continue;
    const message = `flag '${key}' is never ramped: it stays dark`;
    problems.add({ path: ['flags', key], code: 'never-ramped', message, mend: `add a step 'ramp: ${key}'`, severity: 'warning', atKey: true });
  }
}

function checkPrerequisites(
  problems: Problems,
  plan: Plan,
  places: PlanPlaces,
  ramped: ReadonlyMap<string, string>,
  flag: string,
  stepId: string,
): void {
  for (const required of plan.flags[flag]?.requires ?? []) {
    const first = ramped.get(required);
    if (first === undefined || comesBefore(plan, first, stepId)) continue;
    const message = `'${flag}' requires '${required}', which is not ramped before it`;
    const mend = `put '${first}' before '${stepId}', or let its phase need that one`;
    problems.add({ path: [...(places.steps.get(stepId) ?? []), 'ramp'], code: 'ramp-order', message, mend });
  }
}

/** Whether one step is always over before another begins. */
function comesBefore(plan: Plan, first: string, second: string): boolean {
  const phaseOf = (id: string) => plan.phases.find(({ steps }) => steps.some((step) => step.id === id));
  const one = phaseOf(first);
  const two = phaseOf(second);
  if (one === undefined || two === undefined) return false;
  const index = (id: string): number => two.steps.findIndex((step) => step.id === id);
  if (one === two) return index(first) < index(second);
  return needsPhase(plan, two.name, one.name, new Set());
}

function needsPhase(plan: Plan, name: string, target: string, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  const needs = plan.phases.find((phase) => phase.name === name)?.needs ?? [];
  return needs.some((need) => need === target || needsPhase(plan, need, target, seen));
}

/** What cannot be taken back asks for approval first, and ends what can be promised to be undone. */
function checkIrreversible(problems: Problems, plan: Plan, places: PlanPlaces): void {
  let irreversible: Step | null = null;
  let approved = false;
  for (const step of plan.phases.flatMap((phase) => phase.steps)) {
    const path = places.steps.get(step.id) ?? [];
    if (step.undo !== null && step.irreversible) {
      const message = `'${step.id}' says that it is irreversible and how to undo it`;
      problems.add({ path: [...path, 'undo'], code: 'irreversible-undo', message, mend: "keep one of 'undo' and 'irreversible'", atKey: true });
    } else if (step.undo !== null && irreversible !== null) {
      const message = `'${step.id}' promises undo after the irreversible '${irreversible.id}'`;
      const mend = 'a rollback cannot go back past that step: move this one before it, or remove its undo';
      problems.add({ path: [...path, 'undo'], code: 'undo-after-irreversible', message, mend, atKey: true });
    }
    if (step.kind === 'approve') approved = true;
    if (!step.irreversible) continue;
    if (!approved) {
      const message = `'${step.id}' is irreversible and nobody approves it`;
      problems.add({ path: [...path, 'irreversible'], code: 'irreversible-unapproved', message, mend: "put a step 'approve: \"…?\"' before it", atKey: true });
    }
    irreversible = step;
  }
}

/** An artefact must be captured by the step itself or an earlier one. */
function checkArtefacts(problems: Problems, plan: Plan, places: PlanPlaces): void {
  const captured = new Set<string>();
  for (const step of plan.phases.flatMap((phase) => phase.steps)) {
    const path = places.steps.get(step.id) ?? [];
    if (step.kind === 'run' || step.kind === 'backup') {
      checkTemplate(problems, [...path, 'run'], step.command.argv, captured);
      for (const { name } of step.captures) captured.add(name);
      if (step.kind === 'backup' && step.verify) checkTemplate(problems, [...path, 'verify'], step.verify.argv, captured);
    }
    if (step.undo !== null) checkTemplate(problems, [...path, 'undo'], step.undo.argv, captured);
  }
}

function checkTemplate(problems: Problems, path: Path, argv: readonly string[], captured: ReadonlySet<string>): void {
  for (const [, name = ''] of argv.join(' ').matchAll(/\$\{\{\s*([^}]*?)\s*\}\}/g)) {
    if (captured.has(name)) continue;
    const message = `nothing before this captures '${name}'`;
    const mend = captured.size === 0 ? `add 'capture: { ${name}: … }' to an earlier step` : `captured are: ${[...captured].join(', ')}`;
    problems.add({ path, code: 'unknown-artefact', message, mend });
  }
}

/** A bound that refers to the baseline needs one to be recorded before the first ramp that uses it. */
function checkBaselines(problems: Problems, plan: Plan): void {
  let recorded = false;
  for (const step of plan.phases.flatMap((phase) => phase.steps)) {
    if (step.kind === 'baseline') recorded = true;
    if (recorded || !('gate' in step)) continue;
    plan.gates[step.gate]?.rules.forEach(({ condition }, index) => {
      if (condition.bound.kind === 'absolute' || condition.bound.reference !== 'baseline') return;
      const path = ['gates', step.gate, 'rules', index, condition.text];
      const message = `'${condition.text}' compares with a baseline that nobody records before '${step.id}'`;
      problems.add({ path, code: 'missing-baseline', message, mend: "add a step 'baseline: { over: 24h }' before it", atKey: true });
    });
  }
}

const MESSAGE_FIELDS = ['plan.name', 'plan.title', 'phase.name', 'phase.title', 'step.title', 'run.id', 'run.status'];

function checkMessages(problems: Problems, plan: Plan): void {
  const captured = plan.phases
    .flatMap(({ steps }) => steps)
    .flatMap((step) => ('captures' in step ? step.captures.map(({ name }) => name) : []));
  const known = [...MESSAGE_FIELDS, ...captured];
  for (const [name, text] of Object.entries(plan.messages)) {
    for (const [, field = ''] of text.matchAll(/\{\{\s*([^}]*?)\s*\}\}/g)) {
      if (known.includes(field)) continue;
      const message = `message '${name}' has no field '${field}'`;
      problems.add({ path: ['messages', name], code: 'unknown-field', message, mend: `there are: ${known.join(', ')}` });
    }
  }
}

function checkUnused(problems: Problems, plan: Plan): void {
  const steps = plan.phases.flatMap(({ steps: inPhase }) => inPhase);
  const used = {
    gates: new Set(steps.flatMap((step) => ('gate' in step ? step.gate : []))),
    channels: new Set(steps.flatMap((step) => (step.kind === 'notify' ? step.channel : []))),
    messages: new Set(steps.flatMap((step) => (step.kind === 'notify' ? step.message : []))),
    signals: new Set(Object.values(plan.gates).flatMap(({ rules }) => rules.map(({ condition }) => condition.signal))),
  };
  for (const part of ['gates', 'channels', 'messages', 'signals'] as const) {
    for (const name of Object.keys(plan[part])) {
      if (used[part].has(name)) continue;
      const message = `${part.slice(0, -1)} '${name}' is never used`;
      problems.add({ path: [part, name], code: 'unused', message, mend: 'use it or remove it', severity: 'warning', atKey: true });
    }
  }
}
