import { TheseusError } from '../error.ts';
import type { Gate } from '../health/index.ts';
import type { Contingency, Phase, Plan, Risk, Signal, Step } from './plan.ts';

/** However much time is compressed, health is not judged more often than this … */
const FASTEST_GATE_MS = 100;
/** … nor is a source given up for a shorter silence, since it does not come back faster … */
const SHORTEST_BLIND_MS = 60_000;
/** … nor by less traffic than this, nor is a value stale sooner. */
const SHORTEST_OVER_MS = 1_000;
const SHORTEST_FRESH_MS = 3_000;

/**
 * The same plan with every wait of its own divided by the factor: soaks, waits, intervals, `for` and `over`, and the
 * distance from T of every moment of the timeline. Windows and instants of the calendar stay.
 *
 * Time-outs, budgets and response times stay, since programs and networks do not run faster for it.
 */
export function compressPlan(plan: Plan, factor: number): Plan {
  if (!Number.isFinite(factor) || factor < 1) {
    throw new TheseusError('invalid-argument', `Cannot compress time by ${factor}: write a number from 1 on`);
  }
  if (factor === 1) return plan;
  return {
    ...plan,
    timeCompression: plan.timeCompression * factor,
    signals: mapValues(plan.signals, (signal) => compressSignal(signal, factor)),
    gates: mapValues(plan.gates, (gate) => compressGate(gate, factor)),
    contingencies: mapValues(plan.contingencies, (contingency) => compressContingency(contingency, factor)),
    risks: mapValues(
      plan.risks,
      (risk): Risk => ({ ...risk, soaksMs: risk.soaksMs.map((soakMs) => divide(soakMs, factor)) }),
    ),
    phases: plan.phases.map(
      (phase): Phase => ({
        ...phase,
        steps: phase.steps.map((step) => compressStep(drawnToLaunch(step, plan.launchAt, factor), factor)),
      }),
    ),
  };
}

function compressSignal(signal: Signal, factor: number): Signal {
  return {
    ...signal,
    overMs: floored(signal.overMs, factor, SHORTEST_OVER_MS),
    freshForMs: floored(signal.freshForMs, factor, SHORTEST_FRESH_MS),
  };
}

function compressGate(gate: Gate, factor: number): Gate {
  return {
    ...gate,
    everyMs: floored(gate.everyMs, factor, FASTEST_GATE_MS),
    ...(gate.warmUpMs === undefined ? {} : { warmUpMs: divide(gate.warmUpMs, factor) }),
    ...(gate.maxBlindMs === undefined ? {} : { maxBlindMs: floored(gate.maxBlindMs, factor, SHORTEST_BLIND_MS) }),
    rules: gate.rules.map(({ condition, action }) => ({
      condition: { ...condition, forMs: divide(condition.forMs, factor) },
      action: action.kind === 'rollback' ? { ...action, overMs: divide(action.overMs, factor) } : action,
    })),
  };
}

function compressContingency(contingency: Contingency, factor: number): Contingency {
  const { gate, cooldownMs } = contingency;
  return {
    ...contingency,
    gate: gate && compressGate(gate, factor),
    cooldownMs: cooldownMs === null ? null : divide(cooldownMs, factor),
  };
}

/** T stays where it is in the calendar; the moments of its timeline draw nearer to it. */
function drawnToLaunch(step: Step, launchAt: number | null, factor: number): Step {
  if (launchAt === null || step.notBefore === null) return step;
  return { ...step, notBefore: launchAt + divide(step.notBefore - launchAt, factor) };
}

function compressStep(step: Step, factor: number): Step {
  switch (step.kind) {
    case 'ramp':
      return { ...step, soaksMs: step.soaksMs.map((soakMs) => divide(soakMs, factor)) };
    case 'baseline':
      return { ...step, overMs: floored(step.overMs, factor, SHORTEST_OVER_MS) };
    case 'watch':
      return { ...step, forMs: divide(step.forMs, factor) };
    case 'retire':
      return { ...step, afterMs: divide(step.afterMs, factor) };
    case 'wait':
      return step.until.kind === 'duration'
        ? { ...step, until: { kind: 'duration', durationMs: divide(step.until.durationMs, factor) } }
        : step;
    case 'check':
    case 'run':
    case 'backup':
    case 'approve':
    case 'notify':
    case 'rehearse':
    case 'fallback-off':
    case 'point':
    case 'freeze':
      return step;
  }
}

function divide(ms: number, factor: number): number {
  return Math.round(ms / factor);
}

/** Never shorter than the floor, and never longer than it was. */
function floored(ms: number, factor: number, floor: number): number {
  return Math.min(ms, Math.max(floor, divide(ms, factor)));
}

function mapValues<Value>(
  values: Readonly<Record<string, Value>>,
  change: (value: Value) => Value,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
