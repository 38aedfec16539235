import { compileFlags, type FlagDefinition, PER_CALL } from '@theseus/core/flag';
import { expect, it } from 'vitest';
import { OfrepText } from './ofrep-text.ts';

function flag(key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition {
  const overrides = { candidate: ['ada'], legacy: ['ben'] };
  const common = { enabled: true, cohort: 'userId', salt: 'moving..', exposure: 50_000, requires: [], rules: [] };
  return { key, overrides, ...common, fallback: true, ...changes };
}

const read = (text: Uint8Array): string => new TextDecoder().decode(text);

it('OfrepText writes what one answer after another would be', () => {
  const definitions = [
    flag('a'),
    flag('"quoted" ü\n'),
    flag('divided', {
      variants: [
        { name: 'short', weight: 50_000 },
        { name: 'long', weight: 50_000 },
      ],
    }),
    flag('by-call', { cohort: PER_CALL }),
    flag('off', { enabled: false }),
    flag('behind', { requires: ['off'], overrides: { candidate: [], legacy: [] } }),
  ];
  const flags = compileFlags({
    version: 7,
    flags: Object.fromEntries(definitions.map((one) => [one.key, one])),
    segments: {},
    flushEveryMs: 5_000,
  });
  const text = new OfrepText(flags, (evaluation) => ({ ...evaluation, isTold: true }));
  const rest = { metadata: { version: 7 }, eventStreams: [] };
  for (const subject of [{ userId: 'ada' }, { userId: 'ben' }, { userId: 'cleo' }, { userId: 'dora' }, {}]) {
    const told = [...flags.keys()].map((key) => ({ ...flags.evaluate(key, subject, 0.4), isTold: true }));
    expect(JSON.parse(read(text.write(subject, 0.4, rest)))).toEqual({ flags: told, ...rest });
  }
  const none = compileFlags({ version: 1, flags: {}, segments: {}, flushEveryMs: 5_000 });
  expect(read(new OfrepText(none, (evaluation) => evaluation).write({}, 0, rest))).toBe(
    '{"flags":[],"metadata":{"version":7},"eventStreams":[]}',
  );
});
