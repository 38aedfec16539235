import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';

const planWith = (steps: string, flags = 'cache: {}') => `plan: retiring
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { rules: [ errors > 5%: rollback now ] } }
people: { ana: [lead] }
segments: { fresh: { signedUp: after 2026-01-01 } }
flags: { ${flags} }
phases:
  - phase: one
    steps:
${steps}
`;
const RAMP = '      - { ramp: cache, gate: standard, through: [50%, 100%], soak: 1h }\n';

function read(text: string) {
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  return { plan, told: diagnostics.map(({ line, code, message, mend }) => ({ line, code, message, mend })) };
}

describe("the step 'retire'", () => {
  it.each([
    ['', { afterMs: 14 * 86_400_000, approve: [] }],
    [', after: 8w', { afterMs: 56 * 86_400_000, approve: [] }],
    [', approve: none', { approve: null }],
    [', approve: lead', { approve: [{ role: 'lead', count: 1 }] }],
  ])('is read with `%s` [CO-6]', (more, expected) => {
    const { plan, told } = read(planWith(`${RAMP}      - { retire: cache${more} }`));
    expect(told).toEqual([]);
    expect(plan?.phases[0]?.steps[1]).toMatchObject({
      id: 'one/retire-cache',
      kind: 'retire',
      flag: 'cache',
      ...expected,
    });
  });

  it.each([
    ['before its ramp', `      - retire: cache\n${RAMP}`, 'retire-order', "'cache' is retired before it is ramped"],
    ['without a ramp', '      - retire: cache', 'never-ramped', "'cache' is retired, and no step ramps it"],
    [
      'short of 100 %',
      '      - { ramp: cache, gate: standard, through: [50%], soak: 1h }\n      - retire: cache',
      'retire-part',
      "'cache' is retired, and its ramp ends at 50 %: it would wait for ever",
    ],
    [
      'twice',
      `${RAMP}      - retire: cache\n      - { retire: cache, name: again }`,
      'retired-twice',
      "'cache' is retired already in 'one/retire-cache'",
    ],
    [
      'and watched after',
      `${RAMP}      - retire: cache\n      - { watch: { for: 1h, flags: [cache] }, gate: standard }`,
      'watch-retired',
      "'one/watch' watches 'cache' after it is retired, when nothing of it is counted any more",
    ],
    ['under another name', `${RAMP}      - retire: cahce`, 'unknown-flag', "unknown flag 'cahce'"],
    [
      'after no duration',
      `${RAMP}      - { retire: cache, after: soon }`,
      'invalid-duration',
      "'soon' is not a duration",
    ],
  ])('is refused where a flag is retired %s [CO-6]', (_how, steps, code, message) => {
    const { plan, told } = read(planWith(steps));
    expect(plan).toBeNull();
    expect(told).toContainEqual(expect.objectContaining({ code, message }));
  });

  it('is refused before what its flag requires is retired [CO-6]', () => {
    const flags = 'store: {}, cache: { requires: [store] }';
    const store = '      - { ramp: store, gate: standard, through: [100%], soak: 1h }\n';
    const wrong = read(planWith(`${store}${RAMP}      - retire: cache`, flags));
    expect(wrong.told).toMatchObject([
      {
        code: 'retire-order',
        message: "'cache' requires 'store', which is not retired before it",
        mend: "add a step 'retire: store' before it",
      },
    ]);
    expect(read(planWith(`${store}${RAMP}      - retire: store\n      - retire: cache`, flags)).told).toEqual([]);
  });

  it.each([
    [
      'whose percentage is not about everybody',
      'cache: { only: fresh }',
      "'cache' is retired, and its ramp is about 'fresh' only: the others would come to the candidate at once",
    ],
    [
      'that keeps somebody out',
      'cache: { exclude: [ben] }',
      "'cache' is retired, and 'ben' is excluded from it: they would come to the candidate",
    ],
  ])('is refused for a flag %s [CO-6]', (_which, flags, message) => {
    const { told } = read(planWith(`${RAMP}      - retire: cache`, flags));
    expect(told).toContainEqual(expect.objectContaining({ code: 'retire-part', message }));
  });

  it('names the one of several variants that stays [CO-6]', () => {
    const flags = 'cache: { variants: { short: 50%, long: 50% } }';
    const without = read(planWith(`${RAMP}      - retire: cache`, flags));
    expect(without.told).toContainEqual(
      expect.objectContaining({
        code: 'retire-variant',
        message: "'cache' has the variants short, long, and it is not said which stays",
        mend: "write 'variant: short', or another of short, long",
      }),
    );
    const { plan, told } = read(planWith(`${RAMP}      - { retire: cache, variant: long }`, flags));
    expect(told).toEqual([]);
    expect(plan?.phases[0]?.steps[1]).toMatchObject({ kind: 'retire', variant: 'long' });
    expect(read(planWith(`${RAMP}      - { retire: cache, variant: long }`)).told).toMatchObject([
      { message: "'cache' has no variant 'long'", mend: "drop 'variant:'" },
    ]);
  });

  it('comes after the last stage of a migration [CO-6]', () => {
    const stage = (to: string) => `      - { stage: cache, to: ${to}, gate: standard, through: [100%], soak: 1h }\n`;
    const stages = ['dualwrite', 'shadow', 'live', 'rampdown'].map(stage).join('');
    const flags = 'cache: { migration: {} }';
    expect(read(planWith(`${stages}      - retire: cache`, flags)).told).toMatchObject([
      {
        code: 'never-ramped',
        message: "'cache' is retired, and no step completes it",
        mend: "add a step 'stage: cache' with 'to: complete' before it, or drop this step",
      },
    ]);
    const last = stage('complete').replace(' }', ', approve: true }');
    expect(read(planWith(`${stages}${last}      - retire: cache`, flags)).told).toEqual([]);
  });
});
