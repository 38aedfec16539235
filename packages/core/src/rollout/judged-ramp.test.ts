import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rollbackNow, rule, standardGate } from '../../test-support/given-plan.ts';
import { JudgedWorld } from '../../test-support/judged-world.ts';
import type { Gate, JudgedMetric } from '../health/index.ts';
import type { Step } from '../plan/index.ts';
import { viewOf } from './view-of.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ID = 'move/flag-a';

const worse = (metric: JudgedMetric | null) => ({ kind: 'worse-than-legacy', metric }) as const;
const any = rule({ text: 'worse than legacy', signal: '*', bound: worse(null) }, rollbackNow);
const judged: Gate = { ...standardGate, rules: [any], maxBlindMs: 30 * MINUTE };

function given(gate: Partial<Gate> = {}, step: Parameters<typeof ramp>[2] = {}): JudgedWorld {
  const changes = { soakMs: HOUR, through: [10_000, 50_000], ...step };
  const world = new JudgedWorld(
    plan([phase('move', [ramp('move', 'flag-a', changes)])], { gates: { standard: { ...judged, ...gate } } }),
  );
  world.confirm();
  return world;
}

const holdOf = (world: JudgedWorld) => world.state.steps[ID]?.hold ?? null;
const last = (world: JudgedWorld, type: string) => world.events.findLast((event) => event.type === type);

