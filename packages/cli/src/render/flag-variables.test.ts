import { EXPOSURE_WHOLE, type FlagDefinition, type FlagDocument } from '@theseus/core/flag';
import { describe, expect, it } from 'vitest';
import { flagVariables, VARIABLE_FORMATS, variableLines } from './flag-variables.ts';

const flag = (key: string, changes: Partial<FlagDefinition> = {}): FlagDefinition => ({
  key,
  enabled: true,
  cohort: 'userId',
  salt: 'plan',
  exposure: 0,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [],
  fallback: true,
  ...changes,
});
const WHOLE = { exposure: EXPOSURE_WHOLE };

function documentOf(...flags: readonly FlagDefinition[]): FlagDocument {
  return {
    version: 1,
    flags: Object.fromEntries(flags.map((each) => [each.key, each])),
    segments: { near: { key: 'near', conditions: [] } },
    flushEveryMs: 5_000,
  };
}

const options = { prefix: 'FLAG_', only: [], percentages: false };
const variablesOf = (...flags: readonly FlagDefinition[]) => flagVariables(documentOf(...flags), options);

describe('flagVariables()', () => {
  it.each<[string, FlagDefinition, string]>([
    ['nobody', flag('a'), 'false'],
    ['nobody, with people kept out', flag('a', { overrides: { candidate: [], legacy: ['ana'] } }), 'false'],
    ['everybody', flag('a', WHOLE), 'true'],
    ['everybody, people let in', flag('a', { ...WHOLE, overrides: { candidate: ['ana'], legacy: [] } }), 'true'],
    ['everybody, and a segment at 100 %', flag('a', { ...WHOLE, rules: [{ segment: 'near', ...WHOLE }] }), 'true'],
    ['nobody, and an unknown segment', flag('a', { rules: [{ segment: 'nowhere', exposure: 5 }] }), 'false'],
    ['everybody, disabled', flag('a', { ...WHOLE, enabled: false }), 'false'],
    ['a retired flag', flag('a', { ...WHOLE, retired: true, overrides: { candidate: [], legacy: ['ana'] } }), 'true'],
    ['everybody, where it requires what is unknown', flag('a', { ...WHOLE, requires: ['nothing'] }), 'false'],
  ])('writes %s [QA-16]', (_whom, definition, value) => {
    expect(variablesOf(definition).variables).toEqual([{ flag: 'a', name: 'FLAG_A', value }]);
  });

  it.each<[string, FlagDefinition, string]>([
    ['a share', flag('a', { exposure: 500 }), 'it is at 0.5 %: --percentages writes the number'],
    ['a rule', flag('a', { rules: [{ segment: 'near', exposure: 1 }] }), "it has a rule for segment 'near'"],
    [
      'people by name',
      flag('a', { overrides: { candidate: ['ana'], legacy: [] } }),
      'it lets in or keeps out 1 by name',
    ],
    [
      'people kept out',
      flag('a', { ...WHOLE, overrides: { candidate: [], legacy: ['ana'] } }),
      'it lets in or keeps out 1 by name',
    ],
    [
      'what it does not know',
      { ...flag('a', WHOLE), sizes: 1 } as FlagDefinition,
      "it has 'sizes', of which this version knows nothing",
    ],
  ])('refuses by name a flag with %s [QA-16]', (_what, definition, why) => {
    expect(variablesOf(definition)).toEqual({ variables: [], refused: [{ flag: 'a', why }] });
  });

  it('asks what a flag requires, too [QA-16]', () => {
    const needy = flag('needy', { ...WHOLE, requires: ['other'] });
    const valueWith = (other: FlagDefinition) =>
      variablesOf(needy, other).variables.find((one) => one.flag === 'needy')?.value;
    expect(valueWith(flag('other', WHOLE))).toBe('true');
    expect(valueWith(flag('other'))).toBe('false');
    expect(variablesOf(needy, flag('other', { exposure: 7_000 })).refused).toContainEqual({
      flag: 'needy',
      why: "it requires 'other', which differs by subject",
    });
  });

  it('writes percentages where they are asked for, and only where nothing else decides [QA-16]', () => {
    const document = documentOf(flag('a', { exposure: 12_500 }), flag('b', { exposure: 1, requires: ['a'] }));
    const { variables, refused } = flagVariables(document, { ...options, percentages: true });
    expect(variables).toEqual([{ flag: 'a', name: 'FLAG_A', value: '12.5' }]);
    expect(refused.map(({ flag: key }) => key)).toEqual(['b']);
  });

  it('refuses names that are none, and two flags with one name [QA-16]', () => {
    expect(variablesOf(flag('a-b'), flag('a.b')).refused).toEqual([
      { flag: 'a.b', why: "its variable FLAG_A_B is that of 'a-b' already" },
    ]);
    const { refused } = flagVariables(documentOf(flag('2fa')), { ...options, prefix: '' });
    expect(refused).toEqual([{ flag: '2fa', why: "'2FA' cannot be the name of a variable: give a --prefix" }]);
    expect(flagVariables(documentOf(), { ...options, only: ['x'] }).refused).toEqual([
      { flag: 'x', why: 'there is no such flag' },
    ]);
  });
});

describe('variableLines()', () => {
  it.each(VARIABLE_FORMATS)('writes %s [QA-16]', (format) => {
    const { variables } = variablesOf(flag('new-cache', WHOLE), flag('old'));
    expect(variableLines(variables, format).join('\n')).toBe(
      {
        dotenv: 'FLAG_NEW_CACHE=true\nFLAG_OLD=false',
        shell: "export FLAG_NEW_CACHE='true'\nexport FLAG_OLD='false'",
        docker: 'ENV FLAG_NEW_CACHE=true\nENV FLAG_OLD=false',
        json: '{\n  "FLAG_NEW_CACHE": "true",\n  "FLAG_OLD": "false"\n}',
      }[format],
    );
  });
});
