import type { Baseline } from '../health/index.ts';
import type { Effect, EffectResult } from '../rollout/index.ts';
import { type EffectFault, isActiveAt, type WhatIf } from './what-if.ts';

const EFFECT_MS = 1_000;
const CONFIRM_MS = 200;

/** What the world outside a virtual run does, by the faults it is played with. Times are milliseconds since the start. */
export interface VirtualWorld {
  /** How long instances take to serve a decided exposure. */
  confirmMs(elapsedMs: number): number;
  /** How long the people who are asked at a step take to agree. */
  approvalMs(stepId: string, elapsedMs: number): number;
  /** How an effect ends. It takes `durationMs`, which is nominal: nobody knows how long a program would take. */
  effectResult(effect: Effect, elapsedMs: number): EffectResult;
}

export interface VirtualWorldOptions {
  readonly whatIf: readonly WhatIf[];
  readonly approvalDelayMs: number;
  readonly baseline: (at: number, overMs: number) => Baseline;
}

export function virtualWorld({ whatIf, approvalDelayMs, baseline }: VirtualWorldOptions): VirtualWorld {
  const slow = whatIf.filter((fault) => fault.kind === 'instances');
  const late = whatIf.filter((fault) => fault.kind === 'approval');
  const broken = whatIf.filter((fault): fault is EffectFault => fault.kind === 'effect' || fault.kind === 'undo');
  return {
    confirmMs: (elapsedMs) => slow.find((fault) => isActiveAt(fault, elapsedMs))?.delayMs ?? CONFIRM_MS,
    approvalMs: (stepId, elapsedMs) => {
      const active = late.filter((fault) => isActiveAt(fault, elapsedMs));
      const own = active.find((fault) => fault.stepId === stepId);
      return (own ?? active.find((fault) => fault.stepId === undefined))?.delayMs ?? approvalDelayMs;
    },
    effectResult: (effect, elapsedMs) => {
      const fault = broken.find((known) => known.stepId === stepOf(effect, known.kind) && isActiveAt(known, elapsedMs));
      return fault === undefined ? success(effect, baseline) : failure(fault.outcome);
    },
  };
}

function stepOf({ purpose }: Effect, kind: 'effect' | 'undo'): string | null {
  if (kind === 'effect') return purpose.kind === 'step' ? purpose.stepId : null;
  return purpose.kind === 'undo' ? purpose.stepId : null;
}

function success({ request, requestedAt }: Effect, baseline: VirtualWorldOptions['baseline']): EffectResult {
  const common = { outcome: 'succeeded', summary: 'simulated', durationMs: EFFECT_MS } as const;
  if (request.kind === 'baseline') {
    return { ...common, baselines: { '*': baseline(requestedAt, request.overMs) } };
  }
  if (request.kind !== 'command') return common;
  return { ...common, captures: Object.fromEntries(request.captures.map(({ name }) => [name, `simulated-${name}`])) };
}

function failure(outcome: 'failed' | 'unknown'): EffectResult {
  const summary = outcome === 'failed' ? 'it fails, as asked for' : 'it is cut off, as asked for';
  return { outcome, summary, durationMs: EFFECT_MS };
}
