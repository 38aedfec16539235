import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { parsePlan } from './parse-plan.ts';
import type { PlanSource } from './source-schema.ts';

type GateSource = NonNullable<PlanSource['gates']>[string];

const RULES = [{ 'errors > 5%': 'rollback now' }];

function parse(gate: Partial<GateSource>, changes: Partial<PlanSource> = {}) {
  const source: PlanSource = {
    plan: 'moving',
    cohort: 'userId',
    signals: { errors: { telemetry: 'error-rate' } },
    gates: { standard: { rules: RULES, ...gate } },
    risks: { low: { through: ['10%', '50%'], soak: '30m' } },
    flags: { cache: { risk: 'low' } },
    phases: [{ phase: 'move', steps: [{ ramp: 'cache', gate: 'standard' }] }],
    ...changes,
  };
  const { plan, diagnostics } = parsePlan(stringify(source), { file: 'plan.yaml' });
  // Examples are short: what they leave unused is not what they are about.
  const ignored = ['unused', 'never-ramped'];
  return { plan, diagnostics: diagnostics.filter(({ code }) => !ignored.includes(code)) };
}

/** Exposures in percent and soaks in minutes of the only ramp. */
function stagesOf({ plan }: ReturnType<typeof parse>) {
  const step = plan?.phases[0]?.steps[0];
  if (step?.kind !== 'ramp') throw new Error('the plan has no ramp');
  return step.through.map((exposure, at) => [exposure / 1_000, (step.soaksMs[at] ?? 0) / 60_000]);
}

describe('a gate', () => {
  it('says nothing of what it leaves out, but that it is blind for 30 minutes at most', () => {
    expect(parse({}).plan?.gates['standard']).toMatchObject({ minSample: 20, maxBlindMs: 1_800_000 });
    expect(Object.keys(parse({}).plan?.gates['standard'] ?? {})).not.toContain('profile');
  });

  it('reads how it judges', () => {
    const { plan, diagnostics } = parse({
      profile: 'strict',
      mode: 'observe',
      warmUp: '90s',
      near: '80%',
      maxBlind: '5m',
      onInconclusive: 'approve',
    });
    expect(diagnostics).toEqual([]);
    expect(plan?.gates['standard']).toMatchObject({
      profile: 'strict',
      mode: 'observe',
      warmUpMs: 90_000,
      near: 0.8,
      maxBlindMs: 300_000,
      onInconclusive: 'approve',
    });
  });

  it.each<[string, object, string, string]>([
    ['an unknown profile', { profile: 'lenient' }, 'invalid-value', 'strict'],
    ['an unknown mode', { mode: 'watch' }, 'invalid-value', 'observe'],
    ['to go on silently', { onInconclusive: 'proceed' }, 'invalid-value', 'extend'],
    ['a warm-up without a unit', { warmUp: '5 mins' }, 'invalid-duration', "'5m'"],
    ['nearness without a sign', { near: '80' }, 'invalid-percentage', "'80%'"],
    ['to warn at the bound itself', { near: '100%' }, 'invalid-percentage', "'80%'"],
    ['a blindness that is no time', { maxBlind: 'long' }, 'invalid-duration', '30m'],
    [
      'two rules for one finding',
      { rules: [{ 'errors worse than legacy': 'hold' }, { 'errors  worse than legacy': 'warn' }] },
      'duplicate-rule',
      'keep the one',
    ],
    [
      'two limits',
      { rules: [{ 'errors surely > 5%': 'hold' }, { 'errors surely > 9%': 'warn' }] },
      'duplicate-rule',
      '',
    ],
  ])('refuses %s', (_what, gate, code, mend) => {
    const { plan, diagnostics } = parse(gate as Partial<GateSource>);
    expect(plan).toBeNull();
    expect(diagnostics).toMatchObject([{ code, mend: expect.stringContaining(mend) }]);
  });

  it('cannot compare where no flag or nobody on legacy is to be compared with', () => {
    const gate = { rules: [{ 'worse than legacy': 'rollback now' }] };
    const watch = [{ phase: 'move', steps: [{ watch: { for: '1h', flags: [] }, gate: 'standard' }] }];
    expect(parse(gate, { phases: watch }).diagnostics).toMatchObject([{ code: 'missing-flag' }]);
    const whole = { risks: { low: { through: ['10%', '100%'], soak: '30m' } } };
    expect(parse(gate, whole).diagnostics).toMatchObject([{ code: 'nothing-to-compare', severity: 'warning' }]);
    expect(parse({}, whole).diagnostics).toEqual([]);
  });

  it('compares in gates only: a contingency has no ramp along which evidence gathers', () => {
    const contingencies = { trouble: { when: 'errors worse than legacy', flag: 'cache', do: [{ rollback: 'cache' }] } };
    expect(parse({}, { contingencies }).diagnostics).toMatchObject([{ code: 'not-comparable' }]);
  });
});

describe('a holdback', () => {
  it('keeps some on legacy during the last soak, and then lets everybody follow', () => {
    const risks = { low: { through: ['10%', '100%'], soak: '30m', holdback: '5%' } };
    const parsed = parse({ rules: [{ 'worse than legacy': 'rollback now' }] }, { risks });
    expect(parsed.diagnostics).toEqual([]);
    expect(stagesOf(parsed)).toEqual([
      [10, 30],
      [95, 30],
      [100, 0],
    ]);
  });

  it("stands in a ramp's own exposures, which those of the risk do not reach", () => {
    const risks = { low: { through: ['10%', '100%'], soak: '30m', holdback: '5%' } };
    const own = (step: object) => [{ phase: 'move', steps: [{ ramp: 'cache', gate: 'standard', ...step }] }];
    const phases = own({ through: ['100% for 1h'], holdback: '0.5%' }) as PlanSource['phases'];
    expect(stagesOf(parse({}, { risks, phases }))).toEqual([
      [99.5, 60],
      [100, 0],
    ]);
    const without = own({ through: ['20%', '100%'] }) as PlanSource['phases'];
    expect(stagesOf(parse({}, { risks, phases: without }))).toHaveLength(2);
  });

  it.each<[string, string, string, string]>([
    ['as much as was there before', '10%', '90%', 'less than 90%'],
    ['what is no percentage', '10%', 'some', '0.001%'],
    ['anything', '100%', '0%', '0.001%'],
  ])('cannot be %s', (_what, first, holdback, mend) => {
    const risks = { low: { through: [...new Set([first, '100%'])], soak: '30m', holdback } };
    expect(parse({}, { risks }).diagnostics).toMatchObject([{ mend: expect.stringContaining(mend) }]);
  });

  it('is refused where legacy keeps its people anyway', () => {
    const risks = { low: { through: ['10%', '50%'], soak: '30m', holdback: '5%' } };
    expect(parse({}, { risks }).diagnostics).toMatchObject([{ code: 'invalid-holdback' }]);
  });
});
