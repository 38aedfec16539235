import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyPatch, compileFlags, NAMELESS, variantName } from './compiled-flags.ts';
import { EXPOSURE_WHOLE, type FlagDefinition, type FlagDocument, PER_CALL } from './flag-document.ts';
import { parseFlagDocument } from './parse-flag-document.ts';

const SHORT_AND_LONG = [
  { name: 'short', weight: 50_000 },
  { name: 'long', weight: 50_000 },
];
const SUBJECTS = Array.from({ length: 20_000 }, (_, number) => `user-${number}`);

function flag(changes: Partial<FlagDefinition> = {}): FlagDefinition {
  return {
    key: 'reply',
    enabled: true,
    cohort: 'userId',
    salt: 'cvplus-2026a',
    exposure: EXPOSURE_WHOLE,
    requires: [],
    overrides: { candidate: [], legacy: [] },
    rules: [],
    fallback: true,
    epoch: 3,
    variants: SHORT_AND_LONG,
    ...changes,
  };
}

function documentOf(...flags: readonly FlagDefinition[]): FlagDocument {
  return { version: 7, flags: Object.fromEntries(flags.map((one) => [one.key, one])), segments: {}, flushEveryMs: 500 };
}

const compile = (...flags: readonly FlagDefinition[]) => compileFlags(documentOf(...flags));

