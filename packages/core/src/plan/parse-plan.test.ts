import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalJson, planHash } from './content-hash.ts';
import { definePlan } from './define-plan.ts';
import { formatDiagnostic, parsePlan } from './parse-plan.ts';
import { planFromSource } from './plan-from-source.ts';

const example = readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8');
const parse = (text: string, variables = {}) => parsePlan(text, { file: 'plan.yaml', variables });
const errors = (text: string, variables = {}) =>
  parse(text, variables)
    .diagnostics.filter(({ severity }) => severity === 'error')
    .map(({ line, code, message, mend }) => ({ line, code, text: `${message} — ${mend}` }));

/** Replaces one line of the example, and says which line it is. */
function withLine(find: string, replacement: string): { readonly text: string; readonly line: number } {
  const lines = example.split('\n');
  const index = lines.findIndex((line) => line.includes(find));
  if (index < 0) throw new Error(`the example has no line with ${find}`);
  lines[index] = replacement;
  return { text: lines.join('\n'), line: index + 1 };
}

describe('parsePlan()', () => {
  it('reads the whole language without a complaint [ALL-1]', () => {
    const { plan, diagnostics } = parse(example);
    expect(diagnostics).toEqual([]);
    expect(plan).toMatchObject({ name: 'recommendations', cohort: 'userId', salt: 'recommendations.' });
    expect(plan?.salt.length).toBe(16);
    expect(plan?.risks['critical']?.through).toEqual([1_000, 5_000, 10_000, 25_000, 50_000, 75_000, 100_000]);
    expect(plan?.phases.map(({ name, needs }) => [name, needs])).toEqual([
      ['prepare', []],
      ['low-risk', ['prepare']],
      ['critical', ['low-risk']],
    ]);
  });

  it('tells ten planted mistakes at once, each with its line and a mend [ALL-1]', () => {
    const { text, mistakes } = tenMistakes();
    const found = errors(text);
    expect(found.map(({ line, code }) => ({ line, code }))).toEqual(mistakes.map(({ line, code }) => ({ line, code })));
    for (const [index, { mend }] of mistakes.entries()) expect(found[index]?.text).toContain(mend);
  });

  it.each<[string, string, string, string, string]>([
    [
      'an unknown gate',
      '    gate: standard # cv-analyzer',
      '        gate: standrad',
      'unknown-gate',
      "did you mean 'standard'",
    ],
    ['an unknown top key', 'title: Recommendation', 'titel: Recommendations', 'unknown-key', "did you mean 'title'"],
    ['a long unit', '    soak: 30m', '    soak: 30 mins', 'invalid-duration', "did you mean '30m'"],
    ['a bare number for a share', '    through: [10%, 25%', '    through: [10, 25%]', 'wrong-type', 'quotes'],
    [
      'a shrinking ramp',
      '    through: [10%, 25%',
      '    through: [10%, 50%, 25%]',
      'shrinking-percentage',
      '[10%, 25%, 50%]',
    ],
    ['more than everybody', '    through: [10%, 25%', '    through: [10%, 101%]', 'invalid-percentage', 'to 100%'],
    [
      'an unknown signal',
      '      - errors > 5%',
      '      - erors > 5%: rollback now',
      'unknown-signal',
      "did you mean 'errors'",
    ],
    ['a bound of the wrong unit', '      - errors > 5%', '      - errors > 500ms: rollback now', 'invalid-bound', '5%'],
    [
      'an unknown action',
      '      - errors > 5%',
      '      - errors > 5%: rolback now',
      'invalid-action',
      "did you mean 'rollback'",
    ],
    [
      'a comparison of what is counted on one arm only',
      '      - errors > 5%',
      '      - success worse than legacy: hold',
      'not-comparable',
      'success > 2x baseline',
    ],
    ['silence that is not held', '    silence: hold', '    silence: pass', 'invalid-value', 'hold'],
    [
      'a shell',
      '        run: node ops/save.mjs',
      '        run: node ops/save.mjs | tee log',
      'invalid-command',
      'script',
    ],
    [
      'a secret in a command',
      '        run: node ops/save.mjs',
      '        run: node ops/save.mjs ${{ env.PASSWORD }}',
      'secret-place',
      'addresses',
    ],
    [
      'an artefact nobody captures',
      '        undo: node ops/restore',
      '        undo: node ops/restore.mjs ${{ backup }}',
      'unknown-artefact',
      'backup_id',
    ],
    [
      'a role nobody holds',
      '    approve: { from: 50%',
      '    approve: { from: 50%, by: [tech-laed] }',
      'unknown-role',
      "did you mean 'tech-lead'",
    ],
    ['an unknown message field', '  moved: ', "  moved: 'done {{ phase.nmae }}'", 'unknown-field', 'phase.name'],
    ['a step of a later version', '      - baseline:', '      - checklist: go', 'not-available', 'check, backup'],
    ['an impossible window', '        window: 02:00', '        window: 2 to 4', 'invalid-window', '02:00-04:00 UTC'],
    [
      'a capture without a group',
      '        capture:',
      "        capture: { backup_id: 'saved' }",
      'invalid-pattern',
      'one group',
    ],
    [
      'a quotient that is taken for percent',
      '  success: ',
      "  success: { prometheus: 'sum(up) / count(up)', unit: percnt }",
      'invalid-value',
      'percent',
    ],
  ])('tells %s with the line and the mend [ALL-1]', (_what, find, replacement, code, mend) => {
    const { text, line } = withLine(find, replacement);
    const found = errors(text).filter((error) => error.code === code);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ line, text: expect.stringContaining(mend) });
  });

  it.each([
    ['an alias without an anchor', 'plan: a\nflags: *all', 2, 8, 'put quotes around it'],
    ['a second document', 'plan: a\n---\nplan: b', 2, 1, 'a file of its own'],
  ])('tells %s where it stands [ALL-1]', (_what, text, line, column, mend) => {
    expect(parse(text).diagnostics).toEqual([
      expect.objectContaining({ line, column, code: 'yaml', mend: expect.stringContaining(mend) }),
    ]);
  });

  it.each([
    ['nothing', ''],
    ['a list', '- a\n- b'],
    ['broken YAML', 'plan: "a\nphases: ['],
    ['a key twice', 'plan: a\nplan: b'],
    ['a tab', 'plan: a\nflags:\n\ta: {}'],
    [
      'too many aliases',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]`,
    ],
    ['a prototype', 'plan: a\n__proto__: { polluted: true }\ncohort: u\nphases: []'],
    ['a megabyte', `plan: a # ${'x'.repeat(1_000_001)}`],
  ])('refuses %s with a diagnostic and never throws', (_what, text) => {
    const { plan, diagnostics } = parse(text);
    expect(plan).toBeNull();
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('fills variables in, and asks for those without a value', () => {
    const text = example
      .replace('cohort: userId', 'cohort: userId\nvariables: { front: null, unused: x }')
      .replaceAll('https://app.example', '${{ vars.front }}');
    expect(errors(text)).toEqual([
      expect.objectContaining({ code: 'missing-variable', text: expect.stringContaining('--set front=') }),
    ]);
    const { plan } = parse(text, { front: 'http://127.0.0.1:1' });
    expect(plan?.phases[0]?.steps[0]).toMatchObject({ probe: { url: 'http://127.0.0.1:1/health' } });
    expect(errors(text, { front: 'http://a', frnt: 'x' })[0]?.text).toContain("did you mean 'front'");
  });

  it('finds what only the whole shows: cycles, order and promises that cannot be kept [ALL-1]', () => {
    const cyclic = example.replace(
      'cv-analyzer: { risk: low }',
      'cv-analyzer: { risk: low, requires: [circuit-breaker] }',
    );
    expect(errors(cyclic).map(({ code }) => code)).toContain('cycle');
    const phases = example.replace('  - phase: prepare', '  - phase: prepare\n    needs: [critical]');
    expect(errors(phases)[0]?.text).toContain('prepare → critical → low-risk → prepare');
    const gateless = example.replace('        gate: standard # circuit-breaker\n', '');
    expect(errors(gateless)[0]).toMatchObject({
      code: 'missing-gate',
      text: expect.stringContaining("add 'gate: standard'"),
    });
    const late = example.replace(
      '      - backup:',
      '      - approve: Drop the tables?\n      - run: node ops/drop.mjs\n        irreversible: true\n      - backup:',
    );
    expect(errors(late)[0]).toMatchObject({ code: 'undo-after-irreversible' });
    const unapproved = example.replace(
      '      - baseline:',
      '      - run: node ops/drop.mjs\n        irreversible: true\n      - baseline:',
    );
    expect(errors(unapproved).map(({ code }) => code)).toContain('irreversible-unapproved');
    const order = example
      .replace('requires: [cv-analyzer]', 'requires: []')
      .replace('cv-analyzer: { risk: low }', 'cv-analyzer: { risk: low, requires: [circuit-breaker] }');
    expect(errors(order)[0]).toMatchObject({ code: 'ramp-order' });
    const blind = example.replace('      - baseline: { over: 24h }\n', '');
    expect(errors(blind).map(({ code }) => code)).toContain('missing-baseline');
  });
});

