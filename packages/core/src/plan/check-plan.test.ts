import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';

const example = readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8');

/** The example with parts replaced; each must be there, or the test would try something else than it says. */
function changed(...replacements: readonly (readonly [find: string, replacement: string])[]): string {
  return replacements.reduce((text, [find, replacement]) => {
    if (!text.includes(find)) throw new Error(`the example has no ${find}`);
    return text.replaceAll(find, () => replacement);
  }, example);
}

const diagnosticsOf = (text: string) => parsePlan(text, { file: 'plan.yaml' }).diagnostics;

/** The text from where a diagnostic points to the end of its line. */
function pointedAt(text: string, { line, column }: { readonly line: number; readonly column: number }): string {
  return text.split('\n')[line - 1]?.slice(column - 1) ?? '';
}

const FIRST_RAMP = '      - ramp: cv-analyzer\n        gate: standard # cv-analyzer\n';
const BASELINE = '      - baseline: { over: 24h }\n';

describe('one mistake is one diagnostic, where it stands [ALL-1]', () => {
  it.each<[what: string, find: string, replacement: string, code: string, at: string, mend: string]>([
    ['a key of a gate', '    every: 30s', '    evry: 30s', 'unknown-key', 'evry', "'every'"],
    ['a required key of a risk', '    soak: 30m', '    soack: 30m', 'unknown-key', 'soack', "'soak'"],
    ['a key of a flag', 'cv-analyzer: { risk: low }', 'cv-analyzer: { rsk: low }', 'unknown-key', 'rsk', "'risk'"],
    ['a key inside a step', 'status: 200', 'stauts: 200', 'unknown-key', 'stauts', "'status'"],
    ['a key of a step', FIRST_RAMP, FIRST_RAMP.replace('gate', 'gaet'), 'unknown-key', 'gaet', "'gate'"],
    ['a key of a channel', 'webhook: ', 'webhok: ', 'unknown-key', 'webhok', "'webhook'"],
    ['an operator of a segment', 'endsWith', 'endswith', 'unknown-key', 'endswith', "'endsWith'"],
    ['a whole part', 'people:', 'peple:', 'unknown-key', 'peple', "'people'"],
    ['a part of the wrong type', 'gates:\n  standard:', 'gates:\n  - standard:', 'wrong-type', '- standard', 'a map'],
    ['a broken gate', '    every: 30s', '    every: 30 sec', 'invalid-duration', '30 sec', "'30s'"],
    ['a broken signal', 'latency-p95', 'latncy-p95', 'invalid-value', 'latncy-p95', "'latency-p95'"],
    ['a missing list', '    through: [10%, 25%, 50%, 75%, 100%]\n', '', 'missing-key', 'low:', "'through:'"],
    ['a kind of step', '- ramp: cv-analyzer', '- rmap: cv-analyzer', 'unknown-step', 'rmap', "'ramp'"],
    ['a needed phase', 'needs: [prepare]', 'needs: [prepar]', 'unknown-phase', 'prepar]', "'prepare'"],
    ['an artefact that could not be filled in', 'backup_id', 'backup.id', 'invalid-name', 'backup.id:', 'backup_id'],
    ['a signal that is never fresh', 'latency-p95, unit: ms', 'latency-p95, freshFor: 0s', 'no-time', '0s', 'above 0'],
    ['a reading of no time', 'latency-p95, unit: ms', 'latency-p95, over: 0s', 'no-time', '0s', 'above 0'],
    ['a baseline of no time', 'over: 24h', 'over: 0s', 'no-time', '0s', 'above 0'],
    ['a budget of no time', 'budget: 10m', 'budget: 0s', 'no-time', '0s', 'above 0'],
    ['an answer within no time', 'within: 500ms', 'within: 0ms', 'no-time', '0ms', 'above 0'],
    [
      'an artefact in the command of a signal',
      '{ telemetry: latency-p95, unit: ms }',
      "{ command: 'node ops/p95.mjs ${{ backup_id }}', unit: ms }",
      'unknown-artefact',
      "'node ops/p95.mjs",
      'find it by itself',
    ],
    ['a needed step', BASELINE, `${BASELINE}        needs: [chek]\n`, 'unknown-step', 'chek', "'check'"],
    ['a phase twice', 'phase: critical', 'phase: low-risk', 'duplicate-phase', 'low-risk', 'another name'],
    [
      'a channel',
      'notify: release-channel',
      'notify: relase-channel',
      'unknown-channel',
      'relase',
      "'release-channel'",
    ],
    ['a risk', '{ risk: low }', '{ risk: constructor }', 'unknown-risk', 'constructor', 'low, critical'],
    ['silence', 'silence: hold', 'silence: pass', 'invalid-value', 'pass', 'never health'],
    [
      'a flag of later',
      '{ risk: low }',
      '{ risk: low, keep: in-flight }',
      'not-available',
      'keep',
      'available are: risk',
    ],
    [
      'a stratum',
      '{ risk: low }',
      '{ risk: low, strata: [newcomer] }',
      'unknown-segment',
      'newcomer]',
      "did you mean 'newcomers'?",
    ],
    [
      'an audience',
      '{ risk: low }',
      '{ risk: low, only: newcomer }',
      'unknown-segment',
      'newcomer }',
      "did you mean 'newcomers'?",
    ],
    [
      'a stratum twice',
      '{ risk: low }',
      '{ risk: low, strata: [newcomers, newcomers] }',
      'duplicate-stratum',
      'newcomers]',
      'once',
    ],
    ['an empty segment', '{ signedUpAt: { after: 2026-01-01 } }', '{}', 'empty-segment', 'newcomers', 'in common'],
    [
      'an operator for versions',
      '{ signedUpAt: { after: 2026-01-01 } }',
      '{ app: { versoin: 2.3.0 } }',
      'unknown-key',
      'versoin',
      "'version'",
    ],
    [
      'half a version',
      '{ signedUpAt: { after: 2026-01-01 } }',
      "{ app: { version: '>= 2.3' } }",
      'invalid-version',
      "'>= 2.3'",
      "'2.3.0'",
    ],
    [
      'a version with a letter before it',
      '{ signedUpAt: { after: 2026-01-01 } }',
      '{ app: { version: v2.3.0 } }',
      'invalid-version',
      'v2.3.0',
      "'2.3.0'",
    ],
    [
      'a range as npm has it',
      '{ signedUpAt: { after: 2026-01-01 } }',
      "{ app: { version: '^2.3' } }",
      'invalid-version',
      "'^2.3'",
      "'>= 2.3.0 < 3.0.0'",
    ],
    [
      'no range of versions at all',
      '{ signedUpAt: { after: 2026-01-01 } }',
      "{ app: { version: '>=' } }",
      'invalid-version',
      "'>='",
      '>= 2.3.0 < 3.0.0',
    ],
    [
      'an attribute that is not present',
      '{ signedUpAt: { after: 2026-01-01 } }',
      '{ app: { present: false } }',
      'invalid-value',
      'false',
      'has the attribute',
    ],
    [
      'a day of later',
      '{ signedUpAt: { after: 2026-01-01 } }',
      '{ signedUpAt: { after: tomorrow } }',
      'invalid-date',
      'tomorrow',
      '2026-05-01T09:00:00Z',
    ],
    ['a name', '  cv-analyzer: {', '  __proto__: {}\n  cv-analyzer: {', 'invalid-name', '__proto__', 'another'],
    ['a plan name', 'plan: recommendations', 'plan: My_Plan', 'invalid-value', 'My_Plan', 'kebab-case'],
    ['half a field', '{{ phase.title }}', '{{ phase.title', 'broken-field', "'{{ phase", '{{ phase.title }}'],
    ['a template in an address', 'app.example/health', 'app.example/${{ id }}', 'invalid-url', "'https", 'vars.name'],
    ['two kinds', BASELINE, `${BASELINE}        wait: 2h\n`, 'ambiguous-step', 'wait', 'two steps'],
    ['no baseline', BASELINE, '', 'missing-baseline', 'latency > 2x', 'baseline: { over: 24h }'],
    [
      'a step that waits for itself',
      BASELINE,
      `${BASELINE}        needs: [baseline]\n`,
      'cycle',
      'baseline]',
      'itself',
    ],
    [
      'a step that waits for a later one of its phase',
      BASELINE,
      `${BASELINE}      - wait: 1h\n        needs: [late]\n      - wait: 2h\n        name: late\n`,
      'cycle',
      'late]',
      "'prepare/late' cannot begin before 'prepare/wait' is over",
    ],
    [
      'a step that waits for a phase that waits for it',
      FIRST_RAMP,
      `${FIRST_RAMP}        needs: [critical/circuit-breaker]\n`,
      'cycle',
      'critical/circuit-breaker',
      'remove this need',
    ],
  ])('%s', (_what, find, replacement, code, at, mend) => {
    const text = changed([find, replacement]);
    const found = diagnosticsOf(text);
    expect(found.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(found[0]?.mend).toContain(mend);
    expect(found.map((diagnostic) => pointedAt(text, diagnostic).slice(0, at.length))).toEqual([at]);
  });
});

describe('the hours of the week in a baseline [CV-12]', () => {
  const written = (baseline: string) => changed([BASELINE, `      - baseline: ${baseline}\n`]);

  it.each([
    ['{ over: 4w }', {}],
    ['{ over: 4w, shape: hour-of-week }', { shape: 'hour-of-week' }],
    ['{ over: 24h, shape: none }', { shape: 'none' }],
  ])('%s is read as it is written', (baseline, shape) => {
    const { plan, diagnostics } = parsePlan(written(baseline), { file: 'plan.yaml' });
    expect(diagnostics).toEqual([]);
    const step = plan?.phases.flatMap(({ steps }) => steps).find(({ kind }) => kind === 'baseline');
    expect(step).toMatchObject({ kind: 'baseline', ...shape });
    expect(Object.hasOwn(step ?? {}, 'shape')).toBe('shape' in shape);
  });

  it('cannot be learnt from less than two weeks, which is a hint', () => {
    const text = written('{ over: 13d, shape: hour-of-week }');
    const [found, ...more] = diagnosticsOf(text);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ severity: 'warning', code: 'no-shape', mend: expect.stringContaining('over: 4w') });
    expect(pointedAt(text, found ?? { line: 0, column: 0 })).toMatch(/^13d/);
  });

  it('are known by one name only', () => {
    expect(diagnosticsOf(written('{ over: 4w, shape: weekly }'))).toMatchObject([{ code: 'invalid-value' }]);
  });
});

