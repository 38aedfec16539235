import { TheseusError } from '../error.ts';
import type { Plan } from '../plan/index.ts';
import { parseDuration } from '../time/index.ts';

/** From a moment on, a signal has this value: `errors=8% at 2h`. */
export interface WhatIf {
  readonly signal: string;
  /** In the signal's unit; null is silence: the source has nothing to say. */
  readonly value: number | null;
  /** After the start. */
  readonly atMs: number;
  /** Only this flag's candidate; all of them when absent. */
  readonly flag?: string;
  /** How long it lasts; to the end when absent. */
  readonly forMs?: number;
}

const SHAPE =
  /^\s*([\w-]+)(?:\[([\w-]+)\])?\s*=\s*(silent|-?\d+(?:\.\d+)?)\s*(%|ms|s)?\s+at\s+(\S+)(?:\s+for\s+(\S+))?\s*$/;

/** Reads `errors=8% at 2h`, `latency[cache]=900ms at 3d for 10m` or `errors=silent at 1h`. Throws a TheseusError with the mend. */
export function parseWhatIf(text: string, plan: Plan): WhatIf {
  const match = SHAPE.exec(text);
  if (match === null) {
    throw new TheseusError(
      'invalid-argument',
      `Cannot read what-if '${text}': write it as 'errors=8% at 2h', 'latency[flag]=900ms at 3d for 10m' or 'errors=silent at 1h'`,
    );
  }
  const [, signal = '', flag, amount = '', unit, at = '', lasting] = match;
  const known = Object.keys(plan.signals);
  if (!known.includes(signal)) {
    throw new TheseusError(
      'invalid-argument',
      `Unknown signal '${signal}' in what-if '${text}', the plan has: ${known.join(', ')}`,
    );
  }
  if (flag !== undefined && plan.flags[flag] === undefined) {
    throw new TheseusError(
      'invalid-argument',
      `Unknown flag '${flag}' in what-if '${text}', the plan has: ${Object.keys(plan.flags).join(', ')}`,
    );
  }
  const value = amount === 'silent' ? null : Number(amount) * (unit === 's' ? 1000 : 1);
  return {
    signal,
    value,
    atMs: duration(at, text),
    ...(flag === undefined ? {} : { flag }),
    ...(lasting === undefined ? {} : { forMs: duration(lasting, text) }),
  };
}

function duration(written: string, text: string): number {
  const ms = parseDuration(written);
  if (ms === null)
    throw new TheseusError(
      'invalid-argument',
      `Cannot read the duration '${written}' in what-if '${text}': write 30m, 2h or 3d`,
    );
  return ms;
}
