import { describe, expect, test } from 'vitest';
import { applyPatch, compileFlags, NOT_COMPARED, STRATA_LIMIT } from './compiled-flags.ts';
import type { FlagDefinition } from './flag-document.ts';
import { SubjectHasher } from './subject-hash.ts';

const SALT = 'cvplus-2026a';
const ADA = { userId: 'ada' };
const subject = new SubjectHasher(SALT).hash('ada');

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
    epoch: 5,
    ...changes,
  };
}

const segment = (key: string) => ({
  key,
  conditions: [{ attribute: key, operator: 'in' as const, values: [true] }],
});

function compile(flags: readonly FlagDefinition[], segments: readonly string[] = []) {
  return compileFlags({
    version: 9,
    flags: Object.fromEntries(flags.map((each) => [each.key, each])),
    segments: Object.fromEntries(segments.map((key) => [key, segment(key)])),
    flushEveryMs: 5_000,
  });
}

describe('assign()', () => {
  test('compares whom the percentage alone sent to an arm', () => {
    const flags = compile([flag('all'), flag('none', { exposure: 0 })]);
    expect(flags.assign('all', ADA)).toMatchObject({ arm: 'candidate', subject, epoch: 5, strata: 0 });
    expect(flags.assign('none', ADA)).toMatchObject({ arm: 'legacy', subject });
    expect(flags.assign('unknown', ADA)).toBeUndefined();
  });

  test('compares the members of an audience by its own percentage', () => {
    const flags = compile([flag('a', { exposure: 0, audience: { segment: 's', exposure: 100_000 } })], ['s']);
    expect(flags.assign('a', { ...ADA, s: true })).toMatchObject({ arm: 'candidate', subject });
    expect(flags.evaluate('a', { ...ADA, s: true }).reason).toBe('SPLIT');
    expect(flags.evaluate('a', ADA).reason).toBe('SEGMENT');
  });

  const broken = {
    get userId(): string {
      throw new Error('broken');
    },
  };
  const lacking = [flag('b', { requires: ['a'] }), flag('a', { exposure: 0 })];
  test.each<[string, readonly FlagDefinition[], object, string]>([
    ['is let in', [flag('b', { exposure: 0, overrides: { candidate: ['ada'], legacy: [] } })], ADA, 'candidate'],
    ['is kept out', [flag('b', { overrides: { candidate: [], legacy: ['ada'] } })], ADA, 'legacy'],
    [
      'has an exposure of a segment',
      [flag('b', { rules: [{ segment: 's', exposure: 100_000 }] })],
      { ...ADA, s: true },
      'candidate',
    ],
    [
      'is outside the audience',
      [flag('b', { exposure: 0, audience: { segment: 's', exposure: 100_000 } })],
      ADA,
      'legacy',
    ],
    [
      'is in an audience that nobody defined',
      [flag('b', { exposure: 0, audience: { segment: 'gone', exposure: 100_000 } })],
      ADA,
      'legacy',
    ],
    ['lacks a prerequisite of the candidate', lacking, ADA, 'legacy'],
    [
      'lacks one on legacy too',
      [{ ...lacking[0], exposure: 0 } as FlagDefinition, flag('a', { exposure: 0 })],
      ADA,
      'legacy',
    ],
    ['has no key', [flag('b')], {}, 'legacy'],
    ['meets a disabled flag', [flag('b', { enabled: false })], ADA, 'legacy'],
    ['breaks when asked', [flag('b')], broken, 'legacy'],
  ])('leaves out of the comparison who %s', (_what, flags, context, arm) => {
    const compiled = compile(flags, ['s']);
    expect(compiled.assign('b', context as never)).toMatchObject({ arm, subject: NOT_COMPARED });
    expect(compiled.isCandidate('b', context as never)).toBe(arm === 'candidate');
  });

  test('compares nobody where the server compares nothing', () => {
    const { epoch: _epoch, ...old } = flag('b');
    expect(compile([old]).assign('b', ADA)).toMatchObject({ arm: 'candidate', subject: NOT_COMPARED });
  });

  test('belongs to the newest epoch of the flag and all it requires, as patches move them', () => {
    const flags = compile([
      flag('c', { requires: ['b'] }),
      flag('b', { requires: ['a'], epoch: 6 }),
      flag('a', { epoch: 7 }),
    ]);
    expect(flags.assign('c', ADA)?.epoch).toBe(7);
    expect(flags.assign('a', ADA)?.epoch).toBe(7);
    applyPatch(flags, { from: 9, version: 10, flags: { b: flag('b', { requires: ['a'], epoch: 10 }) }, removed: [] });
    expect(flags.assign('c', ADA)?.epoch).toBe(10);
    expect(flags.assign('a', ADA)?.epoch).toBe(7);
  });

  test('tells the strata of a subject, of as many as there is room for', () => {
    const names = Array.from({ length: STRATA_LIMIT + 2 }, (_, index) => `s${index}`);
    const flags = compile([flag('a', { strata: [...names.slice(0, 2), 'nowhere', ...names.slice(2)] })], names);
    expect(flags.assign('a', { ...ADA, s1: true, s2: true })?.strata).toBe(0b1010);
    const everywhere = Object.fromEntries(names.map((name) => [name, true]));
    expect(flags.assign('a', { ...ADA, ...everywhere })?.strata).toBe(0b11111011);
  });
});