describe('a ramp that is judged by comparison', () => {
  it('rises when its soak is over and harm is ruled out [QA-8]', () => {
    const world = given();
    world.serve(HOUR + MINUTE);
    expect(world.exposure('flag-a')).toBe(50);
    expect(last(world, 'flag.exposure-changed')?.reason).toContain('healthy for the whole soak');
  });

  it.each<[string, object, string]>([
    ['five times the errors', { errors: 2.5 }, 'worse in errors'],
    ['twice the latency', { slowness: 2 }, 'worse in latency'],
  ])('takes back %s within minutes, and says what was counted [CV-4, XR-3]', (_what, traffic, text) => {
    const world = given();
    world.serve(20 * MINUTE, traffic);
    const rollback = last(world, 'rollback.initiated');
    expect(world.exposure('flag-a')).toBe(0);
    expect(rollback?.reason).toContain(text);
    expect(rollback?.reason).toMatch(/evidence \d+, 20 is enough/);
  });

  it('goes by evidence of all its exposures: a new one begins a new soak, but no new judge', () => {
    const world = given({}, { soakMs: 30 * MINUTE });
    world.serve(31 * MINUTE);
    const before = world.watches.get(ID)?.judge?.state?.looks ?? 0;
    world.serve(10_000);
    const { soakedMs, judge } = world.watches.get(ID) ?? {};
    expect(world.state.steps[ID]?.stage).toBe(1);
    expect(soakedMs).toBeLessThan(2 * MINUTE);
    expect(judge?.state?.looks).toBe(before + 1);
  });

  it('goes on from what was written down when a process dies', () => {
    const [kept, restarted] = [given(), given()];
    for (let minute = 0; minute < 30; minute += 1) {
      kept.serve(MINUTE, { errors: 0.6 });
      restarted.serve(MINUTE, { errors: 0.6 });
      restarted.restart();
    }
    expect(restarted.watches.get(ID)).toEqual(kept.watches.get(ID));
    expect(JSON.stringify(kept.watches.get(ID)?.judge).length).toBeLessThan(8_192);
  });

  it('judges another attempt by its own evidence only', () => {
    const world = given();
    world.serve(20 * MINUTE, { errors: 2.5 });
    world.confirm();
    world.serve(MINUTE);
    expect(world.command({ verb: 'retry', stepId: ID, andAfter: true })).toBeNull();
    world.confirm();
    world.serve(5 * MINUTE);
    expect(world.exposure('flag-a')).toBe(10);
    expect(world.watches.get(ID)?.judge?.failed).toEqual([]);
  });

  it('begins anew when the rules are edited', () => {
    const world = given();
    world.serve(10 * MINUTE);
    const gate = {
      ...judged,
      rules: [rule({ text: 'errors worse than legacy', bound: worse('errors') }, rollbackNow)],
    };
    const edited = { ...world.state.plan, gates: { standard: gate } };
    expect(world.command({ verb: 'edit', plan: edited, planHash: 'sha256:edited' })).toBeNull();
    world.serve(10_000);
    expect(world.watches.get(ID)?.judge?.state?.looks).toBe(0);
  });

  it('never blames the candidate for a world that is ill, and says so [XR-4]', () => {
    const world = given();
    world.serve(10 * MINUTE);
    world.serve(20 * MINUTE, { errors: 8, legacyErrors: 8 });
    expect(world.types()).not.toContain('rollback.initiated');
    expect(world.exposure('flag-a')).toBe(10);
    expect(holdOf(world)).toMatchObject({ reason: 'no-evidence', text: expect.stringContaining('the world is ill') });
    expect(world.watches.get(ID)?.verdict?.judgement?.reason).toBe('environment');
    world.serve(20 * MINUTE);
    expect(holdOf(world)).toBeNull();
  });

  it('does not let a soak grow while nobody counts', () => {
    const world = given();
    world.serve(10 * MINUTE);
    const before = world.watches.get(ID)?.soakedMs;
    world.serve(10 * MINUTE, { problem: 'connection refused' });
    expect(world.watches.get(ID)).toMatchObject({ soakedMs: before, verdict: { verdict: 'inconclusive' } });
    expect(holdOf(world)).toMatchObject({ reason: 'no-evidence', text: 'connection refused' });
    world.serve(MINUTE);
    expect(holdOf(world)).toBeNull();
  });

  it('lets the rule that names the finding decide, and judges the rest on', () => {
    const slow = rule(
      { text: 'latency worse than legacy', signal: 'latency', bound: worse('latency') },
      { kind: 'warn' },
    );
    const world = given({ rules: [slow, any] });
    world.serve(20 * MINUTE, { slowness: 2 });
    expect(world.exposure('flag-a')).toBe(10);
    expect(last(world, 'step.warned')).toMatchObject({ rules: 'latency worse than legacy' });
    world.serve(20 * MINUTE, { slowness: 2, errors: 3 });
    expect(last(world, 'rollback.initiated')?.reason).toContain('worse in errors');
  });

  it('tells a limit that is surely broken from a difference to legacy', () => {
    const rules = [
      rule({ text: 'errors worse than legacy', bound: worse('errors') }, { kind: 'warn' }),
      rule({ text: 'errors surely > 5%', bound: { kind: 'surely', value: 5 } }, rollbackNow),
    ];
    const mild = given({ rules });
    mild.serve(HOUR, { errors: 2.5 });
    expect(mild.exposure('flag-a')).toBe(10);
    expect(last(mild, 'step.warned')).toMatchObject({ rules: 'errors worse than legacy' });
    const wild = given({ rules });
    wild.serve(HOUR, { errors: 20 });
    expect(wild.exposure('flag-a')).toBe(0);
  });
});

