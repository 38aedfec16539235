import { EXPOSURE_WHOLE } from '../flag/index.ts';
import { isJudgedGate, needsBaseline, SHAPE_NEEDS_MS } from '../health/index.ts';
import { formatDuration } from '../time/index.ts';
import type { OrderFinding } from './check-order.ts';
import type { Command, Plan, Probe, Step } from './plan.ts';
import { capturedBy, mayComeBefore, type PlanReading, type StepReading } from './plan-reading.ts';
import type { Path } from './problems.ts';

/** What a plan promises and could not keep: undo past what cannot be undone, artefacts and baselines nobody takes. */
export function checkPromises(reading: PlanReading, { isOrdered }: OrderFinding): void {
  checkIrreversible(reading, { isOrdered });
  checkFollowUps(reading);
  checkComparisons(reading);
  checkShapes(reading);
  // What is missing before a step cannot be told while nobody knows what is before it.
  if (!isOrdered) return;
  checkArtefacts(reading);
  checkBaselines(reading);
  checkBaselinesOfContingencies(reading);
  checkRehearsals(reading);
}

/** What cannot be taken back asks for approval first, and ends what can be promised to be undone. */
function checkIrreversible(reading: PlanReading, { isOrdered }: OrderFinding): void {
  const { problems } = reading;
  for (const written of reading.steps) {
    const { id, path, source } = written;
    const isIrreversible = source['irreversible'] === true;
    const tell = (key: string, code: string, message: string, mend: string): void =>
      problems.add({ path: [...path, key], code, message, mend, atKey: true });
    if (source['undo'] !== undefined) {
      const barrier = irreversibleBefore(reading, written, { isOrdered });
      if (isIrreversible) {
        const message = `'${id}' says that it is irreversible and how to undo it`;
        tell('undo', 'irreversible-undo', message, "keep one of 'undo' and 'irreversible'");
      } else if (barrier !== undefined) {
        const message = `'${id}' promises undo after the irreversible '${barrier.id}'`;
        const mend = 'a rollback cannot go back past that step: move this one before it, or remove its undo';
        tell('undo', 'undo-after-irreversible', message, mend);
      }
    }
    if (isIrreversible && isOrdered && !mayComeBefore(reading, 'approve', id)) {
      const mend = 'put a step \'approve: "…?"\' before it, in its phase or one that it needs';
      tell('irreversible', 'irreversible-unapproved', `'${id}' is irreversible and nobody approves it`, mend);
    }
    // Undone may be what other steps did, but not that legacy has missed writes.
    const endsDualWrites = source['stage'] !== undefined && source['to'] === 'complete';
    const isApproved = source['approve'] !== undefined || mayComeBefore(reading, 'approve', id);
    if (endsDualWrites && isOrdered && !isApproved) {
      const message = `'${id}' ends the writes to legacy, which cannot be taken back, and nobody approves it`;
      tell('to', 'irreversible-unapproved', message, "add 'approve: true', or a step 'approve: \"…?\"' before it");
    }
  }
}

/** The last irreversible step before this one: by what waits for what, and by the order of the file where nothing does. */
function irreversibleBefore(
  { steps, order }: PlanReading,
  written: StepReading,
  { isOrdered }: OrderFinding,
): StepReading | undefined {
  const place = steps.indexOf(written);
  return steps.findLast((other, index) => {
    if (other.source['irreversible'] !== true || other === written) return false;
    if (isOrdered && order.isBefore(other.id, written.id)) return true;
    return index < place && !(isOrdered && order.isBefore(written.id, other.id));
  });
}

/** An artefact must be captured by the step itself or by one that is certainly over before it. */
function checkArtefacts(reading: PlanReading): void {
  const capturing = reading.steps.filter((step) => capturedBy(step).length > 0);
  const isUnread = reading.steps.some(({ kind }) => kind === null);
  for (const written of reading.steps) {
    const { id, path, step } = written;
    if (step === null || isUnread) continue;
    const before = capturing.filter((other) => reading.order.isBefore(other.id, id)).flatMap(capturedBy);
    const own = [...before, ...capturedBy(written)];
    for (const { key, command, seesOwn } of commandsOf(step)) {
      checkCommand(reading, [...path, ...key], command, new Set(seesOwn ? own : before));
    }
  }
}

interface PlacedCommand {
  readonly key: Path;
  readonly command: Command;
  /** Whether it runs after the step's own output was captured. */
  readonly seesOwn: boolean;
}