describe('definePlan()', () => {
  it('gives the same plan as the YAML that says the same [ALL-1]', () => {
    const source = definePlan({
      plan: 'small',
      cohort: 'userId',
      signals: { errors: { telemetry: 'error-rate' } },
      gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
      flags: { cache: {} },
      phases: [{ phase: 'one', steps: [{ ramp: 'cache', gate: 'standard', through: ['50%', '100%'], soak: '1h' }] }],
    });
    const yaml = `
plan: small
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { rules: [ 'errors > 5%': rollback now ] } }
flags: { cache: }
phases: [ { phase: one, steps: [ { ramp: cache, gate: standard, through: [50%, 100%], soak: 1h } ] } ]
`;
    const fromYaml = parse(yaml);
    expect(fromYaml.diagnostics).toEqual([]);
    // An empty flag may be written in two ways, and what was written is what the content's hash tells apart.
    expect(planFromSource(source).plan).toEqual({ ...fromYaml.plan, contentHash: expect.any(String) });
  });
});

describe('the content of a plan', () => {
  const content = (text: string, variables = {}) => parse(text, variables).plan?.contentHash;

  it('is the same whatever its variables are and however it is laid out [CO-8]', () => {
    const text = `variables: { front: 'http://a.test' }\n${example.replaceAll('https://app.example', '${{ vars.front }}')}`;
    const hash = content(text);
    expect(hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(content(text, { front: 'http://b.test' })).toBe(hash);
    expect(parse(text, { front: 'http://b.test' }).plan).not.toEqual(parse(text).plan);
    expect(content(`# a remark\n${text}`)).toBe(hash);
  });

  it('changes with anything that is written in it [CO-8]', () => {
    expect(content(example.replace('soak: 30m', 'soak: 31m'))).not.toBe(content(example));
  });

  it('is not asked of a source that never ends', () => {
    const source: Record<string, unknown> = { plan: 'x' };
    source['phases'] = [source];
    expect(planFromSource(source)).toMatchObject({ plan: null, problems: { hasErrors: true } });
  });
});

describe('planHash()', () => {
  it('depends on content, not on the order of keys', () => {
    const { plan } = parse(example);
    if (plan === null) throw new Error('no plan');
    const shuffled = Object.fromEntries(Object.entries(plan).reverse()) as unknown as typeof plan;
    expect(planHash(shuffled)).toBe(planHash(plan));
    expect(planHash({ ...plan, title: 'x' })).not.toBe(planHash(plan));
    expect(JSON.parse(canonicalJson(plan))).toEqual(JSON.parse(JSON.stringify(plan)));
  });
});

describe('formatDiagnostic()', () => {
  it('says file, line, column, what is wrong and the mend', () => {
    const { text } = withLine('    gate: standard # cv-analyzer', '        gate: standrad');
    const [first] = parse(text).diagnostics;
    expect(first && formatDiagnostic(first)).toMatch(
      /^plan\.yaml:\d+:15 error: unknown gate 'standrad' — did you mean 'standard'\? \[unknown-gate\]$/,
    );
  });
});

function tenMistakes(): { text: string; mistakes: { line: number; code: string; mend: string }[] } {
  const planted: [find: string, replacement: string, code: string, mend: string][] = [
    ['title: Recommendation', 'titel: Recommendations', 'unknown-key', "did you mean 'title'"],
    ['  latency: ', '  latency: { telemetry: latncy-p95 }', 'invalid-value', "did you mean 'latency-p95'"],
    ['      - success < 95%', '      - sucess < 95%: rollback over 5m', 'unknown-signal', "did you mean 'success'"],
    ['    silence: hold', '    silence: ignore', 'invalid-value', 'hold'],
    ['    through: [10%, 25%', '    through: [10%, 50%, 25%, 100%]', 'shrinking-percentage', '[10%, 25%, 50%, 100%]'],
    [
      '  circuit-breaker: ',
      '  circuit-breaker: { risk: critcal, requires: [cv-analyzer] }',
      'unknown-risk',
      "did you mean 'critical'",
    ],
    ['      - baseline:', '      - baseline: { over: 24 hours }', 'invalid-duration', "did you mean '24h'"],
    ['    gate: standard # cv-analyzer', '        gate: standrad', 'unknown-gate', "did you mean 'standard'"],
    [
      '      - notify: release-channel',
      '      - notify: relase-channel',
      'unknown-channel',
      "did you mean 'release-channel'",
    ],
    ['        window: 02:00', '        window: 02:00 to 04:00', 'invalid-window', '02:00-04:00 UTC'],
  ];
  const lines = example.split('\n');
  const mistakes = planted.map(([find, replacement, code, mend]) => {
    const index = lines.findIndex((line) => line.includes(find));
    if (index < 0) throw new Error(`the example has no line with ${find}`);
    lines[index] = replacement;
    return { line: index + 1, code, mend };
  });
  return { text: lines.join('\n'), mistakes: mistakes.toSorted((left, right) => left.line - right.line) };
}
