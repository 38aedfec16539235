import { describe, expect, test } from 'vitest';
import { MIGRATION_STAGES } from './flag-document.ts';
import { parseFlagDocument, parseFlagPatch } from './parse-flag-document.ts';

const FLAG = {
  key: 'a',
  enabled: true,
  cohort: 'userId',
  salt: 'plan',
  exposure: 25_000,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [{ segment: 's', exposure: 0 }],
  fallback: true,
};
const SEGMENT = { key: 's', conditions: [{ attribute: 'n', operator: 'atLeast', value: 1 }] };
const DOCUMENT = { version: 3, flushEveryMs: 5000, flags: { a: FLAG }, segments: { s: SEGMENT } };

const withFlag = (changes: object) => ({ ...DOCUMENT, flags: { a: { ...FLAG, ...changes } } });
const MIGRATION = { stages: { legacy: 'dualwrite', candidate: 'shadow' }, compared: 1000 };
const withMigration = (changes: object) => withFlag({ migration: { ...MIGRATION, ...changes } });
const withCondition = (condition: unknown) => ({ ...DOCUMENT, segments: { s: { key: 's', conditions: [condition] } } });

describe('parseFlagDocument()', () => {
  test('accepts a document, and what a newer server may add to it', () => {
    expect(parseFlagDocument(DOCUMENT)).toEqual({ kind: 'document', document: DOCUMENT });
    expect(parseFlagDocument({ ...withFlag({ variants: [] }), more: 1 }).kind).toBe('document');
    const comparing = { epoch: 3, strata: ['plan/new'], marks: { bodyMs: 1, tailMs: 2 } };
    expect(parseFlagDocument(withFlag(comparing)).kind).toBe('document');
    expect(parseFlagDocument(withCondition({ attribute: 'v', operator: 'semver', value: '^1' })).kind).toBe('document');
  });

  test.each(MIGRATION_STAGES)('accepts a migration at the stage %s [CV-2]', (stage) => {
    expect(parseFlagDocument(withMigration({ stages: { legacy: 'off', candidate: stage } })).kind).toBe('document');
    const whole = { read: 'fastest', compared: 100_000, deadlineMs: 250, breakAbove: 10_000 };
    expect(parseFlagDocument(withMigration(whole)).kind).toBe('document');
  });

  const bad: [unknown, RegExp][] = [
    [undefined, /no object/],
    [null, /no object/],
    ['text', /no object/],
    [[], /no object/],
    [{}, /version/],
    [{ ...DOCUMENT, version: -1 }, /version/],
    [{ ...DOCUMENT, version: 1.5 }, /version/],
    [{ ...DOCUMENT, flushEveryMs: 1 }, /flushEveryMs/],
    [{ ...DOCUMENT, flushEveryMs: Number.NaN }, /flushEveryMs/],
    [{ ...DOCUMENT, flags: [] }, /flags/],
    [{ ...DOCUMENT, segments: undefined }, /segments/],
    [{ ...DOCUMENT, flags: { b: FLAG } }, /flag 'b': its key differs/],
    [{ ...DOCUMENT, flags: { a: null } }, /flag 'a': is no object/],
    [withFlag({ enabled: 1 }), /enabled/],
    [withFlag({ fallback: undefined }), /fallback/],
    [withFlag({ cohort: '' }), /cohort/],
    [withFlag({ salt: 'odd' }), /salt/],
    [withFlag({ exposure: 100_001 }), /exposure/],
    [withFlag({ exposure: '5' }), /exposure/],
    [withFlag({ requires: [1] }), /requires/],
    [withFlag({ overrides: null }), /overrides/],
    [withFlag({ overrides: { candidate: [] } }), /overrides/],
    [withFlag({ epoch: -1 }), /epoch/],
    [withFlag({ strata: 'new' }), /strata/],
    [withFlag({ strata: [1] }), /strata/],
    [withFlag({ marks: 5 }), /marks/],
    [withFlag({ marks: { bodyMs: 1 } }), /marks/],
    [withFlag({ marks: { bodyMs: 1, tailMs: Number.NaN } }), /marks/],
    [withFlag({ migration: 'shadow' }), /migration is no object/],
    [withFlag({ migration: null }), /migration is no object/],
    [withMigration({ stages: undefined }), /stages of its migration/],
    [withMigration({ stages: { legacy: 'off' } }), /stages of its migration/],
    [withMigration({ stages: { legacy: 'off', candidate: 'half' } }), /none of off, dualwrite, shadow, live/],
    [withMigration({ read: 'slowest' }), /read preference.*none of legacy, candidate, fastest/],
    [withMigration({ compared: undefined }), /compared/],
    [withMigration({ compared: 0.5 }), /compared/],
    [withMigration({ compared: 100_001 }), /compared/],
    [withMigration({ deadlineMs: 0 }), /deadlineMs/],
    [withMigration({ deadlineMs: Number.POSITIVE_INFINITY }), /deadlineMs/],
    [withMigration({ breakAbove: '10' }), /breakAbove/],
    [withFlag({ rules: {} }), /rules/],
    [withFlag({ rules: [5] }), /rule/],
    [withFlag({ rules: [{ segment: 5, exposure: 0 }] }), /segment/],
    [withFlag({ rules: [{ segment: 's', exposure: 0.5 }] }), /exposure/],
    [withFlag({ audience: 's' }), /audience is no object/],
    [withFlag({ audience: { segment: 5, exposure: 0 } }), /segment of the audience/],
    [withFlag({ audience: { segment: 's', exposure: -1 } }), /exposure of the audience/],
    [withCondition({ attribute: 'n', operator: 'versionIs', value: 1 }), /value of 'n'/],
    [{ ...DOCUMENT, segments: { t: SEGMENT } }, /segment 't': its key differs/],
    [{ ...DOCUMENT, segments: { s: 1 } }, /segment 's': is no object/],
    [{ ...DOCUMENT, segments: { s: { key: 's' } } }, /conditions/],
    [withCondition(null), /condition/],
    [withCondition({ operator: 'in', values: [] }), /attribute/],
    [withCondition({ attribute: 'n', operator: 7 }), /operator/],
    [withCondition({ attribute: 'n', operator: 'in', values: [{}] }), /values of 'n'/],
    [withCondition({ attribute: 'n', operator: 'endsWith', values: [1] }), /values of 'n'/],
    [withCondition({ attribute: 'n', operator: 'above', value: '1' }), /value of 'n'/],
    [withCondition({ attribute: 'n', operator: 'after', value: 1 }), /value of 'n'/],
  ];
  test.each(bad)('refuses %j with a reason', (json, reason) => {
    expect(parseFlagDocument(json)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });
});

describe('parseFlagPatch()', () => {
  const patch = { from: 3, version: 4, flags: { a: FLAG }, removed: ['b'] };

  test('accepts a patch', () => {
    expect(parseFlagPatch(patch)).toEqual({ kind: 'patch', patch });
  });

  test.each([
    [5, /no object/],
    [{ ...patch, from: undefined }, /from/],
    [{ ...patch, version: 3 }, /does not follow/],
    [{ ...patch, removed: 'b' }, /removed/],
    [{ ...patch, flags: { a: { ...FLAG, exposure: -1 } } }, /exposure/],
  ])('refuses %j with a reason', (json, reason) => {
    expect(parseFlagPatch(json)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });
});