function commandsOf(step: Step): readonly PlacedCommand[] {
  const undo = undoCommands(step);
  switch (step.kind) {
    case 'run':
      return [{ key: ['run'], command: step.command, seesOwn: false }, ...undo];
    case 'backup': {
      const verify = step.verify === null ? [] : [{ key: ['verify'], command: step.verify, seesOwn: true }];
      return [{ key: ['run'], command: step.command, seesOwn: false }, ...verify, ...undo];
    }
    case 'check':
      return [...probed(['check', 'run'], step.probe), ...undo];
    case 'ramp':
      return [...step.verify.flatMap((probe, index) => probed(['verify', index, 'run'], probe)), ...undo];
    case 'freeze':
      return [
        { key: ['freeze'], command: step.command, seesOwn: false },
        { key: ['lift'], command: step.lift, seesOwn: true },
        ...undo,
      ];
    case 'approve':
    case 'baseline':
    case 'fallback-off':
    case 'notify':
    case 'point':
    case 'rehearse':
    case 'retire':
    case 'wait':
    case 'watch':
      return undo;
  }
}

function undoCommands({ undo }: Step): readonly PlacedCommand[] {
  if (undo === null) return [];
  const [first, ...others] = undo.alternatives;
  // An undo that is one command may be written as that command alone.
  const isPlain = others.length === 0 && undo.attempts === 1 && undo.onlyIf === null && !undo.rehearsable;
  if (isPlain && first !== undefined) return [{ key: ['undo'], command: first, seesOwn: true }];
  const asked = undo.onlyIf === null ? [] : probed(['undo', 'onlyIf', 'run'], undo.onlyIf, { seesOwn: true });
  const tried = undo.alternatives.map((command, index) => ({ key: ['undo', 'try', index], command, seesOwn: true }));
  return [...tried, ...asked];
}

function probed(key: Path, probe: Probe, { seesOwn = false } = {}): readonly PlacedCommand[] {
  return probe.kind === 'command' ? [{ key, command: probe.command, seesOwn }] : [];
}

/** Takes no brace into the name, so that a long text without an end is read once only. */
const TEMPLATE = /\$\{\{([^{}]*)\}\}/g;

function checkCommand({ problems }: PlanReading, path: Path, command: Command, captured: ReadonlySet<string>): void {
  if (command.argv.some((argument) => argument.replace(TEMPLATE, '').includes('${{'))) {
    const message = "the command opens an artefact with '${{' and does not close it";
    problems.add({ path, code: 'broken-artefact', message, mend: "write it like '${{ backup_id }}'" });
  }
  // Variables have been filled in; those that could not be have been told.
  for (const name of artefactsIn(command)) {
    if (captured.has(name)) continue;
    const message = `nothing before this captures '${name}'`;
    const known = [...captured].join(', ');
    const mend = known === '' ? `add 'capture: { ${name}: … }' to an earlier step` : `captured are: ${known}`;
    problems.add({ path, code: 'unknown-artefact', message, mend });
  }
}

/** What a contingency or a rollback runs may come at any time, and so may use whatever any step captures. */
function checkFollowUps(reading: PlanReading): void {
  const { plan, steps } = reading;
  if (steps.some(({ kind }) => kind === null)) return;
  const captured = new Set(steps.flatMap(capturedBy));
  for (const { name, actions } of Object.values(plan.contingencies)) {
    for (const [index, action] of actions.entries()) {
      if (action.kind !== 'run') continue;
      checkCommand(reading, ['contingencies', name, 'do', index, 'run'], action.command, captured);
    }
  }
  for (const [index, action] of plan.rollback.afterwards.entries()) {
    if (action.kind === 'run')
      checkCommand(reading, ['rollback', 'afterwards', index, 'run'], action.command, captured);
  }
}

/** What compares the arms needs a flag whose arms they are, and somebody on legacy. */
function checkComparisons({ plan, problems, steps }: PlanReading): void {
  for (const { id, path, step } of steps) {
    if (step === null || !('gate' in step)) continue;
    const gate = plan.gates[step.gate];
    if (gate === undefined || !isJudgedGate(gate)) continue;
    if (step.kind === 'watch' && step.flags.length === 0) {
      const message = `gate '${gate.name}' compares with legacy, and '${id}' names no flag whose arms are meant`;
      const mend = "add them: 'watch: { for: 1h, flags: [its-key] }'";
      problems.add({ path: [...path, 'watch'], code: 'missing-flag', message, mend });
    }
    if (step.kind !== 'ramp') continue;
    const last = step.through.length - 1;
    if (step.through[last] !== EXPOSURE_WHOLE || (step.soaksMs[last] ?? 0) === 0) continue;
    const message = `at 100 % nobody is left on legacy for gate '${gate.name}' to compare '${step.flag}' with`;
    const isStage = step.move !== undefined;
    const mend = isStage
      ? "soak before everybody is there: 'through: [50%, 100% for 0s]'"
      : "keep some until the last soak is over: 'holdback: 5%'";
    problems.add({
      path: [...path, isStage ? 'stage' : 'ramp'],
      code: 'nothing-to-compare',
      message,
      mend,
      severity: 'warning',
    });
  }
}