describe('checks of the whole plan [ALL-1]', () => {
  it('are made of all that could be read, beside the problems of what could not', () => {
    const text = changed(
      ['        budget: 10m', '        budgt: 10m'],
      ['cv-analyzer: { risk: low }', 'cv-analyzer: { risk: low, requires: [circuit-breaker] }'],
      ['        mitigation: Only at night', '        irreversible: true'],
    );
    expect(diagnosticsOf(text).map(({ code }) => code)).toEqual(['cycle', 'unknown-key', 'irreversible-unapproved']);
  });

  it('do not count an approval or a baseline that may come later', () => {
    const text = changed(
      [BASELINE, `${BASELINE}      - approve: Go on?\n`],
      ['  - phase: critical\n', '  - phase: critical\n    needs: []\n'],
      ['        mitigation: Only at night', '        irreversible: true'],
    );
    const codes = diagnosticsOf(text).map(({ code }) => code);
    expect(codes).toEqual(['missing-baseline', 'ramp-order', 'irreversible-unapproved']);
    const waiting = text.replace(
      '        irreversible: true',
      '        irreversible: true\n        needs: [low-risk/notify]',
    );
    expect(diagnosticsOf(waiting)).toEqual([]);
  });

  it.each([
    ['comes before', 'early', ['undo-after-irreversible']],
    ['comes after', 'late', []],
  ])('judge an undo by whether an irreversible step %s it, wherever the file has them', (_when, phase, codes) => {
    const asked = '      - approve: Drop it?\n      - { run: node ops/drop.mjs, irreversible: true }';
    const undone = '      - { run: node ops/add.mjs, undo: node ops/remove.mjs }';
    const [late, early] = phase === 'late' ? [asked, undone] : [undone, asked];
    const text = `plan: two-phases
cohort: userId
phases:
  - phase: late
    needs: [early]
    steps:
${late}
  - phase: early
    needs: []
    steps:
${early}
`;
    expect(diagnosticsOf(text).map(({ code }) => code)).toEqual(codes);
  });

  it('warn of what is allowed and seldom meant', () => {
    const text = changed(
      ['    soak: 30m', '    soak: 0s'],
      ['flags:\n', 'flags:\n  idle:\n'],
      ['messages:\n', 'messages:\n  unsent: Hello\n'],
    );
    const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
    expect(plan).not.toBeNull();
    expect(diagnostics.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning no-soak',
      'warning never-ramped',
      'warning unused',
    ]);
  });

  it('tell an error however many warnings came before it', () => {
    const flags = Array.from({ length: 300 }, (_, index) => `flag-${index}`);
    const ramps = flags.map((flag) => `      - { ramp: ${flag}, gate: standard, through: [10%, 100%], soak: 0s }`);
    const text = `plan: many-warnings
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { rules: [errors > 5%: rollback now] } }
flags: { ${flags.map((flag) => `${flag}: {}`).join(', ')} }
phases:
  - phase: move
    steps:
${ramps.join('\n')}
      - { ramp: flag-0, gate: none }
`;
    const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
    expect(plan).toBeNull();
    expect(diagnostics.filter(({ severity }) => severity === 'error').map(({ code }) => code)).toContain(
      'unknown-gate',
    );
    expect(diagnostics.filter(({ severity }) => severity === 'warning')).toHaveLength(200);
  });

  it('fill variables into conditions too', () => {
    const text = changed(
      ['cohort: userId', 'cohort: userId\nvariables: { limit: 7% }'],
      ['errors > 5%', 'errors > ${{ vars.limit }}'],
    );
    const condition = parsePlan(text, { file: 'plan.yaml' }).plan?.gates['standard']?.rules[0]?.condition;
    expect(condition).toMatchObject({ bound: { kind: 'absolute', value: 7 }, text: 'errors > 7%' });
  });

  it.each([
    ['a variable that cannot be', 'node ops/restore.mjs ${{ vars.a.b }}', 'unknown-variable'],
    ['a variable within a variable', 'node ops/restore.mjs ${{ vars.nested }}', 'nested-variable'],
    ['a secret that cannot be', 'node ops/restore.mjs ${{ env.BACKUP-ID }}', 'secret-place'],
  ])('tell %s, which nothing would fill in', (_what, command, code) => {
    const nested = code === 'nested-variable' ? "'${{ vars.other }}'" : 'x';
    const text = changed(
      ['cohort: userId', `cohort: userId\nvariables: { other: y, nested: ${nested} }`],
      ['node ops/restore.mjs ${{ backup_id }}', command],
    );
    expect(diagnosticsOf(text).map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  it.each([
    ['an artefact that is not closed', 'node ops/restore.mjs ${{ backup_id }', 'broken-artefact'],
    ['an artefact that is not closed in a list', "[node, '${{ backup_id']", 'broken-artefact'],
    ['an artefact in pieces', "[node, '${{ backup_id', '}}']", 'broken-artefact'],
  ])('tell %s', (_what, command, code) => {
    const text = changed(['node ops/restore.mjs ${{ backup_id }}', command]);
    expect(diagnosticsOf(text).map((diagnostic) => diagnostic.code)).toEqual([code]);
  });

  it('let the question before an undo use what its own step captured', () => {
    const text = changed([
      'undo: node ops/restore.mjs ${{ backup_id }}',
      'undo: { try: [node ops/restore.mjs], onlyIf: { run: "node ops/is-there.mjs ${{ backup_id }}" } }',
    ]);
    expect(diagnosticsOf(text)).toEqual([]);
  });

  it('tell an address with a variable that cannot be', () => {
    const text = changed(['https://app.example/health', 'https://app.example/${{ vars.a.b }}']);
    expect(diagnosticsOf(text).map(({ code }) => code)).toEqual(['unknown-variable']);
    const open = changed(['https://app.example/health', 'https://app.example/${{ vars.front']);
    expect(diagnosticsOf(open).map(({ code }) => code)).toEqual(['invalid-url']);
  });

  it('let a value be as old as three looks of the slowest gate that uses it, and never less than 90 s', () => {
    const fresh = (text: string) => parsePlan(text, { file: 'plan.yaml' }).plan?.signals;
    expect(fresh(example)?.['errors']?.freshForMs).toBe(90_000);
    const slow = fresh(changed(['    every: 30s', '    every: 10m']));
    expect(slow?.['errors']?.freshForMs).toBe(1_800_000);
    expect(slow?.['success']?.freshForMs).toBe(1_800_000);
    expect(slow?.['complaints']?.freshForMs).toBe(86_400_000);
    const said = changed(['    every: 30s', '    every: 10m'], ['latency-p95, unit: ms', 'latency-p95, freshFor: 2m']);
    expect(fresh(said)?.['latency']?.freshForMs).toBe(120_000);
  });

  it('take no time to speak of, whatever the file holds', () => {
    const flags = Array.from({ length: 400 }, (_, index) => `f${index}`);
    const lines = [
      'plan: large',
      'cohort: userId',
      'signals: { errors: { telemetry: error-rate } }',
      'gates: { g: { rules: [ errors > 5%: hold ] } }',
      'risks: { low: { through: [100%], soak: 1h } }',
      'flags:',
      ...flags.map((flag, index) => `  ${flag}: { risk: low, requires: [${flags.slice(0, index).join(', ')}] }`),
      'phases:',
      '  - phase: one',
      '    steps:',
      ...flags.map((flag) => `      - { ramp: ${flag}, gate: g }`),
    ];
    expect(diagnosticsOf(lines.join('\n'))).toEqual([]);
    const spaces = ' '.repeat(50_000);
    for (const text of [
      changed(['https://app.example/health', `https://a${'b'.repeat(50_000)} `]),
      changed(['errors > 5%: rollback now', `"errors > ${spaces}5": hold`]),
      changed(['node ops/restore.mjs ${{ backup_id }}', `"node \${{${spaces}"`]),
      changed(['{{ phase.title }}', `{{${spaces}`]),
      `plan: ${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      `plan: ${'['.repeat(300)}${']'.repeat(300)}`,
    ]) {
      expect(diagnosticsOf(text).length).toBeGreaterThan(0);
    }
  });
});
