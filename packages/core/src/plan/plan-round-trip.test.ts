import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { planHash } from './content-hash.ts';
import { parsePlan } from './parse-plan.ts';
import type { Plan } from './plan.ts';
import { planFromSource } from './plan-from-source.ts';

/** What people write in free text: anything, and above all what YAML or JSON might take for something else. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    'null',
    'yes',
    '1e3',
    '0x1F',
    '2026-05-05',
    '- a',
    'a: b',
    '# no',
    "it's",
    '"',
    '\\',
    '|',
    '~',
    ' x ',
    'ä\n🦉\n',
  ),
);
const question = text.filter((written) => !written.includes('{{'));
const duration = fc.constantFrom('30s', '30m', '1h30m', '2d', '8w');
const exposures = fc.constantFrom(['100%'], ['0% for 48h', '10% for 1d', '100% for 1w'], ['0.5%', '5%', '50%', '100%']);
const window = fc.constantFrom('02:00-04:00 UTC', 'Mon-Fri 22:00-02:00 Europe/Berlin; weekends UTC', 'quiet');
const command = fc.oneof(
  fc.constantFrom('node ops/do.mjs', "node ops/do.mjs 'a b'"),
  fc.array(text, { maxLength: 3 }).map((given) => ['node', ...given.filter((part) => !part.includes('${{'))]),
);
const probe = fc.oneof(
  fc.record({ run: command, expect: fc.record({ exitCode: fc.nat(255), contains: question }, { requiredKeys: [] }) }),
  fc.record({ http: fc.webUrl(), expect: fc.record({ status: fc.integer({ min: 100, max: 599 }) }) }),
);
const undo = fc.oneof(
  command,
  fc.record(
    {
      try: fc.array(command, { minLength: 1, maxLength: 3 }),
      attempts: fc.integer({ min: 1, max: 10 }),
      onlyIf: probe,
    },
    { requiredKeys: ['try'] },
  ),
);
const common = { title: text, window, at: fc.constantFrom('T', 'T-30m', 'T+1w'), takes: duration, mitigation: text };
const optional = <Own extends object>(own: { [Key in keyof Own]: fc.Arbitrary<Own[Key]> }) =>
  fc.record({ ...own, ...common }, { requiredKeys: Object.keys(own) as never });

const step = fc.oneof(
  optional({ run: command, undo, repeatable: fc.boolean() }),
  optional({ check: probe }),
  optional({ wait: fc.oneof(duration, fc.constant({ until: '2026-05-05T09:00[Europe/Berlin]' })) }),
  optional({ approve: question, by: fc.constantFrom('lead', ['2 of lead'], ['lead', '1 of lead']) }),
  optional({ notify: fc.constant('log'), message: fc.constant('told') }),
  optional({ freeze: command, lift: command }),
  optional({ watch: fc.record({ for: duration, flags: fc.constant(['cache']) }), gate: fc.constant('standard') }),
);
const ramp = optional({
  ramp: fc.constant('cache'),
  gate: fc.constant('standard'),
  through: exposures,
  soak: duration,
  verify: fc.array(probe, { maxLength: 2 }),
});

/** Sources as people write them, with every construct that may stand by itself. */
const source = fc.record(
  {
    plan: fc.constantFrom('small', 'move-the-cache'),
    title: text,
    description: text,
    cohort: fc.constantFrom('userId', 'team id', '1', 'null'),
    launch: fc.constant('2026-05-05T09:00[Europe/Berlin]'),
    signals: fc.constant({ errors: { telemetry: 'error-rate' } }),
    gates: fc.record({
      standard: fc.record(
        { rules: fc.constant([{ 'errors > 5% for 1m': 'rollback phase over 5m' }]), minSample: fc.nat(1_000_000) },
        { requiredKeys: ['rules'] },
      ),
    }),
    segments: fc.dictionary(
      fc.constantFrom('internal', 'new-ones'),
      fc.record({ team: fc.oneof(text, fc.boolean(), fc.integer()) }),
    ),
    flags: fc.record({ cache: fc.record({ include: fc.array(text), fallback: fc.boolean() }, { requiredKeys: [] }) }),
    people: fc.constant({ ana: ['lead'], 'Ben Ö.': { roles: ['lead', 'ops'] } }),
    channels: fc.constant({ log: { console: true } }),
    messages: fc.record({ told: question.filter((written) => !written.includes('}}')) }),
    windows: fc.constant({ quiet: 'daily UTC' }),
    phases: fc
      .tuple(ramp, fc.array(step, { maxLength: 6 }))
      .map(([first, others]) => [{ phase: 'one', steps: [first, ...others] }]),
  },
  {
    requiredKeys: [
      'plan',
      'cohort',
      'launch',
      'signals',
      'gates',
      'flags',
      'people',
      'channels',
      'messages',
      'windows',
      'phases',
    ],
  },
);

function whole({ plan, diagnostics }: ReturnType<typeof parsePlan>): Plan {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  if (plan === null) throw new Error(JSON.stringify(errors));
  return plan;
}

/** The plan as it is read from its source, from YAML, from that YAML as JSON, and from that JSON in one line. */
function readings(written: unknown): readonly Plan[] {
  const { plan, problems } = planFromSource(written);
  if (plan === null) throw new Error(JSON.stringify(problems.all()));
  const yaml = stringify(written);
  const json = JSON.stringify(parse(yaml), null, 2);
  return [plan, ...[yaml, json, JSON.stringify(written)].map((file) => whole(parsePlan(file, { file: 'plan' })))];
}

describe('a plan keeps its content, whatever it is written in [ALL-1, CO-8]', () => {
  it('for anything that may be written', () => {
    fc.assert(
      fc.property(source, (written) => {
        const [first, ...others] = readings(written);
        for (const other of others) expect(other).toEqual(first);
        expect(first?.contentHash).toMatch(/^sha256:[0-9a-f]{64}$/);
      }),
      { numRuns: 150 },
    );
  });

  it('and as a checked plan keeps its own hash over JSON, which is how it is sent', () => {
    fc.assert(
      fc.property(source, (written) => {
        const [plan] = readings(written);
        expect(planHash(JSON.parse(JSON.stringify(plan)) as Plan)).toBe(planHash(plan as Plan));
      }),
      { numRuns: 50 },
    );
  });

  it.each(['example-plan.yaml', 'launch-plan.yaml'])('for %s, with its remarks, aliases and environments', (name) => {
    const yaml = readFileSync(new URL(`../../test-support/${name}`, import.meta.url), 'utf8');
    const environment = name === 'launch-plan.yaml' ? { environment: 'staging' } : {};
    const read = (file: string): Plan => whole(parsePlan(file, { file: 'plan', ...environment }));
    const plan = read(yaml);
    expect(read(JSON.stringify(parse(yaml)))).toEqual(plan);
    expect(read(stringify(parse(yaml), { defaultStringType: 'QUOTE_DOUBLE' }))).toEqual(plan);
  });
});