function countsOf(definition: FlagDefinition): ReadonlyMap<string, number> {
  const flags = compile(definition);
  const counts = new Map<string, number>();
  for (const userId of SUBJECTS) {
    const name = flags.variant('reply', { userId });
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

describe('variants of a flag', () => {
  it('divide the candidate by their weights, and leave legacy its share [CO-7]', () => {
    const variants = [
      { name: 'short', weight: 20_000 },
      { name: 'medium', weight: 30_000 },
      { name: 'long', weight: 50_000 },
    ];
    const counts = countsOf(flag({ exposure: 40_000, variants }));
    const expected = { legacy: 12_000, short: 1_600, medium: 2_400, long: 4_000 };
    for (const [name, number] of Object.entries(expected)) {
      expect(Math.abs((counts.get(name) ?? 0) - number)).toBeLessThan(4 * Math.sqrt(number));
    }
    expect([...counts.keys()].toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  it('never change with the exposure [CO-7]', () => {
    const subject = fc.string({ minLength: 1 });
    const exposure = fc.integer({ min: 0, max: EXPOSURE_WHOLE });
    fc.assert(
      fc.property(subject, exposure, exposure, (userId, one, other) => {
        const [first, second] = [one, other].map((parts) =>
          compile(flag({ exposure: parts })).variant('reply', { userId }),
        );
        expect(first === 'legacy' || second === 'legacy' || first === second).toBe(true);
      }),
    );
  });

  it('are the same in every way of asking [CO-7]', () => {
    const flags = compile(flag({ exposure: 50_000 }));
    for (const userId of SUBJECTS.slice(0, 500)) {
      const { arm, variant } = flags.evaluate('reply', { userId });
      const assignment = flags.assign('reply', { userId });
      expect(flags.variant('reply', { userId })).toBe(variant);
      expect(assignment && variantName(assignment.definition, assignment.arm, assignment.variant)).toBe(variant);
      expect(arm === 'legacy').toBe(variant === 'legacy');
    }
  });

  it('do not follow from the arm: each takes its weight of every exposure [CO-7]', () => {
    const counts = countsOf(flag({ exposure: 10_000 }));
    const [short = 0, long = 0] = [counts.get('short'), counts.get('long')];
    expect(Math.abs(short - long)).toBeLessThan(4 * Math.sqrt(short + long));
  });

  it('are called candidate where there are none, and legacy wherever in doubt', () => {
    const { variants: _none, ...plain } = flag();
    expect(compile(plain).variant('reply', { userId: 'u' })).toBe('candidate');
    expect(compile(flag()).variant('other', { userId: 'u' })).toBe('legacy');
    expect(compile(flag()).variant('reply', {})).toBe('legacy');
    const broken = Object.defineProperty({}, 'userId', {
      get: () => {
        throw new Error('broken');
      },
    });
    expect(compile(flag()).variant('reply', broken)).toBe('legacy');
  });

  it('are others at once when a patch changes the weights', () => {
    const flags = compile(flag());
    const context = { userId: 'u' };
    expect(SHORT_AND_LONG.map(({ name }) => name)).toContain(flags.variant('reply', context));
    const changed = flag({ variants: [{ name: 'only', weight: EXPOSURE_WHOLE }] });
    applyPatch(flags, { from: 7, version: 8, flags: { reply: changed }, removed: [] });
    expect(flags.variant('reply', context)).toBe('only');
  });
});

describe('a flag document with variants', () => {
  it.each([
    ['no list', 'short', /no list/],
    ['weights that are not the whole', [{ name: 'short', weight: 1 }], /1 together, not 100000/],
    ['the name of the control', [{ name: 'legacy', weight: EXPOSURE_WHOLE }], /'legacy' cannot be the name/],
    ['one name twice', [...SHORT_AND_LONG.slice(0, 1), ...SHORT_AND_LONG.slice(0, 1)], /'short' cannot be the name/],
    ['a name that is not in kebab-case', [{ name: '2 Short', weight: EXPOSURE_WHOLE }], /kebab-case/],
    ['a weight below nothing', [{ name: 'short', weight: -1 }], /no whole number/],
    ['too many', Array.from({ length: 21 }, (_, n) => ({ name: `v${n}`, weight: 0 })), /at most 20/],
  ])('is refused for %s', (_what, variants, reason) => {
    const json = documentOf({ ...flag(), variants: variants as never });
    expect(parseFlagDocument(json)).toEqual({ kind: 'invalid', reason: expect.stringMatching(reason) });
  });

  it('is taken as it is written where it is right', () => {
    expect(parseFlagDocument(documentOf(flag({ goals: ['replied'] }))).kind).toBe('document');
  });
});

describe('exposure by operation', () => {
  it('is sticky by any attribute that the flag names, whoever the user is [CO-4]', () => {
    const flags = compile(flag({ cohort: 'scrapeId', exposure: 10_000 }));
    const arms = SUBJECTS.map((scrapeId) => flags.evaluate('reply', { scrapeId, userId: 'one' }).arm);
    const again = SUBJECTS.map((scrapeId) => flags.evaluate('reply', { scrapeId, userId: 'other' }).arm);
    expect(again).toEqual(arms);
    const share = arms.filter((arm) => arm === 'candidate').length / arms.length;
    expect(Math.abs(share - 0.1)).toBeLessThan(0.01);
  });

  it('per call follows the number drawn for the call, and nothing else [CO-4]', () => {
    const flags = compile(flag({ cohort: PER_CALL, exposure: 10_000 }));
    expect(flags.needsDraw).toBe(true);
    const draws = Array.from({ length: 20_000 }, (_, at) => (at + 0.5) / 20_000);
    const arms = draws.map((draw) => flags.isCandidate('reply', { userId: 'one' }, draw));
    expect(Math.abs(arms.filter(Boolean).length / arms.length - 0.1)).toBeLessThan(0.01);
    expect(draws.map((draw) => flags.assign('reply', { userId: 'other' }, draw)?.arm === 'candidate')).toEqual(arms);
    expect(flags.assign('reply', { userId: 'one' }, 0.5)?.subject).toBe(NAMELESS);
  });

  it('per call is legacy for everybody where nobody draws [CO-4]', () => {
    const flags = compile(flag({ cohort: PER_CALL }));
    expect(flags.evaluate('reply', { userId: 'one' })).toMatchObject({
      arm: 'legacy',
      errorCode: 'TARGETING_KEY_MISSING',
    });
    expect(flags.isCandidate('reply', { call: 'mine', targetingKey: 'one' })).toBe(false);
  });

  it('needs a number only as long as a flag does', () => {
    const flags = compile(flag());
    const told = (definition: FlagDefinition) =>
      applyPatch(flags, { from: 7, version: 8, flags: { reply: definition }, removed: [] }).needsDraw;
    expect([flags.needsDraw, told(flag({ cohort: PER_CALL })), told(flag({ cohort: PER_CALL }))]).toEqual([
      false,
      true,
      true,
    ]);
    expect(applyPatch(flags, { from: 8, version: 9, flags: {}, removed: ['reply'] }).needsDraw).toBe(false);
  });
});

describe('subjectsOf()', () => {
  it('names the subject of every flag that names the goal, as that flag knows it [CO-7]', () => {
    const byUser = flag({ goals: ['replied'] });
    const byTeam = flag({ key: 'team', cohort: 'teamId', goals: ['replied', 'paid'], epoch: 9 });
    const flags = compile(byUser, byTeam, flag({ key: 'silent' }));
    const context = { userId: 'u', teamId: 't' };
    const subject = (key: string) => flags.assign(key, context)?.subject;
    expect(flags.subjectsOf('replied', context)).toEqual([
      { flag: 'reply', subject: subject('reply'), split: 3 },
      { flag: 'team', subject: subject('team'), split: 9 },
    ]);
    expect(flags.subjectsOf('replied', context, 'team').map((known) => known.flag)).toEqual(['team']);
    expect(flags.subjectsOf('paid', { userId: 'u' })).toEqual([]);
    expect(flags.subjectsOf('nothing', context)).toEqual([]);
  });

  it('follows patches, and leaves out flags that keep nobody', () => {
    const flags = compile(flag());
    expect(flags.subjectsOf('replied', { userId: 'u' })).toEqual([]);
    const next = {
      reply: flag({ goals: ['replied'] }),
      call: flag({ key: 'call', cohort: PER_CALL, goals: ['replied'] }),
    };
    applyPatch(flags, { from: 7, version: 8, flags: next, removed: [] });
    expect(flags.subjectsOf('replied', { userId: 'u' }).map((known) => known.flag)).toEqual(['reply']);
  });
});
