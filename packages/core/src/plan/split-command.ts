export type SplitCommand =
  | { readonly kind: 'argv'; readonly argv: readonly string[] }
  | { readonly kind: 'problem'; readonly message: string; readonly mend: string };

const TOKEN = /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)|(\$\{\{[^}]*\}\})|([^\s"'\\])|(\s+)/gy;
const SHELL = /[|&;<>`]|\$\(|\$\w+|\$\{(?!\{)\w*\}?|\*|\?(?=\s|$)|(?<=^|\s)~/;

/**
 * Splits a command line into arguments by quotes and spaces. There is no shell: nothing is expanded, and what only a
 * shell would understand is a problem instead of a surprise.
 */
export function splitCommand(line: string): SplitCommand {
  const argv: string[] = [];
  let current: string | null = null;
  let bare = '';
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < line.length) {
    const match = TOKEN.exec(line);
    if (match === null)
      return { kind: 'problem', message: 'a quote is not closed', mend: 'close it, or write the command as a list' };
    const [, double, single, escaped, template, plain, space] = match;
    if (space !== undefined) {
      if (current !== null) argv.push(current);
      current = null;
      bare += ' ';
      continue;
    }
    bare += plain ?? '_';
    current = (current ?? '') + (double?.replace(/\\(.)/g, '$1') ?? single ?? escaped ?? template ?? plain ?? '');
  }
  if (current !== null) argv.push(current);
  const found = SHELL.exec(bare);
  if (found !== null) {
    const message = `'${found[0]}' would need a shell, and commands run without one`;
    return {
      kind: 'problem',
      message,
      mend: 'put it into a script and run that, or write the command as a list of arguments',
    };
  }
  if (argv.length === 0) return { kind: 'problem', message: 'the command is empty', mend: 'name the program to run' };
  return { kind: 'argv', argv };
}
