import { describe, expect, it } from 'vitest';
import { type Plan, parsePlan } from '../plan/index.ts';
import { proofFindings } from './proof-findings.ts';
import { proofTimes } from './proof-time.ts';

interface Given {
  readonly rules?: string;
  readonly through?: string;
  readonly flag?: string;
}

function planOf({ rules = 'errors worse than legacy: hold', through = '4%, 100%', flag = '' }: Given = {}): Plan {
  const { plan, diagnostics } = parsePlan(
    `
plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate }, success: { reported: true, unit: percent }, p95: { telemetry: latency-p95 } }
gates: { g: { rules: [ ${rules} ] } }
flags: { cache: { ${flag} } }
segments: { team: { email: { endsWith: '@team.example' } } }
phases: [ { phase: one, steps: [ { ramp: cache, gate: g, through: [${through}], soak: 1h } ] } ]
`,
    { file: 'plan.yaml' },
  );
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

const crowd = (users: number) => ({ users, requestsPerUserMinute: 2 });

function findings(given: Given, users = 1_250) {
  const plan = planOf(given);
  return proofFindings(plan, crowd(users), proofTimes(plan, crowd(users)));
}

describe('proofTimes()', () => {
  it('says for each exposure how long the judge needs at the expected traffic', () => {
    const [proof] = proofTimes(planOf(), crowd(1_250));
    expect(proof).toMatchObject({ stepId: 'one/cache', flag: 'cache', profile: 'balanced' });
    expect(proof?.stages[0]).toMatchObject({ exposurePercent: 4, people: 50, soakMs: 3_600_000 });
    expect(proof?.stages[0]?.provenAfterMs).toBeGreaterThan(60_000);
  });

  it('is shorter for a larger share, and for more people', () => {
    const first = (through: string, users: number) =>
      proofTimes(planOf({ through }), crowd(users))[0]?.stages[0]?.provenAfterMs ?? Number.POSITIVE_INFINITY;
    expect(first('20%, 100%', 1_250)).toBeLessThan(first('4%, 100%', 1_250));
    expect(first('4%, 100%', 12_500)).toBeLessThan(first('4%, 100%', 1_250));
  });

  it('says so where nobody can foresee it, and nothing of what would follow', () => {
    const [proof] = proofTimes(planOf({ through: '1%, 50%' }), { users: 100, requestsPerUserMinute: 0.001 });
    expect(proof?.stages).toMatchObject([{ exposurePercent: 1, people: 1, provenAfterMs: null }]);
  });

  it('has nothing to say of gates that compare no arms', () => {
    expect(proofTimes(planOf({ rules: 'errors > 5%: hold' }), crowd(1_250))).toEqual([]);
  });
});

describe('proofFindings()', () => {
  it('says that 50 of 50 cannot prove "> 98 %", how many can, and at which exposure there are so many', () => {
    const [finding] = findings({ rules: 'success < 98%: hold' });
    expect(finding).toMatchObject({
      severity: 'note',
      code: 'small-sample',
      path: ['phases', 0, 'steps', 0],
      text: 'one/cache: 50 of 50 people without a fault cannot prove success > 98 %, only > 94.2 %; 149 are needed',
      mend: expect.stringMatching(/^begin at 12 % rather than soak longer/),
    });
  });

  it('says it the other way round for what must stay low', () => {
    expect(findings({ rules: 'errors > 2%: rollback now' })[0]?.text).toMatch(
      /cannot prove errors < 2 %, only < 5.8 %; 149 are needed$/,
    );
  });

  it.each([
    ['there are enough people', { rules: 'success < 98%: hold', through: '12%, 100%' }],
    ['it is but a warning', { rules: 'success < 98%: warn' }],
    ['the signal is no share', { rules: 'p95 > 500ms: hold' }],
    ['nobody knows how many are named', { rules: 'success < 98%: hold', through: '0%, 100%' }],
    [
      'a segment is first, of whatever size',
      {
        rules: 'success < 98%: hold',
        through: '0%, 100%',
        flag: 'include: [ana], segments: [{ segment: team, exposure: 100% }]',
      },
    ],
  ])('says nothing where %s', (_where, given) => {
    expect(findings(given)).toEqual([]);
  });

  it('counts those who are named, where they are the first', () => {
    const named = Array.from({ length: 12 }, (_, at) => `person-${at}`).join(', ');
    const flag = `include: [${named}]`;
    const [finding] = findings({ rules: 'success < 80%: hold', through: '0%, 100%', flag });
    expect(finding?.text).toMatch(/^one\/cache: 12 of 12 people .* success > 80 %, only > 77.9 %; 14 are needed$/);
  });

  it('offers a person where there are not so many people at all', () => {
    expect(findings({ rules: 'success < 98%: hold' }, 100)[0]?.mend).toMatch(/let somebody agree/);
  });
});
