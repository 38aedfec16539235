import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucket } from './bucket.ts';
import { applyPatch, compileFlags } from './compiled-flags.ts';
import { EXPOSURE_WHOLE, type FlagDefinition, type FlagDocument, type FlagPatch } from './flag-document.ts';
import { saltState } from './murmur3.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];
const SUBJECTS = Array.from({ length: 40 }, (_, n) => `user-${n}`);
const SEGMENTS: FlagDocument['segments'] = {
  even: { key: 'even', conditions: [{ attribute: 'parity', operator: 'in', values: ['even'] }] },
  high: { key: 'high', conditions: [{ attribute: 'n', operator: 'atLeast', value: 20 }] },
};

const ALONE: FlagDefinition = {
  key: 'a',
  enabled: true,
  cohort: 'userId',
  salt: 'plan',
  exposure: 0,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [],
  fallback: true,
};

const exposure = fc.integer({ min: 0, max: EXPOSURE_WHOLE });
const subjects = fc.subarray(SUBJECTS, { maxLength: 4 });
const definition = (key: string): fc.Arbitrary<FlagDefinition> =>
  fc.record({
    key: fc.constant(key),
    enabled: fc.boolean(),
    cohort: fc.constantFrom('userId', 'orgId'),
    salt: fc.constantFrom('plan', 'cvplus-2026a'),
    exposure: fc.oneof(exposure, fc.constantFrom(0, EXPOSURE_WHOLE)),
    requires: fc.subarray(KEYS, { maxLength: 2 }),
    overrides: fc.record({ candidate: subjects, legacy: subjects }),
    rules: fc.array(fc.record({ segment: fc.constantFrom('even', 'high', 'none'), exposure }), { maxLength: 2 }),
    fallback: fc.boolean(),
  });
const flagsOf = (keys: readonly string[]): fc.Arbitrary<Record<string, FlagDefinition>> =>
  fc.tuple(...keys.map(definition)).map((all) => Object.fromEntries(all.map((one) => [one.key, one])));
const someFlags = fc.subarray(KEYS).chain(flagsOf);

function documentOf(version: number, flags: Record<string, FlagDefinition>): FlagDocument {
  return { version, flags, segments: SEGMENTS, flushEveryMs: 5000 };
}

function contextOf(userId: string) {
  const n = Number(userId.slice(5));
  return { userId, orgId: `org-${n % 5}`, parity: n % 2 === 0 ? 'even' : 'odd', n };
}

function candidates(flag: FlagDefinition): Set<string> {
  const flags = compileFlags(documentOf(1, { [flag.key]: flag }));
  return new Set(
    Array.from({ length: 500 }, (_, n) => `user-${n}`).filter((userId) =>
      flags.isCandidate(flag.key, contextOf(userId)),
    ),
  );
}

/** One flag that only its percentage, its overrides and its segments decide. */
const lone = definition('a').map((flag) => ({ ...flag, requires: [] }));

describe('exposure', () => {
  test('keeps everyone when it grows [CO-1]', () => {
    fc.assert(
      fc.property(lone, exposure, exposure, (flag, one, other) => {
        const before = candidates({ ...flag, exposure: Math.min(one, other) });
        const after = candidates({ ...flag, exposure: Math.max(one, other) });
        for (const userId of before) expect(after.has(userId)).toBe(true);
      }),
    );
  });

  test('removes the last in first when it shrinks [CO-1]', () => {
    const growth = fc.array(exposure, { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(growth, exposure, (steps, shrunk) => {
        const joinedAt = new Map<string, number>();
        for (const step of steps.toSorted((left, right) => left - right)) {
          for (const userId of candidates({ ...ALONE, exposure: step })) {
            if (!joinedAt.has(userId)) joinedAt.set(userId, step);
          }
        }
        const left = candidates({ ...ALONE, exposure: shrunk });
        const stepsOf = (stays: boolean) =>
          [...joinedAt].filter(([userId]) => left.has(userId) === stays).map(([, step]) => step);
        // Whoever leaves came no earlier than anyone who stays.
        expect(Math.min(...stepsOf(false))).toBeGreaterThanOrEqual(Math.max(...stepsOf(true)));
      }),
    );
  });

  test('takes a subject in exactly when it exceeds the subject’s bucket [CO-1]', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (userId) => {
        const place = bucket(saltState('plan'), userId);
        const at = (share: number) =>
          compileFlags(documentOf(1, { a: { ...ALONE, exposure: share } })).isCandidate('a', { userId });
        expect([at(place), at(place + 1)]).toEqual([false, true]);
      }),
    );
  });

  test('takes nobody at 0 and everybody at 100 %', () => {
    const flag = (share: number): FlagDefinition => ({ ...ALONE, exposure: share });
    expect(candidates(flag(0)).size).toBe(0);
    expect(candidates(flag(EXPOSURE_WHOLE)).size).toBe(500);
  });

  test('picks the same people for every flag of one plan', () => {
    fc.assert(
      fc.property(exposure, (share) => {
        const flag = (key: string): FlagDefinition => ({ ...ALONE, key, salt: 'cvplus-2026a', exposure: share });
        expect(candidates(flag('cv-analyzer'))).toEqual(candidates(flag('circuit-breaker')));
      }),
    );
  });
});

describe('a missing subject', () => {
  test('takes legacy, whatever the flag [CO-1]', () => {
    fc.assert(
      fc.property(definition('a'), (flag) => {
        const flags = compileFlags(documentOf(1, { a: flag }));
        expect(flags.isCandidate('a', { parity: 'even', n: 30 })).toBe(false);
        expect(flags.evaluate('a', { parity: 'even', n: 30 }).arm).toBe('legacy');
      }),
    );
  });
});

describe('applyPatch()', () => {
  test('answers as a full compilation would, after any row of patches', () => {
    const changes = fc.array(fc.tuple(someFlags, fc.subarray(KEYS), fc.boolean()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(someFlags, changes, (start, rounds) => {
        let flags: Record<string, FlagDefinition> = { ...start };
        const compiled = compileFlags(documentOf(1, start));
        rounds.forEach(([changed, gone, askBetween], round) => {
          // Asked in between, everything is compiled and must be dropped again where it changes.
          if (askBetween) askAll(compiled);
          const removed = gone.filter((key) => !Object.hasOwn(changed, key));
          const patch: FlagPatch = { from: round + 1, version: round + 2, flags: changed, removed };
          expect(applyPatch(compiled, patch)).toBe(compiled);
          flags = { ...flags, ...changed };
          for (const key of removed) delete flags[key];
        });
        const whole = compileFlags(documentOf(rounds.length + 1, flags));
        expect(askAll(compiled)).toEqual(askAll(whole));
        expect(compiled.toDocument()).toEqual(whole.toDocument());
      }),
      { numRuns: 300 },
    );
  });
});

function askAll(compiled: ReturnType<typeof compileFlags>) {
  return KEYS.flatMap((key) =>
    SUBJECTS.map((userId) => {
      const evaluation = compiled.evaluate(key, contextOf(userId));
      expect(compiled.isCandidate(key, contextOf(userId))).toBe(evaluation.arm === 'candidate');
      return evaluation;
    }),
  );
}
