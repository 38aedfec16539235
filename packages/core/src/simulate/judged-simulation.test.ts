import { describe, expect, it } from 'vitest';
import { parsePlan } from '../plan/index.ts';
import { foresee } from './foresee.ts';
import { parseWhatIf } from './what-if.ts';

const START = Date.parse('2026-03-02T09:00:00Z');

function play(changes: { readonly whatIf?: string; readonly users?: number; readonly gate?: string } = {}) {
  const { whatIf, users = 10_000, gate = '' } = changes;
  const text = `
plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { g: { ${gate} rules: [ errors worse than legacy: rollback now ] } }
risks: { r: { through: [5%, 25%, 100%], soak: 1h, holdback: 5% } }
flags: { cache: { risk: r } }
phases: [ { phase: one, steps: [ { ramp: cache, gate: g } ] } ]
`;
  const { plan, diagnostics } = parsePlan(text, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return foresee(plan, {
    startAt: START,
    whatIf: whatIf === undefined ? [] : parseWhatIf(whatIf, plan),
    approvalDelayMs: 60_000,
    seed: 1,
    load: { users, requestsPerUserMinute: 1 },
  });
}

describe('the simulation of a gate that compares', () => {
  it('lets a clean candidate pass within its soaks', () => {
    const { simulation, findings } = play();
    expect(simulation.outcome).toBe('succeeded');
    expect(simulation.endedAt - START).toBeLessThan(3.2 * 3_600_000);
    expect(findings.map(({ code }) => code)).not.toContain('slow-proof');
  });

  it('takes back a candidate with five times the errors, with the numbers', () => {
    const { simulation } = play({ whatIf: 'errors=2.5% at 1m' });
    const rollback = simulation.events.find(({ type }) => type === 'rollback.initiated');
    expect(simulation.outcome).not.toBe('succeeded');
    expect((rollback?.at ?? Number.POSITIVE_INFINITY) - START).toBeLessThan(20 * 60_000);
    expect(rollback?.reason).toMatch(/worse in errors: .* % of \d+ requests fail, on legacy .* % of \d+/);
  });

  it('says what a fault costs that the judge has to find at the expected traffic', () => {
    const [many, few] = [play(), play({ users: 1_000 })];
    const detected = ({ cases }: typeof many) => cases.map(({ detectedMs }) => detectedMs ?? Number.POSITIVE_INFINITY);
    expect(many.cases.map(({ exposurePercent }) => exposurePercent)).toEqual([5, 25, 95]);
    expect(Math.max(...detected(many))).toBeLessThan(Math.max(...detected(few)));
    expect(many.worst?.never).toBeNull();
  });

  it('warns where the soak is over before harm can be ruled out, and offers people instead of minutes', () => {
    const [finding] = play({ users: 60 }).findings.filter(({ code }) => code === 'slow-proof');
    expect(finding).toMatchObject({
      severity: 'warning',
      path: ['phases', 0, 'steps', 0],
      text: expect.stringMatching(/one\/cache at 5 %: to rule out 2x the errors takes .* with 3 people/),
      mend: expect.stringContaining('a larger exposure rather than'),
    });
  });

  it('stands still while the arms cannot be counted, and takes it back where nobody can tell', () => {
    const { simulation } = play({ whatIf: 'errors=silent at 10m' });
    expect(simulation.outcome).toBe('unfinished');
    expect(simulation.stuckOn[0]?.text).toContain('was taken back because nobody could tell');
  });
});