describe('a soak that is over without proof', () => {
  // So few people that an hour proves nothing.
  const few = { users: 200 };

  it('is extended up to twice its length, and then the step is held [QA-8]', () => {
    const world = given();
    world.serve(HOUR + 2 * MINUTE, few);
    expect(last(world, 'step.warned')).toMatchObject({
      rules: 'onInconclusive: extend',
      reason: expect.stringContaining('the soak goes on: nothing alarming'),
    });
    expect(holdOf(world)).toBeNull();
    world.serve(HOUR, few);
    expect(holdOf(world)).toMatchObject({ reason: 'no-evidence', text: expect.stringContaining('not ruled out') });
    const events = world.events.length;
    world.serve(HOUR, few);
    expect(world.events).toHaveLength(events);
    expect(world.exposure('flag-a')).toBe(10);
  });

  it('goes on by itself once harm is ruled out after all', () => {
    const world = given();
    world.serve(2 * HOUR + 2 * MINUTE, few);
    expect(holdOf(world)).not.toBeNull();
    world.serve(HOUR, { users: 20_000 });
    expect(world.exposure('flag-a')).toBe(50);
  });

  it('asks a person where the gate says so, and shows what is not ruled out', () => {
    const world = given({ onInconclusive: 'approve' });
    world.serve(HOUR + 2 * MINUTE, few);
    const asked = last(world, 'approval.requested');
    expect(asked).toMatchObject({
      approvalId: `${ID}@50%`,
      question: expect.stringMatching(/Raise flag-a to 50 %\? Not proven: .*not ruled out.*errors: .* requests fail/s),
    });
    world.serve(HOUR, few);
    expect(world.exposure('flag-a')).toBe(10);
    expect(world.command({ verb: 'approve', stepId: ID })).toBeNull();
    world.serve(MINUTE, few);
    expect(world.exposure('flag-a')).toBe(50);
    world.serve(HOUR + 2 * MINUTE, few);
    expect(last(world, 'approval.requested')).toMatchObject({ approvalId: `${ID}@end` });
    world.command({ verb: 'approve', stepId: ID });
    world.serve(MINUTE, few);
    expect(world.state.outcome).toBe('succeeded');
  });

  it('holds at once where the gate says so; a person who promotes it goes on', () => {
    const world = given({ onInconclusive: 'hold' });
    world.serve(HOUR + 2 * MINUTE, few);
    expect(holdOf(world)?.reason).toBe('no-evidence');
    expect(world.command({ verb: 'promote', stepId: ID })).toBeNull();
    expect(world.exposure('flag-a')).toBe(50);
  });
});

describe('a gate that observes', () => {
  it('tells once what it would have done, and never does it', () => {
    const world = given(
      { mode: 'observe', rules: [any, rule({ text: 'errors > 5%' }, rollbackNow)] },
      { soakMs: 10 * MINUTE },
    );
    world.serve(12 * MINUTE, { errors: 20, readings: { errors: 20 } });
    expect(world.types()).not.toContain('rollback.initiated');
    expect(world.types()).not.toContain('step.held');
    const warned = world.events.filter(({ type }) => type === 'step.warned');
    expect(warned.at(-1)?.reason).toContain('would roll back the flag now');
    expect(world.exposure('flag-a')).toBe(50);
    expect(warned.length).toBeLessThanOrEqual(4);
  });

  it('takes silence for health no more than any other, but does not hold for it', () => {
    const world = given({ mode: 'observe' }, { soakMs: 10 * MINUTE });
    world.serve(2 * HOUR, { problem: 'silent' });
    expect(world.exposure('flag-a')).toBe(10);
    expect(world.types()).not.toContain('step.held');
    expect(world.types().filter((type) => type === 'step.warned')).toHaveLength(1);
  });
});

