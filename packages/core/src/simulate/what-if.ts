import { TheseusError } from '../error.ts';
import { type Plan, type SignalUnit, type StepKind, suggest } from '../plan/index.ts';
import { parseDuration } from '../time/index.ts';

/** When a fault holds, counted from the start of the run. */
interface Lasting {
  readonly atMs: number;
  /** How long it lasts; to the end when absent. */
  readonly forMs?: number;
}

/** From a moment on, a signal has this value: `errors=8% at 2h`. */
export interface SignalFault extends Lasting {
  readonly kind: 'signal';
  readonly signal: string;
  /** In the signal's unit; null is silence: the source has nothing to say. */
  readonly value: number | null;
  /** Only this flag's candidate; all of them when absent. */
  readonly flag?: string;
}

/** Instances take so long to serve what was decided: `instances=slow 30s at 1d`. */
export interface SlowInstances extends Lasting {
  readonly kind: 'instances';
  readonly delayMs: number;
}

/** People take so long to agree, at one step or at all: `approval=4h`. */
export interface SlowApproval extends Lasting {
  readonly kind: 'approval';
  readonly delayMs: number;
  readonly stepId?: string;
}

/** What a step does, or what takes it back, ends badly: `effect[prepare/check]=fail`, `undo[move/run]=unknown`. */
export interface EffectFault extends Lasting {
  readonly kind: 'effect' | 'undo';
  readonly stepId: string;
  readonly outcome: 'failed' | 'unknown';
}

/** A fault to play a plan with. */
export type WhatIf = SignalFault | SlowInstances | SlowApproval | EffectFault;

const EXAMPLES =
  "'errors=8% at 2h', 'latency[flag]=900ms at 3d for 10m', 'errors=silent at 1h', 'instances=slow 30s at 1d', 'approval=4h' or 'effect[step]=fail'";
const SHAPE = /^([\w.-]+)(?:\[([^[\]]+)\])?\s*=\s*(.*?)(?:\s+at\s+(\S+))?(?:\s+for\s+(\S+))?$/;
const AMOUNT = /^(-?\d+(?:\.\d+)?)\s*(%|ms|s)?$/;
/** More faults than this in one simulation are a mistake. */
const MOST_FAULTS = 100;

/** What these do is done by the engine itself, or by people. */
const WITHOUT_EFFECT: readonly StepKind[] = ['ramp', 'approve', 'wait', 'watch'];

interface Written {
  readonly text: string;
  readonly name: string;
  readonly inside: string | undefined;
  readonly value: string;
  readonly at: string | undefined;
  readonly lasting: string | undefined;
}

/** Reads one fault, or several joined by `and`. Throws a TheseusError with the mend. */
export function parseWhatIf(text: string, plan: Plan): readonly WhatIf[] {
  const parts = text.trim().split(/\s+and\s+/);
  if (parts.length > MOST_FAULTS) throw invalid(text, `has ${parts.length} faults: write at most ${MOST_FAULTS}`);
  return parts.map((part) => parseFault(part, plan));
}

/** Whether a fault holds so long after the start. */
export function isActiveAt(fault: WhatIf, elapsedMs: number): boolean {
  return elapsedMs >= fault.atMs && (fault.forMs === undefined || elapsedMs < fault.atMs + fault.forMs);
}

function parseFault(text: string, plan: Plan): WhatIf {
  const match = SHAPE.exec(text);
  if (match === null) throw invalid(text, `is not a fault: write ${EXAMPLES}`);
  const [, name = '', inside, value = '', at, lasting] = match;
  const written: Written = { text, name, inside, value, at, lasting };
  const isSignal = plan.signals[name] !== undefined && (value === 'silent' || AMOUNT.test(value));
  if (isSignal) return signalFault(written, plan);
  switch (name) {
    case 'instances':
      return slowInstances(written);
    case 'approval':
      return slowApproval(written, plan);
    case 'effect':
    case 'undo':
      return effectFault(written, plan, name);
    default:
      return signalFault(written, plan);
  }
}

