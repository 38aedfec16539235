import type { OrderFinding } from './check-order.ts';
import type { Command, Probe, Step } from './plan.ts';
import { capturedBy, mayComeBefore, type PlanReading, type StepReading } from './plan-reading.ts';
import type { Path } from './problems.ts';

/** What a plan promises and could not keep: undo past what cannot be undone, artefacts and baselines nobody takes. */
export function checkPromises(reading: PlanReading, { isOrdered }: OrderFinding): void {
  checkIrreversible(reading, { isOrdered });
  // What is missing before a step cannot be told while nobody knows what is before it.
  if (!isOrdered) return;
  checkArtefacts(reading);
  checkBaselines(reading);
}

/** What cannot be taken back asks for approval first, and ends what can be promised to be undone. */
function checkIrreversible(reading: PlanReading, { isOrdered }: OrderFinding): void {
  const { problems } = reading;
  let last: StepReading | null = null;
  for (const written of reading.steps) {
    const { id, path, source } = written;
    const isIrreversible = source['irreversible'] === true;
    const tell = (key: string, code: string, message: string, mend: string): void =>
      problems.add({ path: [...path, key], code, message, mend, atKey: true });
    if (source['undo'] !== undefined && isIrreversible) {
      const message = `'${id}' says that it is irreversible and how to undo it`;
      tell('undo', 'irreversible-undo', message, "keep one of 'undo' and 'irreversible'");
    } else if (source['undo'] !== undefined && last !== null) {
      const message = `'${id}' promises undo after the irreversible '${last.id}'`;
      const mend = 'a rollback cannot go back past that step: move this one before it, or remove its undo';
      tell('undo', 'undo-after-irreversible', message, mend);
    }
    if (!isIrreversible) continue;
    if (isOrdered && !mayComeBefore(reading, 'approve', id)) {
      const mend = 'put a step \'approve: "…?"\' before it, in its phase or one that it needs';
      tell('irreversible', 'irreversible-unapproved', `'${id}' is irreversible and nobody approves it`, mend);
    }
    last = written;
  }
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
  const undo = step.undo === null ? [] : [{ key: ['undo'], command: step.undo, seesOwn: true }];
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
    case 'approve':
    case 'baseline':
    case 'notify':
    case 'wait':
    case 'watch':
      return undo;
  }
}

function probed(key: Path, probe: Probe): readonly PlacedCommand[] {
  return probe.kind === 'command' ? [{ key, command: probe.command, seesOwn: false }] : [];
}

/** Takes no brace into the name, so that a long text without an end is read once only. */
const TEMPLATE = /\$\{\{([^{}]*)\}\}/g;

function checkCommand({ problems }: PlanReading, path: Path, command: Command, captured: ReadonlySet<string>): void {
  for (const [, written = ''] of command.argv.join(' ').matchAll(TEMPLATE)) {
    const name = written.trim();
    // Variables have been filled in; those that could not be have been told.
    if (captured.has(name) || /^(?:vars|env)\./.test(name)) continue;
    const message = `nothing before this captures '${name}'`;
    const known = [...captured].join(', ');
    const mend = known === '' ? `add 'capture: { ${name}: … }' to an earlier step` : `captured are: ${known}`;
    problems.add({ path, code: 'unknown-artefact', message, mend });
  }
}

/** A bound that refers to the baseline needs one to be recorded before the first step that is judged by it. */
function checkBaselines(reading: PlanReading): void {
  const { plan, problems, steps } = reading;
  for (const { id, step } of steps) {
    if (step === null || !('gate' in step) || mayComeBefore(reading, 'baseline', id)) continue;
    plan.gates[step.gate]?.rules.forEach(({ condition }, index) => {
      if (condition.bound.kind === 'absolute' || condition.bound.reference !== 'baseline') return;
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