describe('a ramp that nobody can see', () => {
  const rules = [rule({ text: 'errors > 5%' }, rollbackNow)];
  const dead = { readings: { errors: { status: 'error', value: null, problem: 'refused' } } } as const;
  const well = { readings: { errors: 0.5 } };
  const through = [5_000, 10_000, 50_000];
  const stages = (world: JudgedWorld) =>
    world.events.flatMap((event) => (event.type === 'flag.exposure-changed' ? event.to / 1_000 : []));

  it('warns after five minutes, and goes back one exposure for each time the gate allows [CO-13]', () => {
    const world = given({ rules }, { through, soakMs: 10 * MINUTE });
    world.serve(11 * MINUTE, well);
    expect(world.exposure('flag-a')).toBe(10);
    world.serve(6 * MINUTE, dead);
    expect(last(world, 'step.warned')?.reason).toContain('whether flag-a is well, and 10 % are on it: errors: refused');
    world.serve(25 * MINUTE, dead);
    expect(world.exposure('flag-a')).toBe(5);
    expect(holdOf(world)).toMatchObject({
      reason: 'blind',
      text: expect.stringContaining('from 10 % to 5 %: errors: refused'),
    });
    expect(last(world, 'step.held')).toMatchObject({ evidence: { verdict: { verdict: 'error' } } });
    world.serve(31 * MINUTE, dead);
    expect(world.exposure('flag-a')).toBe(0);
    world.serve(3 * HOUR, dead);
    expect(stages(world)).toEqual([5, 10, 5, 0]);
    const { waits } = viewOf(world.state, world.watches, world.now);
    expect(waits[0]?.command).toContain(`retry run-1 --step ${ID}`);
  });

  it('goes on when data return, even from nobody', () => {
    const world = given({ rules }, { through, soakMs: 10 * MINUTE });
    world.serve(70 * MINUTE, dead);
    expect(world.exposure('flag-a')).toBe(0);
    world.serve(40 * MINUTE, well);
    expect(stages(world)).toEqual([5, 0, 5, 10, 50]);
    expect(world.state.outcome).toBe('succeeded');
  });

  it('stays where a person promoted it to, paused it or holds it', () => {
    const promoted = given({ rules }, { through });
    promoted.command({ verb: 'promote', stepId: ID });
    promoted.serve(2 * HOUR, dead);
    expect(promoted.exposure('flag-a')).toBe(10);
    const paused = given({ rules }, { through });
    paused.command({ verb: 'pause' });
    paused.serve(2 * HOUR, dead);
    expect(paused.exposure('flag-a')).toBe(5);
    const held = given({ rules }, { through });
    held.command({ verb: 'hold', stepId: ID });
    held.serve(2 * HOUR, dead);
    expect(held.exposure('flag-a')).toBe(5);
    expect(holdOf(held)?.reason).toBe('person');
  });

  it('may be begun again by a person, who is believed for as long again', () => {
    const world = given({ rules }, { through });
    world.serve(40 * MINUTE, dead);
    expect(world.command({ verb: 'retry', stepId: ID })).toBeNull();
    expect(world.exposure('flag-a')).toBe(5);
    world.serve(40 * MINUTE, dead);
    expect(world.exposure('flag-a')).toBe(0);
  });

  it('is not blind where too few have come, or nobody', () => {
    for (const reading of [
      { value: 0, sample: 3 },
      { status: 'no-data', value: null, sample: 0 },
    ] as const) {
      const world = given({ rules }, { through });
      world.serve(3 * HOUR, { readings: { errors: reading } });
      expect(world.exposure('flag-a')).toBe(5);
      expect(holdOf(world)?.reason).toBe('no-evidence');
    }
  });
});

describe('a watch beside a ramp of the same flag', () => {
  const limit = rule({ text: 'errors surely > 5%', bound: { kind: 'surely', value: 5 } }, rollbackNow);
  const WATCH = 'aside/watch';

  function watched(rules: Gate['rules'] = [limit]): JudgedWorld {
    const watch: Step = { ...common(WATCH), kind: 'watch', gate: 'watching', forMs: HOUR, flags: ['flag-a'] };
    const gates = { standard: { ...judged, rules: [] }, watching: { ...judged, name: 'watching', rules } };
    const steps = ramp('move', 'flag-a', { soakMs: 3 * HOUR, through: [10_000] });
    const world = new JudgedWorld(plan([phase('move', [steps]), phase('aside', [watch])], { gates }));
    world.confirm();
    return world;
  }

  it('judges anew what its rollback took back, instead of asking for a rollback without end', () => {
    const world = watched();
    world.serve(10 * MINUTE, { errors: 20 });
    expect(last(world, 'rollback.initiated')?.reason).toMatch(
      /errors surely > 5%: the candidate is surely above 5 % errors: 20 % of \d+ requests fail, on legacy 0.5 % of \d+/,
    );
    world.confirm();
    world.serve(MINUTE);
    const { verdict, judge } = world.watches.get(`${WATCH}@flag-a`) ?? {};
    expect(judge?.failed).toEqual([]);
    expect(verdict?.verdict).not.toBe('fail');
  });

  it('holds where it fails and nothing is left to take back', () => {
    const world = watched([rule({ text: 'errors > 5%' }, rollbackNow)]);
    const failing = { readings: { errors: { value: 20, sample: 1_000 } } };
    world.serve(MINUTE, failing);
    world.confirm();
    world.serve(MINUTE, failing);
    expect(world.types().filter((type) => type === 'rollback.initiated')).toHaveLength(1);
    expect(world.state.steps[WATCH]?.hold).toMatchObject({ reason: 'gate', text: expect.stringContaining('errors') });
  });
});
