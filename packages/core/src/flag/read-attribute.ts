import type { EvaluationContext } from './flag-document.ts';

/** Finds one attribute of a subject; undefined where it is absent. Throws only what the context's own getters throw. */
export type ReadAttribute = (context: EvaluationContext) => unknown;

/**
 * `account.plan` is the attribute of just that name, where the context has one, and else the `plan` in the `account`.
 * Only what somebody gave counts: no property that every JavaScript object has.
 */
export function compilePath(attribute: string): ReadAttribute {
  const parts = attribute.split('.').map(internedName);
  const whole = internedName(attribute);
  return (context) => {
    if (Object.hasOwn(context, whole)) return context[whole];
    let value: unknown = context;
    for (let at = 0; at < parts.length; at += 1) {
      const part = parts[at] as string;
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[part];
    }
    return value;
  };
}

/** Whether an attribute's name may mean one within another. */
export function isPath(attribute: string): boolean {
  return attribute.includes('.');
}

/**
 * The same text as the engine keeps it for property names. Text from JSON is not kept so when it is long, and
 * each look-up by it would then search the table of names first.
 */
export function internedName(name: string): string {
  return Object.keys({ [name]: 0 })[0] as string;
}
