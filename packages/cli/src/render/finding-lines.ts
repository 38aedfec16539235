import type { Finding } from '@theseus/server';

/** A finding that may also be of the way to the server, which the server itself cannot see. */
export type ShownFinding = Omit<Finding, 'check'> & { readonly check: Finding['check'] | 'server' };

const STATUS_WIDTH = 6;
const CHECK_WIDTH = 10;

/** One line for what was found and, where it is not well, one for the mend. */
export function findingLines({ check, status, found, mend }: ShownFinding): readonly string[] {
  const head = `${status.padEnd(STATUS_WIDTH)}${check.padEnd(CHECK_WIDTH)}${found}`;
  return mend === null ? [head] : [head, `${' '.repeat(STATUS_WIDTH + CHECK_WIDTH)}→ ${mend}`];
}
