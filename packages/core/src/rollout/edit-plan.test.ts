import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { type Plan, planHash, type Step } from '../plan/index.ts';
import { replay } from './evolve.ts';

const save: Step = { ...common('one/save'), kind: 'run', command: { argv: ['save'], repeatable: false }, captures: [] };
const wait = (minutes: number): Step => ({
  ...common('two/rest'),
  kind: 'wait',
  until: { kind: 'duration', durationMs: minutes * 60_000 },
});
const people = { ana: { name: 'ana', roles: ['lead'] } };
const approve = { fromExposure: 50_000, by: [{ role: 'lead', count: 1 }] };

function given(steps: readonly Step[], more: readonly Step[] = [wait(60)], changes: Partial<Plan> = {}): Plan {
  return plan([phase('one', steps), phase('two', more, ['one'])], { people, ...changes });
}

function edit(world: RolloutWorld, next: Plan) {
  return world.command({ verb: 'edit', plan: next, planHash: planHash(next) });
}

/** A run whose ramp is at its first exposure. */
function ramping(changes: Parameters<typeof ramp>[2] = {}): RolloutWorld {
  const world = new RolloutWorld(given([save, ramp('one', 'cache', changes)]));
  world.finishEffects();
  world.confirm();
  world.live(20_000);
  return world;
}

