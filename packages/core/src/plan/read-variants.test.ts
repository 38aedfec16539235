import { describe, expect, it } from 'vitest';
import { formatDiagnostic, parsePlan } from './parse-plan.ts';
import { validatePlan } from './validate-plan.ts';

const SIGNALS = `{ response-rate: { goal: replied }, spent: { goal: ordered, measure: value }, complaints: { goal: complained, lowerIsBetter: true }, errors: { telemetry: error-rate } }`;

const planWith = ({
  flag = '{ metrics: [response-rate] }',
  rule = 'response-rate worse than legacy: hold',
  other = '{}',
  signals = SIGNALS,
}) =>
  `
plan: replying
cohort: userId
signals: ${signals}
gates:
  standard: { rules: [ "errors > 5%": rollback now, ${rule} ] }
flags:
  first: ${other}
  reply: ${flag}
phases:
  - phase: one
    steps:
      - { ramp: first, gate: plain, through: [10%, 50%], soak: 1h }
      - { ramp: reply, gate: standard, through: [10%, 50%], soak: 1h }
`.replace('gates:\n', "gates:\n  plain: { rules: [ 'errors > 5%': rollback now ] }\n");

const read = (changes: Parameters<typeof planWith>[0]) => parsePlan(planWith(changes), { file: 'plan.yaml' });
/** Every finding but that some signals are not used. */
const found = (changes: Parameters<typeof planWith>[0]): readonly string[] =>
  read(changes)
    .diagnostics.filter(({ code }) => code !== 'unused')
    .map(formatDiagnostic);

