import { TheseusError } from '@theseus/core/error';

const SECRET = /\$\{\{\s*env\.(\w+)\s*\}\}/g;

/** What every plan may name of the environment of servers and workers, without being told so one by one. */
const OPEN_PREFIX = 'THESEUS_PLAN_';

/** Fills `${{ env.NAME }}` in, at the last moment before use. The result must never be stored, logged or shown. */
export type FillSecrets = (text: string) => string;

/**
 * Fills in what plans may name: variables that begin with `THESEUS_PLAN_`, and those named here one by one. A plan comes
 * from whoever may start runs, and an address of its own choice would carry any other variable of the process out.
 *
 * @throws TheseusError `not-allowed` from the function for any other variable, `invalid-argument` for one that is not set
 */
export function planSecrets(environment: NodeJS.ProcessEnv, named: readonly string[] = []): FillSecrets {
  const open = new Set(named);
  return (text) =>
    text.replace(SECRET, (_whole, name: string) => {
      if (!name.startsWith(OPEN_PREFIX) && !open.has(name)) {
        throw new TheseusError(
          'not-allowed',
          `A plan may not read the environment variable ${name} here: name it ${OPEN_PREFIX}${name}, or start servers and workers with --plan-variable ${name}`,
        );
      }
      const value = environment[name];
      if (value !== undefined) return value;
      throw new TheseusError('invalid-argument', `The environment variable ${name} is not set where this server runs`);
    });
}
