import { FlagdCore, MemoryStorage } from '@openfeature/flagd-core';
import {
  type AttributeCondition,
  compileFlags,
  EXPOSURE_WHOLE,
  type FlagDefinition,
  type FlagDocument,
  flagdDefinitions,
  type MigrationStage,
} from '@theseus/core/flag';
import { describe, expect, it } from 'vitest';
import { testSeed } from '../setup/test-seed.ts';

const SUBJECTS = 100_000;

const PLAIN: FlagDefinition = {
  key: '',
  enabled: true,
  cohort: 'userId',
  salt: 'cvplus-2026a',
  exposure: 0,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [],
  fallback: true,
};
const given = (key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition => ({ ...PLAIN, key, ...changes });

const moving = (legacy: MigrationStage, candidate: MigrationStage) => ({ stages: { legacy, candidate }, compared: 0 });

const SEGMENTS: Readonly<Record<string, readonly AttributeCondition[]>> = {
  near: [{ attribute: 'country', operator: 'in', values: ['de', 'at', 7, true] }],
  far: [{ attribute: 'country', operator: 'notIn', values: ['de', 'at', 7, true] }],
  staff: [
    { attribute: 'email', operator: 'endsWith', values: ['@ours.example', '@theirs.example'] },
    { attribute: 'age', operator: 'atLeast', value: 18 },
  ],
  young: [{ attribute: 'age', operator: 'below', value: 30 }],
  old: [{ attribute: 'age', operator: 'above', value: 60 }],
  most: [{ attribute: 'age', operator: 'atMost', value: 60 }],
  a: [{ attribute: 'email', operator: 'startsWith', values: ['a'] }],
  nobody: [{ attribute: 'email', operator: 'startsWith', values: [] }],
  everybody: [],
};

const DOCUMENT: FlagDocument = {
  version: 1,
  flushEveryMs: 5_000,
  segments: Object.fromEntries(Object.entries(SEGMENTS).map(([key, conditions]) => [key, { key, conditions }])),
  flags: Object.fromEntries(
    [
      given('dark'),
      given('full', { exposure: EXPOSURE_WHOLE }),
      given('off', { enabled: false, exposure: EXPOSURE_WHOLE, overrides: { candidate: ['user-1'], legacy: [] } }),
      given('retired', { retired: true, exposure: EXPOSURE_WHOLE, overrides: { candidate: [], legacy: ['user-1'] } }),
      given('thin', { exposure: 1 }),
      given('half', { exposure: 50_000 }),
      given('by-org', { exposure: 33_333, cohort: 'orgId', salt: 'other-plan-1' }),
      given('by-key', { exposure: 66_667, cohort: 'targetingKey' }),
      given('named', { exposure: 10_000, overrides: { candidate: ['user-1', '42'], legacy: ['user-2', 'user-3'] } }),
      given('segments', {
        exposure: 5_000,
        rules: ['staff', 'near', 'unknown', 'old', 'a'].map((segment, at) => ({
          segment,
          exposure: 90_000 - at * 20_000,
        })),
      }),
      given('others', { rules: ['nobody', 'far', 'young', 'most'].map((segment) => ({ segment, exposure: 25_000 })) }),
      given('all-members', { rules: [{ segment: 'everybody', exposure: 75_000 }] }),
      given('requires', { exposure: 80_000, requires: ['half', 'named'] }),
      given('requires-deeply', { exposure: EXPOSURE_WHOLE, requires: ['requires', 'full', 'retired'] }),
      given('requires-dark', { exposure: EXPOSURE_WHOLE, requires: ['dark'] }),
      given('requires-unknown', { exposure: EXPOSURE_WHOLE, requires: ['nothing'] }),
      given('new-users', { audience: { segment: 'young', exposure: 40_000 } }),
      given('nobody-yet', { audience: { segment: 'unknown', exposure: EXPOSURE_WHOLE } }),
      given('copying', { exposure: 50_000, migration: moving('off', 'dualwrite') }),
      given('going-live', { exposure: 50_000, migration: moving('shadow', 'live') }),
      given('live', { migration: moving('live', 'live') }),
      given('requires-live', { exposure: 70_000, requires: ['going-live', 'new-users'] }),
      given('circle-a', { exposure: EXPOSURE_WHOLE, requires: ['circle-b'] }),
      given('circle-b', { exposure: EXPOSURE_WHOLE, requires: ['circle-a'] }),
    ].map((flag) => [flag.key, flag]),
  ),
};

/** Numbers that look random and are the same each time (mulberry32). */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Attributes as they come, the wrong ones included. */
function contextFrom(next: () => number): Record<string, string | number | boolean | null> {
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item;
  const name = `user-${Math.floor(next() * 1_000_000)}`;
  const context: Record<string, string | number | boolean | null> = {
    userId:
      next() < 0.9
        ? name
        : one(['', 42, 4.5, 0, -7, true, false, null, 'user-1', 'user-2', '42', 'null', 'x'.repeat(70)]),
    targetingKey: next() < 0.9 ? `key-${name}` : one(['', 'user-1']),
    orgId: one(['one', 'two', 3, null, `org-${name}`]),
    country: one(['de', 'at', 'fr', '', 7, '7', true, 'true', false, null]),
    email: one([`a@ours.example`, `b@theirs.example`, 'c@else.example', 5, null]),
    age: one([17, 18, 29.5, 30, 60, 60.1, 0, '18', true, null]),
  };
  for (const attribute of Object.keys(context)) if (next() < 0.1) delete context[attribute];
  return context;
}

describe('flagd, with the definitions that we export', () => {
  const exported = flagdDefinitions(DOCUMENT);
  const text = JSON.stringify({ $schema: 'https://flagd.dev/schema/v0/flags.json', flags: exported.flags });

  it('takes them as valid under its own strict schema [QA-16]', () => {
    expect(exported.refused).toEqual([]);
    expect(Object.keys(exported.flags)).toEqual(Object.keys(DOCUMENT.flags).sort());
    new MemoryStorage(console).setConfigurations(text, true);
  });

  it(`answers ${SUBJECTS} subjects as we do, whatever their attributes are [QA-16]`, () => {
    const flagd = new FlagdCore();
    flagd.setConfigurations(text);
    const ours = compileFlags(DOCUMENT);
    const next = numbersFrom(testSeed(process.env));
    const keys = Object.keys(DOCUMENT.flags);
    const seen = new Map(keys.map((key) => [key, 0]));
    for (let subject = 0; subject < SUBJECTS; subject += 1) {
      const context = contextFrom(next);
      for (const key of keys) {
        const isCandidate = ours.isCandidate(key, context);
        // The default is the opposite, so that an error cannot pass for an answer.
        const theirs = flagd.resolveBooleanEvaluation(key, !isCandidate, context);
        if (theirs.value !== isCandidate)
          expect({ key, context, theirs }).toMatchObject({ theirs: { value: isCandidate } });
        if (isCandidate) seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }
    const alwaysLegacy = [...seen].flatMap(([key, count]) => (count === 0 ? key : []));
    expect(alwaysLegacy).toEqual(
      expect.arrayContaining(['dark', 'off', 'requires-dark', 'requires-unknown', 'circle-a', 'nobody-yet', 'copying']),
    );
    expect([seen.get('retired'), seen.get('live')]).toEqual([SUBJECTS, SUBJECTS]);
    for (const key of [
      'half',
      'named',
      'segments',
      'others',
      'all-members',
      'requires',
      'requires-deeply',
      'by-org',
      'new-users',
      'going-live',
      'requires-live',
    ]) {
      expect(seen.get(key), key).toBeGreaterThan(SUBJECTS / 50);
      expect(seen.get(key), key).toBeLessThan(SUBJECTS);
    }
  }, 120_000);

  it('is told by name which flags it cannot have, and why [QA-16]', () => {
    const rule = (segment: string) => ({ rules: [{ segment, exposure: 1 }] });
    const flags = [
      given('dated', rule('recent')),
      given('nested', rule('deep')),
      given('by-path', { cohort: 'account.id' }),
      given('per-call', { cohort: 'call' }),
      given('needs-dated', { exposure: 1, requires: ['dated'] }),
      { ...given('newer'), sizes: 3 },
      given('varied', { variants: [{ name: 'short', weight: EXPOSURE_WHOLE }] }),
      given('for-new', { audience: { segment: 'recent', exposure: 1 } }),
      given('fine', { exposure: 1 }),
    ];
    const document: FlagDocument = {
      ...DOCUMENT,
      segments: {
        recent: { key: 'recent', conditions: [{ attribute: 'joined', operator: 'after', value: '2026-01-01' }] },
        deep: { key: 'deep', conditions: [{ attribute: 'account.plan', operator: 'in', values: ['pro'] }] },
      },
      flags: Object.fromEntries(flags.map((flag) => [flag.key, flag])),
    };
    const { flags: kept, refused } = flagdDefinitions(document);
    expect(Object.keys(kept)).toEqual(['fine']);
    expect(refused).toEqual([
      { key: 'by-path', why: "flagd cannot name the attribute 'account.id'" },
      { key: 'dated', why: "segment 'recent' compares 'joined' by 'after', which flagd cannot do" },
      { key: 'for-new', why: "segment 'recent' compares 'joined' by 'after', which flagd cannot do" },
      {
        key: 'needs-dated',
        why: "it requires 'dated', and segment 'recent' compares 'joined' by 'after', which flagd cannot do",
      },
      { key: 'nested', why: "segment 'deep' asks for 'account.plan', which flagd cannot name" },
      { key: 'newer', why: "it has 'sizes', which flagd has no words for" },
      { key: 'per-call', why: 'it decides each call by itself, which flagd cannot do' },
      { key: 'varied', why: 'it has variants, and here a flag is candidate or legacy' },
    ]);
  });
});
