import { compileFlags, type FlagDocument, parseFlagDocument } from '@theseus/core/flag';
import { byKey, flagOf, ROLLOUT, segmentOf, subjects, WHOLE } from './scenarios.ts';

export const MANY = 10_000;

/** Flags that each have a rule and a percentage. */
export function documentOf(count: number): FlagDocument {
  const rules = [{ segment: 'internal', exposure: WHOLE }];
  const flags = Array.from({ length: count }, (_, at) => flagOf(`flag-${at}`, { exposure: ROLLOUT, rules }));
  const segments = byKey([segmentOf('internal', 'country', ['nowhere'])]);
  return { version: 1, flushEveryMs: 5_000, flags: byKey(flags), segments };
}

/** All that the SDK does with a document before it answers from it, after reading its text. */
export function started(json: unknown) {
  const parsed = parseFlagDocument(json);
  if (parsed.kind === 'invalid') throw new Error(parsed.reason);
  const flags = compileFlags(parsed.document);
  flags.isCandidate('flag-1', subjects[0] as unknown as Record<string, unknown>);
  return flags;
}
