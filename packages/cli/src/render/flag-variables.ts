import { type FlagDocument, staticAnswerOf } from '@theseus/core/flag';

/** How environment variables are written. */
export const VARIABLE_FORMATS = ['dotenv', 'shell', 'json', 'docker'] as const;

export type VariableFormat = (typeof VARIABLE_FORMATS)[number];

export interface FlagVariable {
  readonly flag: string;
  readonly name: string;
  /** `true`, `false`, or a percentage such as `25`. */
  readonly value: string;
}

export interface FlagVariables {
  readonly variables: readonly FlagVariable[];
  /** Flags that no variable can stand for, with the reason. */
  readonly refused: readonly { readonly flag: string; readonly why: string }[];
}

export interface VariableOptions {
  readonly prefix: string;
  /** Only these; all where empty. */
  readonly only: readonly string[];
  /** Whether a flag that only its percentage decides is written as that number instead of being refused. */
  readonly percentages: boolean;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The flags as variables, each true or false for everybody; those that cannot be are refused by name. */
export function flagVariables(document: FlagDocument, options: VariableOptions): FlagVariables {
  const variables = new Map<string, FlagVariable>();
  const refused: { flag: string; why: string }[] = [];
  for (const flag of options.only.length === 0 ? Object.keys(document.flags).sort() : new Set(options.only)) {
    const value = variableValue(document, flag, options);
    const name = variableName(options.prefix, flag);
    const other = variables.get(name)?.flag;
    if ('why' in value) refused.push({ flag, why: value.why });
    else if (!NAME.test(name))
      refused.push({ flag, why: `'${name}' cannot be the name of a variable: give a --prefix` });
    else if (other !== undefined) refused.push({ flag, why: `its variable ${name} is that of '${other}' already` });
    else variables.set(name, { flag, name, value: value.text });
  }
  return { variables: [...variables.values()], refused };
}

function variableValue(
  document: FlagDocument,
  flag: string,
  { percentages }: VariableOptions,
): { readonly text: string } | { readonly why: string } {
  const definition = document.flags[flag];
  if (definition === undefined) return { why: 'there is no such flag' };
  const answer = staticAnswerOf(document, definition);
  switch (answer.kind) {
    case 'same':
      return { text: String(answer.arm === 'candidate') };
    case 'share':
      if (percentages) return { text: String(answer.exposure / 1000) };
      return { why: `it is at ${answer.exposure / 1000} %: --percentages writes the number` };
    case 'differs':
      return { why: answer.why };
  }
}

/** `FLAG_NEW_CACHE` for new-cache. */
function variableName(prefix: string, flag: string): string {
  return prefix + flag.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
}

/** The variables as text. Values are words and numbers, so that none needs quotes. */
export function variableLines(variables: readonly FlagVariable[], format: VariableFormat): readonly string[] {
  switch (format) {
    case 'dotenv':
      return variables.map(({ name, value }) => `${name}=${value}`);
    case 'shell':
      return variables.map(({ name, value }) => `export ${name}='${value}'`);
    case 'docker':
      return variables.map(({ name, value }) => `ENV ${name}=${value}`);
    case 'json':
      return [JSON.stringify(Object.fromEntries(variables.map(({ name, value }) => [name, value])), null, 2)];
  }
}
