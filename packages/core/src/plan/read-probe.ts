import { checkUrl } from './check-url.ts';
import type { Probe } from './plan.ts';
import type { Path } from './problems.ts';
import { optionalSpan, type ReadingContext, readCommand } from './reading-context.ts';
import type { ProbeSource } from './source-schema.ts';

const DEFAULT_WITHIN_MS = 5_000;

/** One question to a system with the answer that is expected, or null after telling what is wrong with it. */
export function readProbe(context: ReadingContext, path: Path, source: ProbeSource): Probe | null {
  if ('http' in source) {
    const { expect } = source;
    const withinMs = optionalSpan(context, [...path, 'expect', 'within'], expect?.within, DEFAULT_WITHIN_MS);
    if (!checkUrl(context, [...path, 'http'], source.http) || withinMs === null) return null;
    return {
      kind: 'http',
      url: source.http,
      method: source.method ?? 'GET',
      expect: { status: expect?.status ?? 200, withinMs, contains: expect?.contains ?? null },
    };
  }
  const command = readCommand(context, [...path, 'run'], source.run, { repeatable: true });
  if (command === null) return null;
  const { exitCode = 0, contains = null } = source.expect ?? {};
  return { kind: 'command', command, expect: { exitCode, contains } };
}
