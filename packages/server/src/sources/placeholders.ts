const PLACEHOLDER_OR_ARM = /\$\{\{\s*(flag|environment|arm)\s*\}\}/g;
const PLACEHOLDER = /\$\{\{\s*(flag|environment)\s*\}\}/g;

/** What is judged. */
export interface Judged {
  readonly flag: string | null;
  readonly environment: string;
}

/** Whether a query asks for the flag. */
export function asksForFlag(query: string): boolean {
  return [...query.matchAll(PLACEHOLDER)].some(([, name]) => name === 'flag');
}

/** Fills flag, environment and, where it is known, the arm into PromQL, as they must be written between quotes of a label. */
export function fillPromQl(query: string, judged: Judged & { readonly arm?: string }): string {
  const names = judged.arm === undefined ? PLACEHOLDER : PLACEHOLDER_OR_ARM;
  return query.replace(names, (_whole, name: keyof typeof judged) =>
    (judged[name] ?? '').replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n'),
  );
}

/** Whether a query asks for the arm. */
export function asksForArm(query: string): boolean {
  return /\$\{\{\s*arm\s*\}\}/.test(query);
}

/** The query with `$1`, `$2` for flag and environment, and what they are bound to: never part of the text. */
export function bindSql(query: string, judged: Judged): { readonly text: string; readonly values: readonly string[] } {
  const names: (keyof Judged)[] = [];
  const text = query.replace(PLACEHOLDER, (_whole, name: keyof Judged) => {
    if (!names.includes(name)) names.push(name);
    return `$${names.indexOf(name) + 1}`;
  });
  return { text, values: names.map((name) => judged[name] ?? '') };
}
