import { describe, expect, it } from 'vitest';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { type Plan, parsePlan } from '../plan/index.ts';

const HOUR = 3_600_000;

/** Twelve people first; they tell by reports whether everybody else may follow. */
const PLAN = `plan: beta
cohort: userId
signals:
  onboarded: { reported: true, unit: percent, freshFor: 2d }
  satisfaction: { reported: true, unit: count, freshFor: 2d }
  open-p0: { reported: true, unit: count, freshFor: 2d }
  open-p1: { reported: true, unit: count, freshFor: 2d }
  responses: { reported: true, unit: percent, freshFor: 2d }
gates:
  exit-criteria:
    every: 10s
    minSample: 0
    rules:
      - open-p0 > 0: rollback now
      - onboarded < 80%: hold
      - satisfaction < 4: hold
      - open-p1 > 0: hold
      - responses < 20%: hold
segments: { invited: { invited: true } }
flags: { assistant: { cohort: { count: 12, of: invited } } }
phases:
  - phase: beta
    steps: [{ ramp: assistant, gate: exit-criteria, through: [0%, 25%, 100%], soak: 1h }]
`;

const MET = { onboarded: 80, satisfaction: 4, 'open-p0': 0, 'open-p1': 0, responses: 20 };

function planOf(): Plan {
  const { plan, diagnostics } = parsePlan(PLAN, { file: 'plan.yaml' });
  if (plan === null) throw new Error(JSON.stringify(diagnostics));
  return plan;
}

const members = Array.from({ length: 12 }, (_, at) => `member-${at}`);

function frozen(): RolloutWorld {
  const world = new RolloutWorld(planOf());
  world.confirm();
  const verb = { verb: 'override', flag: 'assistant', subjects: members, to: 'candidate', asCohort: true } as const;
  expect(world.command(verb)).toBeNull();
  return world;
}

const hold = (world: RolloutWorld) => world.state.steps['beta/assistant']?.hold;

describe('a beta cohort', () => {
  it.each<[what: string, reported: Partial<Record<keyof typeof MET, number>>]>([
    ['79 % onboarded', { onboarded: 79 }],
    ['3.9 of 5 satisfied', { satisfaction: 3.9 }],
    ['an open P1', { 'open-p1': 1 }],
    ['a response of 19 %', { responses: 19 }],
  ])('lets nobody follow at %s, and goes on once all criteria are met [CO-16]', (_what, reported) => {
    const world = frozen();
    world.live(2 * HOUR, { ...MET, ...reported });
    expect(world.exposure('assistant')).toBe(0);
    expect(hold(world)?.reason).toBe('gate');
    world.live(1.1 * HOUR, MET);
    expect(world.exposure('assistant')).toBe(25);
  });

  it('lets nobody follow while a criterion is not reported: silence is no consent [CO-16]', () => {
    const world = frozen();
    world.live(2 * HOUR, { ...MET, satisfaction: { status: 'no-data', value: null } });
    expect(world.exposure('assistant')).toBe(0);
  });

  it('goes back to legacy, members included, at an open P0 [CO-16]', () => {
    const world = frozen();
    world.live(60_000, { ...MET, 'open-p0': 1 });
    expect(world.state.flags['assistant']).toMatchObject({ exposure: 0, status: 'rolling-back', confirmed: false });
    world.confirm();
    expect(world.state.flags['assistant']?.status).toBe('rolled-back');
    // Who they are is kept for the next try.
    expect(world.state.flags['assistant']?.overrides).toEqual({
      candidate: members,
      legacy: [],
      isCohortFrozen: true,
    });
  });

  it('is picked once, has no more places than the plan says, and belongs to a flag that has one [CO-16]', () => {
    const world = frozen();
    const more = { verb: 'override', flag: 'assistant', subjects: ['one-more'], to: 'candidate' } as const;
    expect(world.command({ ...more, asCohort: true })?.message).toContain('the cohort of assistant is frozen');
    expect(world.command(more)).toBeNull();
    const fresh = new RolloutWorld(planOf());
    const thirteen = { ...more, subjects: [...members, 'one-more'], asCohort: true };
    expect(fresh.command(thirteen)?.message).toBe('the cohort of assistant has 12 places, 13 are too many');
    const plan = planOf();
    const { cohort: _none, ...bare } = plan.flags['assistant'] ?? { key: '' };
    const without = new RolloutWorld({ ...plan, flags: { assistant: bare as Plan['flags'][string] } });
    expect(without.command(thirteen)?.message).toContain("add 'cohort: { count: 13 }' to it");
  });
});
