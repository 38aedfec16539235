import type { Check, Finding } from '../../ports/doctor.ts';

/** The three kinds of findings of one check. */
export function findingsOf(check: Check) {
  return {
    ok: (found: string): Finding => ({ check, status: 'ok', found, mend: null }),
    warn: (found: string, mend: string): Finding => ({ check, status: 'warn', found, mend }),
    fail: (found: string, mend: string): Finding => ({ check, status: 'fail', found, mend }),
  };
}
