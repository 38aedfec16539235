import { TheseusError } from '@theseus/core/error';

const SECRET = /\$\{\{\s*env\.(\w+)\s*\}\}/g;

/** Fills `${{ env.NAME }}` in, at the last moment before use. The result must never be stored, logged or shown. */
export function fillSecrets(text: string, environment: NodeJS.ProcessEnv): string {
  return text.replace(SECRET, (_whole, name: string) => {
    const value = environment[name];
    if (value !== undefined) return value;
    throw new TheseusError('invalid-argument', `The environment variable ${name} is not set where this server runs`);
  });
}
