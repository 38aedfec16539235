import type { Path } from './problems.ts';
import type { ReadingContext } from './reading-context.ts';

/** Addresses must be http or https. What stands in `${{ env.NAME }}` is filled in where it is used, never here. */
export function checkUrl(context: ReadingContext, path: Path, text: string): boolean {
  const filled = text.replace(/\$\{\{\s*env\.\w+\s*\}\}/g, (_whole, offset: number) =>
    offset === 0 ? 'http://secret.invalid' : 'secret',
  );
  // A variable without a value has been told already.
  if (/\$\{\{\s*vars\.[^{}]*\}\}/.test(filled)) return true;
  if (filled.includes('${{')) {
    const mend = 'an address may hold ${{ vars.name }} and ${{ env.NAME }} only';
    context.problems.add({ path, code: 'invalid-url', message: `'${text}' holds what nothing fills in`, mend });
    return false;
  }
  if (URL_SHAPE.test(filled)) return true;
  context.problems.add({
    path,
    code: 'invalid-url',
    message: `'${text}' is not an http address`,
    mend: 'write http://… or https://…',
  });
  return false;
}

const URL_SHAPE = /^https?:\/\/[^\s/?#][^\s]*$/;