function signalFault(written: Written, plan: Plan): SignalFault {
  const { text, name, inside: flag, value } = written;
  const signal = plan.signals[name];
  const known = [...Object.keys(plan.signals), 'instances', 'approval', 'effect', 'undo'];
  if (signal === undefined) throw invalid(text, `names the unknown signal '${name}': ${suggest(name, known)}`);
  const flags = Object.keys(plan.flags);
  if (flag !== undefined && !flags.includes(flag)) {
    throw invalid(text, `names the unknown flag '${flag}': ${suggest(flag, flags)}`);
  }
  const amount = value === 'silent' ? null : amountOf(written, signal.unit);
  if (written.at === undefined) throw invalid(text, `does not say when it begins: write '${text} at 2h'`);
  return {
    kind: 'signal',
    signal: name,
    value: amount,
    ...lastingOf(written),
    ...(flag === undefined ? {} : { flag }),
  };
}

function amountOf({ text, name, value }: Written, unit: SignalUnit): number {
  const [, amount, suffix] = AMOUNT.exec(value) ?? [];
  if (amount === undefined) throw invalid(text, `has no value that can be read: write ${EXAMPLES}`);
  const fits = suffix === undefined || (suffix === '%' ? unit === 'percent' : unit === 'ms');
  if (!fits) throw invalid(text, `gives ${name} in '${suffix}', but it is measured in ${unit}: write ${amount}`);
  return Number(amount) * (suffix === 's' ? 1_000 : 1);
}

function slowInstances(written: Written): SlowInstances {
  const [, delay] = /^slow\s+(\S+)$/.exec(written.value) ?? [];
  if (delay === undefined || written.inside !== undefined) {
    throw invalid(written.text, "does not say how slow: write 'instances=slow 30s at 1d'");
  }
  return { kind: 'instances', delayMs: duration(delay, written.text), ...lastingOf(written) };
}

function slowApproval(written: Written, plan: Plan): SlowApproval {
  const delayMs = duration(written.value, written.text);
  const step = written.inside === undefined ? {} : { stepId: stepOf(written, plan) };
  return { kind: 'approval', delayMs, ...step, ...lastingOf(written) };
}

function effectFault(written: Written, plan: Plan, kind: 'effect' | 'undo'): EffectFault {
  const { text, value, inside } = written;
  if (inside === undefined) throw invalid(text, `names no step: write '${kind}[phase/step]=fail at 2h'`);
  if (value !== 'fail' && value !== 'unknown') {
    throw invalid(text, `has no outcome: write '${kind}[${inside}]=fail' or '${kind}[${inside}]=unknown'`);
  }
  const stepId = stepOf(written, plan);
  const step = plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === stepId);
  if (kind === 'effect' && step !== undefined && WITHOUT_EFFECT.includes(step.kind)) {
    throw invalid(
      text,
      `names '${stepId}', a step that runs, asks and sends nothing: name a check, run, backup or notify`,
    );
  }
  if (kind === 'undo' && step?.undo === null) {
    throw invalid(text, `names '${stepId}', which has no undo: name a step that has one`);
  }
  return { kind, stepId, outcome: value === 'fail' ? 'failed' : 'unknown', ...lastingOf(written) };
}

/** A step by its whole id, or by its name where only one phase has it. */
function stepOf({ text, inside = '' }: Written, plan: Plan): string {
  const ids = plan.phases.flatMap(({ steps }) => steps).map(({ id }) => id);
  if (ids.includes(inside)) return inside;
  const named = ids.filter((id) => id.slice(id.indexOf('/') + 1) === inside);
  if (named.length > 1)
    throw invalid(text, `names '${inside}', which several phases have: write ${named.join(' or ')}`);
  const [only] = named;
  if (only === undefined) throw invalid(text, `names the unknown step '${inside}': ${suggest(inside, ids)}`);
  return only;
}

function lastingOf({ text, at, lasting }: Written): Lasting {
  return {
    atMs: at === undefined ? 0 : duration(at, text),
    ...(lasting === undefined ? {} : { forMs: duration(lasting, text) }),
  };
}

function duration(written: string, text: string): number {
  const ms = parseDuration(written);
  if (ms === null) throw invalid(text, `has the duration '${written}', which cannot be read: write 30m, 2h or 3d`);
  return ms;
}

function invalid(text: string, why: string): TheseusError {
  return new TheseusError('invalid-argument', `What-if '${text}' ${why}`);
}
