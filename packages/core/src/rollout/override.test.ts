import { describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Arm } from '../flag/index.ts';
import { initialState } from './initial-state.ts';
import type { Verb } from './input.ts';
import { OVERRIDES_LIMIT, SUBJECT_LENGTH_LIMIT } from './override.ts';

const decide = (to: Arm | null, ...subjects: readonly string[]): Verb => ({
  verb: 'override',
  flag: 'cache',
  subjects,
  to,
});
const begun = (): RolloutWorld => new RolloutWorld(plan([phase('one', [ramp('one', 'cache')])]));
const overrides = (world: RolloutWorld) => world.state.flags['cache']?.overrides;

describe('a person’s decision about one subject', () => {
  it('is an event with who and why, and names only those whom it changes [CO-17]', () => {
    const world = begun();
    expect(world.command(decide('candidate', 'ada', 'ben', 'ada'), 'eve')).toBeNull();
    expect(world.last('flag.overridden')).toMatchObject({
      flag: 'cache',
      subjects: ['ada', 'ben'],
      to: 'candidate',
      actor: { kind: 'person', name: 'eve' },
      reason: 'override in a test',
    });
    expect(world.command(decide('legacy', 'ben', 'cleo'))).toBeNull();
    expect(overrides(world)).toEqual({ candidate: ['ada'], legacy: ['ben', 'cleo'] });
    const { revision } = world.state;
    expect(world.command(decide('legacy', 'cleo'))).toBeNull();
    expect(world.command(decide(null, 'somebody'))).toBeNull();
    expect(world.state.revision).toBe(revision);
    expect(world.command(decide(null, 'ben', 'ada', 'cleo'))).toBeNull();
    expect(overrides(world)).toEqual({ candidate: [], legacy: [] });
  });

  it('stands over exposure, rollback, a new try, an edit, abort and the end, which only people undo [CO-17]', () => {
    const world = begun();
    world.command(decide('candidate', 'ada'));
    world.command(decide('legacy', 'ben'));
    const decided = overrides(world);
    const stands = (): void => expect(overrides(world)).toEqual(decided);
    world.confirm();
    world.live(80_000);
    stands();
    world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
    world.confirm();
    stands();
    world.command({ verb: 'retry', stepId: 'one/cache', andAfter: true });
    stands();
    const edited = { ...world.state.plan, title: 'Edited' };
    expect(world.command({ verb: 'edit', plan: edited, planHash: 'sha256:other' })).toBeNull();
    stands();
    world.command({ verb: 'abort' });
    stands();
    expect(world.state.status).toBe('finished');
    // People are on a flag long after its run has ended.
    expect(world.command(decide('legacy', 'dora'))).toBeNull();
    expect(overrides(world)?.legacy).toEqual(['ben', 'dora']);
  });

  it('goes over to the next run of the flag [CO-17]', () => {
    const world = begun();
    const known = { candidate: ['ada'], legacy: ['ben'] };
    const [first] = world.events;
    if (first?.type !== 'run.started') throw new Error('the run did not start');
    expect(initialState({ ...first, overrides: { cache: known } }).flags['cache']?.overrides).toEqual(known);
  });

  it.each([
    ['an unknown flag', { ...decide('legacy', 'ada'), flag: 'cash' }, "no flag 'cash' in this run, there are: cache"],
    ['no key', decide('legacy', ' '), 'write its userId'],
    ['too long a key', decide('legacy', 'a'.repeat(SUBJECT_LENGTH_LIMIT + 1)), 'at most 300 characters'],
  ] as const)('is refused for %s, with what is allowed', (_what, verb, text) => {
    expect(begun().command(verb as Verb)?.message).toContain(text);
  });

  it('can be made about ten thousand subjects of a flag, and no more [CO-17]', () => {
    const world = begun();
    const many = Array.from({ length: OVERRIDES_LIMIT }, (_, at) => `user-${at}`);
    expect(world.command(decide('candidate', ...many))).toBeNull();
    expect(world.command(decide('legacy', 'one-more'))?.message).toContain('10000 is the most: clear some');
    expect(world.command(decide('legacy', 'user-0'))).toBeNull();
    expect(world.command(decide(null, 'user-1'))).toBeNull();
    expect(world.command(decide('legacy', 'one-more'))).toBeNull();
  });

  it.each(['__proto__', 'constructor'])('is about %s as about anybody', (subject) => {
    const world = begun();
    world.command(decide('legacy', subject));
    expect(overrides(world)?.legacy).toEqual([subject]);
    expect(world.command({ ...decide('legacy', 'ada'), flag: subject } as Verb)?.code).toBe('not-found');
  });
});

describe('a flag that only those who are named are on', () => {
  const named = (): RolloutWorld => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'cache', { through: [0, 10_000], soaksMs: [60_000, 60_000] })])]),
    );
    world.confirm();
    return world;
  };

  it.each<Verb>([
    { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 },
    { verb: 'cancel' },
    { verb: 'abort' },
  ])('is taken back and confirmed by $verb, though its share is none already', (verb) => {
    const world = named();
    expect(world.command(verb)).toBeNull();
    expect(world.last('flag.exposure-changed')).toMatchObject({ from: 0, to: 0 });
    expect(world.state.flags['cache']?.confirmed).toBe(false);
    const isVerified = (): boolean => world.types().includes('rollback.completed');
    expect(isVerified()).toBe(false);
    world.confirm();
    expect(isVerified()).toBe(verb.verb === 'rollback');
  });
});
