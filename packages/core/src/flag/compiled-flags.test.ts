import { describe, expect, test } from 'vitest';
import { bucket } from './bucket.ts';
import { compileFlags } from './compiled-flags.ts';
import type {
  EvaluationContext,
  FlagDefinition,
  FlagDocument,
  MigrationStage,
  SegmentDefinition,
} from './flag-document.ts';
import { saltState } from './murmur3.ts';

const SALT = 'cvplus-2026a';
const IN = { userId: 'user-in' };

function flag(key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition {
  return {
    key,
    enabled: true,
    cohort: 'userId',
    salt: SALT,
    exposure: 100_000,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    ...changes,
  };
}

function compile(flags: FlagDefinition[], segments: SegmentDefinition[] = []) {
  const document: FlagDocument = {
    version: 7,
    flags: Object.fromEntries(flags.map((one) => [one.key, one])),
    segments: Object.fromEntries(segments.map((one) => [one.key, one])),
    flushEveryMs: 5000,
  };
  return compileFlags(document);
}

/** Both ways of asking must agree on the arm. */
function ask(flags: ReturnType<typeof compile>, key: string, context: EvaluationContext) {
  const evaluation = flags.evaluate(key, context);
  expect(flags.isCandidate(key, context)).toBe(evaluation.arm === 'candidate');
  return evaluation;
}

describe('CompiledFlags', () => {
  test('answers legacy for a flag nobody defined', () => {
    expect(ask(compile([flag('a')]), 'b', IN)).toEqual({
      key: 'b',
      arm: 'legacy',
      variant: 'legacy',
      reason: 'ERROR',
      errorCode: 'FLAG_NOT_FOUND',
      version: 7,
    });
  });

  test('answers legacy while a flag is disabled, also to those let in', () => {
    const flags = compile([flag('a', { enabled: false, overrides: { candidate: ['user-in'], legacy: [] } })]);
    expect(ask(flags, 'a', IN)).toEqual({ key: 'a', arm: 'legacy', variant: 'legacy', reason: 'DISABLED', version: 7 });
  });

  const missing: [string, unknown][] = [
    ['no attribute', {}],
    ['an empty text', { userId: '' }],
    ['an empty text beside a targeting key', { userId: '', targetingKey: 'user-in' }],
    ['an object', { userId: {} }],
    ['a boolean', { userId: true }],
    ['no finite number', { userId: Number.NaN }],
    ['an empty targeting key', { targetingKey: '' }],
  ];
  test.each(missing)('answers legacy when the subject is %s [CO-1]', (_what, context) => {
    expect(ask(compile([flag('a')]), 'a', context as EvaluationContext)).toEqual({
      key: 'a',
      arm: 'legacy',
      variant: 'legacy',
      reason: 'DEFAULT',
      errorCode: 'TARGETING_KEY_MISSING',
      version: 7,
    });
  });

  test('lets the targeting key stand in for the cohort attribute, and numbers for their text', () => {
    const flags = compile([flag('a', { exposure: 50_000 })]);
    for (let n = 0; n < 200; n += 1) {
      const arm = bucket(saltState(SALT), String(n)) < 50_000 ? 'candidate' : 'legacy';
      expect(ask(flags, 'a', { userId: String(n) }).arm).toBe(arm);
      expect(ask(flags, 'a', { userId: n }).arm).toBe(arm);
      expect(ask(flags, 'a', { targetingKey: String(n) }).arm).toBe(arm);
      expect(ask(flags, 'a', { userId: null, targetingKey: String(n) }).arm).toBe(arm);
    }
  });

  test('lets in and keeps out by name, keeping out first', () => {
    const overrides = { candidate: ['user-in', 'user-both'], legacy: ['user-out', 'user-both'] };
    const none = compile([flag('a', { exposure: 0, overrides })]);
    const all = compile([flag('a', { overrides })]);
    expect(ask(none, 'a', { userId: 'user-in' })).toMatchObject({ arm: 'candidate', reason: 'OVERRIDE' });
    expect(ask(none, 'a', { userId: 'user-other' })).toMatchObject({ arm: 'legacy', reason: 'SPLIT' });
    expect(ask(all, 'a', { userId: 'user-out' })).toMatchObject({ arm: 'legacy', reason: 'OVERRIDE' });
    expect(ask(all, 'a', { userId: 'user-both' })).toMatchObject({ arm: 'legacy', reason: 'OVERRIDE' });
    expect(ask(all, 'a', { userId: 'user-other' })).toMatchObject({ arm: 'candidate', reason: 'SPLIT' });
  });

  test('gives members of the first matching segment that segment’s exposure', () => {
    const segments: SegmentDefinition[] = [
      { key: 'staff', conditions: [{ attribute: 'mail', operator: 'endsWith', values: ['@example.com'] }] },
      { key: 'german', conditions: [{ attribute: 'country', operator: 'in', values: ['DE'] }] },
    ];
    const rules = [
      { segment: 'nobody-defined-this', exposure: 100_000 },
      { segment: 'staff', exposure: 100_000 },
      { segment: 'german', exposure: 0 },
    ];
    const flags = compile([flag('a', { exposure: 30_000, rules })], segments);
    expect(ask(flags, 'a', { userId: 'u', mail: 'u@example.com', country: 'DE' })).toMatchObject({
      arm: 'candidate',
      reason: 'SEGMENT',
    });
    expect(ask(flags, 'a', { userId: 'u', country: 'DE' })).toMatchObject({ arm: 'legacy', reason: 'SEGMENT' });
    expect(ask(flags, 'a', { userId: 'u', country: 'FR' }).reason).toBe('SPLIT');
  });

  describe('prerequisites', () => {
    const out = { candidate: [], legacy: ['user-in'] };

    test('must all answer candidate for the same subject', () => {
      const flags = compile([
        flag('a', { requires: ['b', 'c'] }),
        flag('b'),
        flag('c', { overrides: { candidate: [], legacy: ['user-out'] } }),
      ]);
      expect(ask(flags, 'a', IN)).toMatchObject({ arm: 'candidate', reason: 'SPLIT' });
      expect(ask(flags, 'a', { userId: 'user-out' })).toMatchObject({ arm: 'legacy', reason: 'PREREQUISITE' });
    });

    test('bind those who are let in, but not those who are kept out', () => {
      const letIn = compile([
        flag('a', { requires: ['b'], overrides: { candidate: ['user-in'], legacy: [] } }),
        flag('b', { overrides: out }),
      ]);
      expect(ask(letIn, 'a', IN)).toMatchObject({ arm: 'legacy', reason: 'PREREQUISITE' });
      const keptOut = compile([flag('a', { requires: ['b'], overrides: out }), flag('b', { overrides: out })]);
      expect(ask(keptOut, 'a', IN)).toMatchObject({ arm: 'legacy', reason: 'OVERRIDE' });
    });

    test('hold through a chain longer than any call stack', () => {
      const length = 50_000;
      const chain = Array.from({ length }, (_, n) => flag(`f${n}`, { requires: n + 1 < length ? [`f${n + 1}`] : [] }));
      expect(ask(compile(chain), 'f0', IN).arm).toBe('candidate');
      chain[length - 1] = flag(`f${length - 1}`, { exposure: 0 });
      expect(ask(compile(chain), 'f0', IN)).toMatchObject({ arm: 'legacy', reason: 'PREREQUISITE' });
    });

    test('that are needed by many are asked once', () => {
      // Forty layers of two flags that each need both below: two to the fortieth paths.
      const layers = Array.from({ length: 40 }, (_, n) => [
        flag(`l${n}`, { requires: n === 0 ? [] : [`l${n - 1}`, `r${n - 1}`] }),
        flag(`r${n}`, { requires: n === 0 ? [] : [`l${n - 1}`, `r${n - 1}`] }),
      ]).flat();
      expect(ask(compile(layers), 'l39', IN).arm).toBe('candidate');
    });

    test.each([
      ['unknown', [flag('a', { requires: ['gone'] })]],
      ['unknown further down', [flag('a', { requires: ['b'] }), flag('b', { requires: ['gone'] })]],
      ['the flag itself', [flag('a', { requires: ['a'] })]],
      ['a circle', [flag('a', { requires: ['b'] }), flag('b', { requires: ['c'] }), flag('c', { requires: ['a'] })]],
      [
        'leading to a circle',
        [flag('a', { requires: ['b'] }), flag('b', { requires: ['c'] }), flag('c', { requires: ['b'] })],
      ],
    ])('that are %s hold everybody at legacy', (_what, flags) => {
      expect(ask(compile(flags), 'a', IN)).toMatchObject({ arm: 'legacy', reason: 'PREREQUISITE' });
    });
  });

  describe('never throws', () => {
    const bomb = (): never => {
      throw new Error('boom');
    };
    const hostile: [string, () => unknown][] = [
      ['null', () => null],
      ['undefined', () => undefined],
      ['a number', () => 5],
      ['a getter that throws', () => Object.defineProperty({}, 'userId', { get: bomb })],
      ['a proxy that throws', () => new Proxy({}, { get: bomb, has: bomb, getOwnPropertyDescriptor: bomb })],
      ['a revoked proxy', () => revoked()],
      ['a getter of a prerequisite that throws', () => Object.defineProperty({ userId: 'u' }, 'orgId', { get: bomb })],
    ];
    test.each(hostile)('for %s as context', (_what, context) => {
      const flags = compile([flag('a', { requires: ['b'] }), flag('b', { cohort: 'orgId' })]);
      expect(ask(flags, 'a', context() as EvaluationContext)).toMatchObject({
        arm: 'legacy',
        variant: 'legacy',
        reason: 'ERROR',
        errorCode: 'GENERAL',
      });
    });

    test.each(['__proto__', 'constructor', 'toString', ''])('for %j as flag key', (key) => {
      expect(ask(compile([flag('a')]), key, IN)).toMatchObject({ arm: 'legacy', errorCode: 'FLAG_NOT_FOUND' });
    });

    test('and serves a flag that is really named __proto__', () => {
      const document: FlagDocument = JSON.parse(
        `{"version":1,"flushEveryMs":5000,"segments":{},"flags":{"__proto__":${JSON.stringify(flag('__proto__'))}}}`,
      );
      const flags = compileFlags(document);
      expect(flags.isCandidate('__proto__', IN)).toBe(true);
      expect(JSON.stringify(flags.toDocument())).toContain('"__proto__":{"key"');
    });
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('a flag that requires a migration', () => {
  const stagesOf = (legacy: MigrationStage, candidate: MigrationStage, exposure: number) =>
    compile([
      flag('store', { exposure, migration: { stages: { legacy, candidate }, compared: 0 } }),
      flag('reader', { requires: ['store'] }),
    ]);
  const readers = (flags: ReturnType<typeof compile>): number =>
    Array.from({ length: 1_000 }, (_, at) => ({ userId: `user-${at}` })).filter((user) => {
      expect(flags.isCandidate('store', user)).toBe(flags.isCandidate('reader', user));
      expect(flags.evaluate('store', user).arm === 'candidate').toBe(flags.isCandidate('store', user));
      return flags.isCandidate('reader', user);
    }).length;

  test.each([
    ['dualwrite', 'shadow', 100_000, 0, 0],
    ['shadow', 'live', 50_000, 400, 600],
    ['live', 'live', 0, 1_000, 1_000],
    ['live', 'rampdown', 10_000, 1_000, 1_000],
  ] as const)(
    'at %s with %s for %d of 100 000 lets in whom the candidate answers',
    (legacy, candidate, exposure, least, most) => {
      const count = readers(stagesOf(legacy, candidate, exposure));
      expect(count).toBeGreaterThanOrEqual(least);
      expect(count).toBeLessThanOrEqual(most);
    },
  );
});
