import type { FlagDefinition, FlagDocument, FlagPatch } from './flag-document.ts';

const NOTHING: readonly never[] = Object.freeze([]);

/** What most definitions have of lists: none. Shared by all of them, so it is never to be changed. */
const NOBODY = Object.freeze({ candidate: NOTHING, legacy: NOTHING });

type Lists = 'overrides' | 'requires' | 'rules';

/** A definition as it is sent: lists that are empty are left out. */
export type SentDefinition = Omit<FlagDefinition, Lists> & Partial<Pick<FlagDefinition, Lists>>;

/** A document as it is sent to evaluators. Reading empty lists is much of what starting with many flags takes. */
export function sentDocument(document: FlagDocument): Omit<FlagDocument, 'flags'> & SentFlags {
  return { ...document, flags: sentFlags(document.flags) };
}

/** A patch as it is sent. */
export function sentPatch(patch: FlagPatch): Omit<FlagPatch, 'flags'> & SentFlags {
  return { ...patch, flags: sentFlags(patch.flags) };
}

interface SentFlags {
  readonly flags: Readonly<Record<string, SentDefinition>>;
}

function sentFlags(flags: FlagDocument['flags']): SentFlags['flags'] {
  return Object.fromEntries(Object.entries(flags).map(([key, definition]) => [key, sentDefinition(definition)]));
}

function sentDefinition({ requires, overrides, rules, ...others }: FlagDefinition): SentDefinition {
  const named = overrides.candidate.length + overrides.legacy.length;
  return {
    ...others,
    ...(requires.length === 0 ? {} : { requires }),
    ...(named === 0 ? {} : { overrides }),
    ...(rules.length === 0 ? {} : { rules }),
  };
}

/** Puts back what was left out, into the value itself: a copy of ten thousand flags would cost what leaving it out has saved. */
export function fillIn(sent: Record<string, unknown>): void {
  if (sent['requires'] === undefined) sent['requires'] = NOTHING;
  if (sent['overrides'] === undefined) sent['overrides'] = NOBODY;
  if (sent['rules'] === undefined) sent['rules'] = NOTHING;
}