describe('variants in a plan', () => {
  it('have the weights that are written, or equal parts of which the last takes the rest [CO-7]', () => {
    const variantsOf = (variants: string) =>
      read({ flag: `{ variants: ${variants}, metrics: [response-rate] }` }).plan?.flags['reply']?.variants;
    expect(variantsOf('{ short: 20%, long: 80% }')).toEqual([
      { name: 'short', weight: 20_000 },
      { name: 'long', weight: 80_000 },
    ]);
    expect(variantsOf('[a, b, c]')).toEqual([
      { name: 'a', weight: 33_333 },
      { name: 'b', weight: 33_333 },
      { name: 'c', weight: 33_334 },
    ]);
  });

  it.each([
    [
      '{ short: 50%, long: 40% }',
      /the variants are 90% together — let them be 100%, or write 'variants: \[short, long\]'/,
    ],
    ['{ legacy: 50%, long: 50% }', /'legacy' is the control/],
    ['{ Short Reply: 100% }', /'Short Reply' cannot name a variant — write it in kebab-case/],
    ['[short, short]', /'short' stands here twice/],
    ['{ short: half, long: 50% }', /'half' is not a percentage/],
    [`[${Array.from({ length: 21 }, (_, n) => `v${n}`).join(', ')}]`, /21 variants are too many — 20 is the most/],
  ])('%s is told with the mend', (variants, problem) => {
    expect(found({ flag: `{ variants: ${variants}, metrics: [response-rate] }` })).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it('stay what they are on the way over the network', () => {
    const { plan } = read({ flag: '{ variants: [short, long], metrics: [response-rate], by: teamId }' });
    expect(validatePlan(JSON.parse(JSON.stringify(plan))).plan).toEqual(plan);
    const broken = JSON.parse(JSON.stringify(plan));
    broken.flags.reply.variants[0].weight = 1;
    expect(validatePlan(broken).problem).toMatch(/not the whole together/);
    const lost = JSON.parse(JSON.stringify(plan));
    lost.flags.reply.metrics = ['errors'];
    expect(validatePlan(lost).problem).toBe("reply: there is no goal 'errors'");
  });
});

describe('the attribute of a flag', () => {
  it('may be any that the caller names, or each call by itself [CO-4]', () => {
    const by = (flag: string) => read({ flag, rule: "'errors > 6%': hold" }).plan?.flags['reply']?.by;
    expect([by('{ by: requestId }'), by('{ by: call }'), by('{}')]).toEqual(['requestId', 'call', undefined]);
  });

  it.each(['include: [u]', 'exclude: [u]', 'metrics: [response-rate]'])(
    'cannot be the call where somebody is named by %s [CO-4]',
    (entry) => {
      expect(found({ flag: `{ by: call, ${entry} }`, rule: "'errors > 6%': hold" })).toEqual([
        expect.stringMatching(/'by: call' decides anew at each call, so '\w+' could name nobody — remove/),
      ]);
    },
  );

  it('is told where a flag requires one that is bucketed otherwise [CO-4]', () => {
    const flag = '{ requires: [first], metrics: [response-rate] }';
    expect(found({ flag, other: '{ by: requestId }' })).toEqual([
      expect.stringMatching(/warning.*'reply' is bucketed by userId and 'first', which it requires, by requestId/),
    ]);
    const both = { flag: '{ requires: [first], by: requestId, metrics: [response-rate] }', other: '{ by: requestId }' };
    expect(found(both)).toEqual([]);
    expect(found({ flag, other: '{ by: userId }' })).toEqual([]);
  });
});

describe('goals in a plan', () => {
  it('are signals of a rate or a value, with the way that is good [CO-7]', () => {
    const { plan } = read({ flag: '{ metrics: [response-rate, spent, complaints] }' });
    expect(plan?.signals['response-rate']).toMatchObject({
      source: { kind: 'goal', goal: 'replied', measure: 'rate', better: 'higher' },
      unit: 'percent',
    });
    expect(plan?.signals['spent']).toMatchObject({ source: { measure: 'value' }, unit: 'count' });
    expect(plan?.signals['complaints']).toMatchObject({ source: { better: 'lower' } });
  });

  it('are compared by their interval, from 0 on or from further down [CO-7]', () => {
    const condition = (rule: string, metrics = 'response-rate') =>
      read({ flag: `{ metrics: [${metrics}] }`, rule }).plan?.gates['standard']?.rules[1]?.condition;
    expect(condition('response-rate worse than legacy: hold')).toEqual({
      signal: 'response-rate',
      comparison: '<',
      bound: { kind: 'shown-worse', by: 0 },
      forMs: 0,
      text: 'response-rate worse than legacy',
      unit: 'percent',
    });
    expect(condition('response-rate worse than legacy by 2 points: hold')?.bound).toEqual({
      kind: 'shown-worse',
      by: 2,
    });
    expect(condition('complaints worse than legacy: warn', 'complaints')?.comparison).toBe('>');
    expect(condition('spent worse than legacy by 1.5: warn', 'spent')?.bound).toEqual({ kind: 'shown-worse', by: 1.5 });
  });

  it.each([
    ["'response-rate < 20%': hold", /known by an interval only.*write 'response-rate worse than legacy'/],
    ['response-rate worse than legacy for 5m: hold', /'for 5m' cannot follow.*by 2 points'/],
    ['response-rate worse than legacy by 2: hold', /'by 2' cannot follow/],
    ['spent worse than legacy by 2 points: hold', /'by 2 points' cannot follow.*by 2'/],
  ])('refuse the rule %s with the mend', (rule, problem) => {
    expect(found({ flag: '{ metrics: [response-rate, spent] }', rule })).toEqual([expect.stringMatching(problem)]);
  });

  it.each([
    ['{}', /asks for what 'reply' does not measure — add 'metrics: \[response-rate\]'/],
    ['{ metrics: [errors, response-rate] }', /'errors' is telemetry, and no goal/],
    ['{ metrics: [respons-rate, response-rate] }', /unknown signal 'respons-rate' — did you mean 'response-rate'/],
    ['{ metrics: [response-rate, response-rate] }', /stands here twice/],
  ])('of the flag %s are told with the mend', (flag, problem) => {
    expect(found({ flag })).toEqual([expect.stringMatching(problem)]);
  });

  it('count as used where a flag measures them, though no rule asks', () => {
    const { diagnostics } = read({
      rule: "'errors > 6%': hold",
      signals: '{ response-rate: { goal: replied }, errors: { telemetry: error-rate } }',
    });
    expect(diagnostics).toEqual([]);
  });
});