/** Hours of the week need two weeks to be known by. */
function checkShapes({ problems, steps }: PlanReading): void {
  for (const { path, step } of steps) {
    if (step?.kind !== 'baseline' || step.shape !== 'hour-of-week' || step.overMs >= SHAPE_NEEDS_MS) continue;
    const message = `${formatDuration(step.overMs)} hold no hour of the week twice: no shape can be learnt from them`;
    const mend = "look back over two weeks or more: 'baseline: { over: 4w, shape: hour-of-week }'";
    problems.add({ path: [...path, 'baseline', 'over'], code: 'no-shape', message, mend, severity: 'warning' });
  }
}

/** A bound that refers to the baseline needs one to be recorded before the first step that is judged by it. */
function checkBaselines(reading: PlanReading): void {
  const { plan, problems, steps } = reading;
  for (const { id, step } of steps) {
    if (step === null || !('gate' in step) || mayComeBefore(reading, 'baseline', id)) continue;
    plan.gates[step.gate]?.rules.forEach(({ condition }, index) => {
      if (!needsBaseline(condition)) return;
      const message = `'${condition.text}' compares with a baseline that nobody records before '${id}'`;
      const mend = "add a step 'baseline: { over: 24h }' before it";
      // One baseline mends all of a gate's rules, so the first of them speaks for the gate.
      const path = ['gates', step.gate, 'rules', index];
      if (!problems.has('missing-baseline', ['gates', step.gate])) {
        problems.add({ path, code: 'missing-baseline', message, mend });
      }
    });
  }
}

/** A contingency looks from the start of the run on, and can tell nothing until a baseline is recorded at all. */
function checkBaselinesOfContingencies({ plan, problems, steps }: PlanReading): void {
  if (steps.some(({ kind }) => kind === 'baseline' || kind === null)) return;
  for (const { name, gate } of Object.values(plan.contingencies)) {
    const condition = gate?.rules[0]?.condition;
    if (condition === undefined || !needsBaseline(condition)) continue;
    const message = `'${condition.text}' compares with a baseline that nobody records`;
    const mend = "add a step 'baseline: { over: 24h }'";
    problems.add({ path: ['contingencies', name, 'when'], code: 'missing-baseline', message, mend });
  }
}

/** A rehearsal that would run nothing proves nothing; and what it runs must not need artefacts that are not there yet. */
function checkRehearsals(reading: PlanReading): void {
  const { plan, problems, steps, order } = reading;
  for (const { id, path, step } of steps) {
    if (step?.kind !== 'rehearse') continue;
    const inScope = steps.filter(({ step: other }) => other !== null && isRehearsedBy(step, other, plan));
    const at = [...path, 'rehearse'];
    // What is broken, and told, may be what it would run.
    if (inScope.length === 0 && steps.every(({ step: other }) => other !== null)) {
      const mend = "declare what is safe: 'undo: { try: [ … ], rehearsable: true }', or 'verify:' on a ramp";
      problems.add({ path: at, code: 'nothing-to-rehearse', message: 'this rehearsal has nothing to run', mend });
    }
    const captured = new Set(steps.filter((other) => order.isBefore(other.id, id)).flatMap(capturedBy));
    for (const other of inScope) {
      for (const { command } of other.step === null ? [] : undoCommands(other.step)) {
        const missing = artefactsIn(command).find((name) => !captured.has(name));
        if (missing === undefined || other.step?.undo?.rehearsable !== true) continue;
        const message = `this rehearsal would undo '${other.id}', which needs '${missing}': nothing before captures it`;
        problems.add({
          path: at,
          code: 'rehearsal-order',
          message,
          mend: 'put the rehearsal after the step that does',
        });
      }
    }
  }
}

function isRehearsedBy(rehearsal: Extract<Step, { kind: 'rehearse' }>, step: Step, plan: Plan): boolean {
  const { scope, target } = rehearsal;
  const within =
    scope === 'plan' ||
    (scope === 'flag' && step.kind === 'ramp' && step.flag === target) ||
    (scope === 'phase' && plan.phases.some(({ name, steps }) => name === target && steps.includes(step)));
  return within && (step.undo?.rehearsable === true || (step.kind === 'ramp' && step.verify.length > 0));
}

function artefactsIn({ argv }: Command): readonly string[] {
  const names = argv.flatMap((argument) => [...argument.matchAll(TEMPLATE)].map(([, written = '']) => written.trim()));
  return names.filter((name) => !/^(?:vars|env)\./.test(name));
}
