import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFlags } from './compiled-flags.ts';
import { explainFlag, type FlagTest } from './explain-flag.ts';
import {
  type EvaluationReason,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  MIGRATION_STAGES,
  PER_CALL,
} from './flag-document.ts';
import { NOT_DRAWN } from './own-answer.ts';

const KEYS = ['a', 'b', 'c', 'd'];
const PEOPLE = ['ana', 'ben', 'cleo', 'dan', 'eve'];
const exposure = fc.oneof(fc.integer({ min: 0, max: EXPOSURE_WHOLE }), fc.constantFrom(0, EXPOSURE_WHOLE));
const people = fc.subarray(PEOPLE, { maxLength: 2 });

const stage = fc.constantFrom(...MIGRATION_STAGES);
/** What only some flags have. */
const extras: fc.Arbitrary<Partial<FlagDefinition>> = fc.oneof(
  fc.constant({}),
  fc.record({ audience: fc.record({ segment: fc.constantFrom('near', 'nobody-defined-it'), exposure }) }),
  fc.constant({
    variants: [
      { name: 'short', weight: 30_000 },
      { name: 'long', weight: 70_000 },
    ],
  }),
  fc.record({
    migration: fc.record({ stages: fc.record({ legacy: stage, candidate: stage }), compared: fc.constant(0) }),
  }),
);

function flag(key: string): fc.Arbitrary<FlagDefinition> {
  const plain = fc.record({
    key: fc.constant(key),
    enabled: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    cohort: fc.constantFrom('userId', 'orgId', PER_CALL),
    salt: fc.constant('plan'),
    exposure,
    requires: fc.subarray([...KEYS, 'unknown'], { maxLength: 1 }),
    overrides: fc.record({ candidate: people, legacy: people }),
    rules: fc.array(fc.record({ segment: fc.constantFrom('near', 'nobody-defined-it'), exposure }), { maxLength: 2 }),
    fallback: fc.boolean(),
  });
  const any = fc.tuple(plain, extras).map(([own, extra]) => ({ ...own, ...extra }));
  return fc.oneof(
    { weight: 9, arbitrary: any },
    {
      weight: 1,
      arbitrary: plain.map((one) => ({ ...one, exposure: EXPOSURE_WHOLE, requires: [], retired: true as const })),
    },
  );
}

const documents: fc.Arbitrary<FlagDocument> = fc.tuple(...KEYS.map(flag)).map((flags) => ({
  version: 7,
  flags: Object.fromEntries(flags.map((one) => [one.key, one])),
  segments: { near: { key: 'near', conditions: [{ attribute: 'country', operator: 'in', values: ['de'] }] } },
  flushEveryMs: 5_000,
}));
const contexts = fc.record(
  { userId: fc.constantFrom(...PEOPLE), orgId: fc.constantFrom('one', 'two'), country: fc.constantFrom('de', 'at') },
  { requiredKeys: [] },
);

const REASON_OF: Readonly<Record<FlagTest['test'], EvaluationReason>> = {
  known: 'ERROR',
  enabled: 'DISABLED',
  retired: 'RETIRED',
  subject: 'DEFAULT',
  'kept-out': 'OVERRIDE',
  'let-in': 'OVERRIDE',
  rule: 'SEGMENT',
  audience: 'SEGMENT',
  stage: 'SPLIT',
  variant: 'SPLIT',
  percentage: 'SPLIT',
  requires: 'PREREQUISITE',
};

describe('explainFlag()', () => {
  it('comes to what evaluation comes to, and names as the last that decides by what it did, whatever the flags are [CO-6]', () => {
    const draws = fc.oneof(fc.constant(NOT_DRAWN), fc.double({ min: 0, max: 0.999, noNaN: true }));
    fc.assert(
      fc.property(documents, fc.constantFrom(...KEYS, 'unknown'), contexts, draws, (document, key, context, draw) => {
        const { evaluation, tests } = explainFlag(document, key, context, draw);
        expect(evaluation).toEqual(compileFlags(document).evaluate(key, context, draw));
        const last = tests.findLast(({ outcome }) => outcome === 'decides');
        expect(last && REASON_OF[last.test]).toBe(evaluation.reason);
        if (key !== 'unknown')
          expect(last?.text).toMatch(evaluation.arm === 'candidate' ? /candidate/ : /legacy$|everybody$/);
        const variant = tests.find(({ test }) => test === 'variant')?.text ?? '';
        if (
          evaluation.arm === 'candidate' &&
          document.flags[key]?.variants !== undefined &&
          !document.flags[key]?.retired
        )
          expect(variant).toContain(`'${evaluation.variant}'`);
        else expect(variant).toBe('');
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells each test in its order, with the place of the subject [CO-6]', () => {
    const plain: FlagDefinition = {
      key: 'cache',
      enabled: true,
      cohort: 'userId',
      salt: 'plan',
      exposure: 25_000,
      requires: ['store'],
      overrides: { candidate: [], legacy: ['ben'] },
      rules: [{ segment: 'near', exposure: EXPOSURE_WHOLE }],
      fallback: true,
    };
    const document: FlagDocument = {
      version: 1,
      flags: { cache: plain, store: { ...plain, key: 'store', requires: [], exposure: 0, rules: [] } },
      segments: { near: { key: 'near', conditions: [{ attribute: 'country', operator: 'in', values: ['de'] }] } },
      flushEveryMs: 5_000,
    };
    expect(explainFlag(document, 'cache', { userId: 'ana', country: 'de' }).tests).toEqual([
      { test: 'enabled', outcome: 'goes on', text: 'it is enabled' },
      { test: 'subject', outcome: 'goes on', text: "the subject is 'ana', by userId" },
      { test: 'kept-out', outcome: 'goes on', text: "'ana' is not among the 1 kept out by name" },
      { test: 'let-in', outcome: 'goes on', text: 'nobody is let in by name' },
      { test: 'rule', outcome: 'decides', text: "in segment 'near': 100 %: candidate" },
      { test: 'requires', outcome: 'decides', text: "it requires 'store', which answers legacy: legacy" },
    ]);
    const split = explainFlag(document, 'store', { targetingKey: 'cleo' }).tests.at(1);
    expect(split?.text).toBe("the subject is 'cleo', by targetingKey, as 'userId' is not given");
  });
});