describe('editing a running plan', () => {
  it('changes what is still to come, and goes on by it', () => {
    const world = ramping();
    const next = given([save, ramp('one', 'cache', { through: [10_000, 25_000, 100_000], soakMs: 30_000 })]);
    expect(edit(world, next)).toBeNull();
    expect(world.last('plan.edited')).toMatchObject({ touched: ['one/cache'], voided: [] });
    world.live(30_000);
    expect(world.exposure('cache')).toBe(25);
    expect(replay(world.events)).toEqual(world.state);
  });

  it('adds and removes steps and flags that the run has not come to', () => {
    const world = ramping();
    const next = given([save, ramp('one', 'cache'), ramp('one', 'search')], []);
    expect(edit(world, next)).toBeNull();
    expect(world.state.steps['two/rest']).toBeUndefined();
    expect(world.state.flags['search']).toMatchObject({ status: 'dark', exposure: 0 });
    world.live(500_000);
    expect(world.exposure('search')).toBe(100);
  });

  it.each([
    ['variants', { variants: [{ name: 'short', weight: 100_000 }] }],
    ['by', { by: 'teamId' }],
  ])('gives nobody another answer by other %s while they are on the candidate [CO-7] [CO-4]', (part, flag) => {
    const world = ramping();
    const known = given([save, ramp('one', 'cache')]);
    const { cache } = known.flags;
    if (cache === undefined) throw new Error('the plan has no flag');
    const next = { ...known, flags: { cache: { ...cache, ...flag } } };
    expect(edit(world, next)?.message).toContain(`people are on the candidate of cache: other ${part} would give them`);
    const dark = given([{ ...wait(60), id: 'one/rest' }, ramp('one', 'cache')]);
    expect(edit(new RolloutWorld(dark), { ...dark, flags: next.flags })).toBeNull();
  });

  it('voids the approvals of the steps it touches, and no others', () => {
    const world = ramping({ approve });
    world.live(70_000);
    world.command({ verb: 'approve' });
    expect(edit(world, { ...given([save, ramp('one', 'cache', { approve })]), title: 'Renamed' })).toBeNull();
    expect(world.last('plan.edited').voided).toEqual([]);
    const faster = given([save, ramp('one', 'cache', { approve, through: [10_000, 90_000, 100_000] })]);
    expect(edit(world, faster)).toBeNull();
    expect(world.last('plan.edited').voided).toEqual(['one/cache']);
    world.live(20_000);
    expect(world.exposure('cache')).toBe(10);
    expect(world.last('approval.requested').approvalId).toBe('one/cache@90%');
  });

  it('judges by new rules with new evidence', () => {
    const world = ramping();
    const strict = {
      ...standardGate,
      rules: [rule({ text: 'errors > 1%', bound: { kind: 'absolute', value: 1 } }, { kind: 'hold' })],
    };
    expect(edit(world, given([save, ramp('one', 'cache')], [wait(60)], { gates: { standard: strict } }))).toBeNull();
    world.live(60_000, { errors: 3 });
    expect(world.state.steps['one/cache']?.hold?.reason).toBe('gate');
    expect(world.exposure('cache')).toBe(10);
  });

  it('moves the end of a wait that is under way', () => {
    const world = ramping({ through: [100_000], soakMs: 0 });
    world.live(30_000);
    const startedAt = world.state.steps['two/rest']?.startedAt ?? 0;
    expect(edit(world, given([save, ramp('one', 'cache', { through: [100_000], soakMs: 0 })], [wait(5)]))).toBeNull();
    expect(world.state.steps['two/rest']?.until).toBe(startedAt + 300_000);
  });

  it('may mend a command that failed, and how a step that is over is taken back', () => {
    const world = new RolloutWorld(given([save, ramp('one', 'cache')]));
    world.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
    const mended = { ...save, command: { argv: ['save', '--force'], repeatable: true } } as Step;
    expect(edit(world, given([mended, ramp('one', 'cache')]))).toBeNull();
    world.command({ verb: 'retry' });
    expect(Object.values(world.state.effects)[0]?.request).toMatchObject({ argv: ['save', '--force'] });
    world.finishEffects();
    expect(edit(world, given([{ ...mended, undo: undoBy('restore') }, ramp('one', 'cache')]))).toBeNull();
  });

  it('that is the plan already changes nothing', () => {
    const world = ramping();
    const { revision } = world.state;
    const same = given([save, ramp('one', 'cache')]);
    expect(edit(world, same)).toBeNull();
    edit(world, same);
    expect(world.state.revision).toBe(revision + 1);
  });

  it.each<[string, (world: RolloutWorld) => Plan, string]>([
    [
      'a command that has run',
      () => given([{ ...save, command: { argv: ['other'], repeatable: false } } as Step, ramp('one', 'cache')]),
      'one/save is over (completed): what it did cannot be changed',
    ],
    ['a step that has run', () => given([ramp('one', 'cache')]), 'one/save has begun: it cannot be removed'],
    [
      'exposures that were climbed through',
      () => given([save, ramp('one', 'cache', { through: [5_000, 100_000] })]),
      'one/cache has climbed through 10%: these must stay as they are',
    ],
    [
      'the order of what has begun',
      () => given([{ ...save, ...common('one/new') } as Step, save, ramp('one', 'cache')]),
      'one/save has begun: one/new cannot be put before it',
    ],
    ['the salt', () => ({ ...given([save, ramp('one', 'cache')]), salt: 'another.' }), "its salt is 'moving..'"],
    ['where it was proven', () => ({ ...given([save, ramp('one', 'cache')]), after: 'staging' }), 'its after is'],
    ['the name', () => ({ ...given([save, ramp('one', 'cache')]), name: 'other' }), "its name is 'moving'"],
    [
      'a flag that people are on',
      () => ({ ...given([save, ramp('one', 'cache')]), flags: {} }),
      'people are on the candidate of cache',
    ],
  ])('refuses to change %s', (_what, next, text) => {
    const world = ramping();
    const refusal = edit(world, next(world));
    expect(refusal?.code).toBe('invalid-plan');
    expect(refusal?.message).toContain(text);
    expect(world.types()).not.toContain('plan.edited');
  });

  it('refuses to change what cannot be taken back once people have agreed to it, until they are asked again', () => {
    const go: Step = { ...common('one/go'), kind: 'approve', by: [{ role: 'lead', count: 1 }], question: 'Drop it?' };
    const rest: Step = { ...wait(60), ...common('one/rest') };
    const dropping = (table: string): Step => ({
      ...common('one/drop', { irreversible: true }),
      kind: 'run',
      command: { argv: ['drop', table], repeatable: false },
      captures: [],
    });
    const world = new RolloutWorld(given([go, rest, dropping('old')]));
    expect(edit(world, given([go, rest, dropping('older')]))).toBeNull();
    world.command({ verb: 'approve' });
    const refusal = edit(world, given([go, rest, dropping('everything')]));
    expect(refusal).toMatchObject({
      code: 'invalid-plan',
      message: expect.stringContaining('people have agreed to it'),
    });
    expect(world.command({ verb: 'retry', stepId: 'one/go', andAfter: true })).toBeNull();
    expect(edit(world, given([go, rest, dropping('everything')]))).toBeNull();
    expect(world.state.steps['one/go']?.approval?.given).toEqual([]);
  });

  it('is refused while a rollback runs, and tells every reason at once', () => {
    const world = ramping();
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    const refusal = edit(world, { ...given([ramp('one', 'cache')]), salt: 'another.' });
    expect(refusal?.message).toMatch(/salt.*rollback is under way.*one\/save has begun/);
  });
});
