import type { Load, RampProof, StageProof } from '@theseus/core/simulate';
import { formatDuration } from '@theseus/core/time';
import { groupDigits } from './foresight-report.ts';

const LONGEST_NAME = 30;
const WIDTHS = [9, 13, 9, 17];

export const PROOF_COLUMNS = ['', 'at', 'users', 'soak', 'proven after'] as const;

/** A row for each exposure of each ramp that must be proven; ramps that are alike share theirs. */
export function proofRows(proofs: readonly RampProof[]): readonly (readonly string[])[] {
  const alike = new Map<string, string[]>();
  for (const { flag, stages } of proofs) {
    const key = JSON.stringify(stages);
    alike.set(key, [...(alike.get(key) ?? []), flag]);
  }
  return [...alike].flatMap(([key, flags]) =>
    (JSON.parse(key) as readonly StageProof[]).map((stage, index) => [
      index === 0 ? flags.join(', ') : '',
      ...cellsOf(stage),
    ]),
  );
}

function cellsOf({ exposurePercent, people, soakMs, provenAfterMs }: StageProof): readonly string[] {
  const after = provenAfterMs === null ? 'not foreseeable' : formatDuration(provenAfterMs);
  return [`${exposurePercent}\u00a0%`, groupDigits(people), formatDuration(soakMs), after];
}

/** The rows as a table for a terminal; empty where nothing must be proven. */
export function proofLines(proofs: readonly RampProof[]): readonly string[] {
  const rows = proofRows(proofs);
  if (rows.length === 0) return [];
  const names = Math.min(LONGEST_NAME, Math.max(...rows.map(([name = '']) => name.length)));
  return [PROOF_COLUMNS, ...rows].flatMap(([name = '', ...cells]) => {
    const line = cells.map((cell, index) => cell.padStart(WIDTHS[index] ?? 0)).join('');
    return name.length <= names
      ? [`    ${name.padEnd(names)}${line}`]
      : [`    ${name}`, `    ${''.padEnd(names)}${line}`];
  });
}

/** `10 000 users, 1 request a minute each`. */
export function loadText({ users, requestsPerUserMinute }: Load): string {
  return `${groupDigits(users)} users, ${requestsPerUserMinute} request${requestsPerUserMinute === 1 ? '' : 's'} a minute each`;
}
