/** What the doctor looks at, in the order in which it tells. */
export const CHECKS = ['database', 'clocks', 'machines', 'commands', 'leases', 'jobs', 'sources', 'channels'] as const;

export type Check = (typeof CHECKS)[number];

/** One line of the doctor: what was found and, where it is not well, the mend. */
export interface Finding {
  readonly check: Check;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly found: string;
  readonly mend: string | null;
}

/** Looks whether everything that runs depend on is well. Changes nothing. */
export interface DoctorService {
  examine(checks?: readonly Check[]): Promise<readonly Finding[]>;
}
