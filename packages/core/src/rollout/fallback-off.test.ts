import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { parsePlan, type Step } from '../plan/index.ts';

const off = (id: string, flag: string): Step => ({ ...common(id), kind: 'fallback-off', flag });

/** Everybody on the candidate, and then nothing to fall back on. */
function withoutNet(): RolloutWorld {
  const world = new RolloutWorld(
    plan([
      phase('one', [ramp('one', 'cache', { through: [100_000] }), ramp('one', 'search', { through: [100_000] })]),
      phase(
        'last',
        [off('last/off', 'cache'), { ...common('last/stay'), kind: 'approve', by: [], question: 'Done?' }],
        ['one'],
      ),
    ]),
  );
  world.live(300_000);
  world.confirm();
  expect(world.state.steps['last/off']?.status).toBe('completed');
  return world;
}

const changes = (world: RolloutWorld) =>
  world.events.flatMap((event) => (event.type === 'flag.fallback-changed' ? [[event.flag, event.fallback]] : []));

describe('a step that switches a fallback off', () => {
  it('does so once everybody is on the candidate, for its flag alone [XR-9]', () => {
    const world = withoutNet();
    expect(changes(world)).toEqual([['cache', false]]);
    expect([world.state.flags['cache']?.fallbackOff, world.state.flags['search']?.fallbackOff]).toEqual([
      true,
      undefined,
    ]);
  });

  it.each([
    ['its flag', { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 60_000 }],
    ['its phase', { verb: 'rollback', scope: 'phase', target: 'last', overMs: 0 }],
    ['the plan', { verb: 'rollback', scope: 'plan', target: '', overMs: 60_000 }],
  ] as const)('is taken back with %s, before anybody moves [XR-9]', (_what, verb) => {
    const world = withoutNet();
    const before = world.events.length;
    expect(world.command(verb)).toBeNull();
    const types = world.events.slice(before).map(({ type }) => type);
    expect(changes(world)).toEqual([
      ['cache', false],
      ['cache', true],
    ]);
    const moved = types.indexOf('flag.exposure-changed');
    if (moved >= 0) expect(types.indexOf('flag.fallback-changed')).toBeLessThan(moved);
    for (let minute = 0; minute < 3; minute += 1) {
      world.live(60_000);
      world.confirm();
    }
    expect(world.state.steps['last/off']?.status).toBe('rolled-back');
  });

  it('stays as it is when another flag is rolled back', () => {
    const world = withoutNet();
    world.command({ verb: 'rollback', scope: 'flag', target: 'search', overMs: 0 });
    expect(changes(world)).toEqual([['cache', false]]);
  });

  it('is taken back by an abort [XR-9]', () => {
    const world = withoutNet();
    world.command({ verb: 'abort' });
    expect(changes(world).at(-1)).toEqual(['cache', true]);
    expect(world.exposure('cache')).toBe(0);
  });
});

describe('a plan that switches a fallback off', () => {
  const planOf = ({ flag = '{}', through = '[10%, 100%]', before = '', after = '- fallback-off: cache' } = {}) => `
plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { rules: ['errors > 5%': rollback now] } }
flags: { cache: ${flag} }
phases:
  - phase: one
    steps:
      ${before}
      - { ramp: cache, gate: standard, through: ${through}, soak: 1h }
  - phase: last
    steps:
      ${after}
`;

  it('is read as it is written', () => {
    const { plan: read, diagnostics } = parsePlan(planOf(), { file: 'plan.yaml' });
    expect(diagnostics).toEqual([]);
    expect(read?.phases[1]?.steps[0]).toMatchObject({ id: 'last/fallback-off', kind: 'fallback-off', flag: 'cache' });
  });

  it.each<[string, Parameters<typeof planOf>[0], string, RegExp]>([
    ['before its ramp', { before: '- fallback-off: cache' }, 'fallback-order', /before 'one\/cache' is over/],
    ['of a flag that stops short', { through: '[10%, 50%]' }, 'fallback-order', /leaves some on legacy/],
    ['of a flag that has none', { flag: '{ fallback: false }' }, 'fallback-order', /no fallback to switch off/],
    ['of a flag that there is not', { after: '- fallback-off: cash' }, 'unknown-flag', /cash/],
  ])('tells of one %s, with the mend', (_what, written, code, message) => {
    const [first] = parsePlan(planOf(written), { file: 'plan.yaml' }).diagnostics;
    expect(first).toMatchObject({ code, message: expect.stringMatching(message), mend: expect.stringMatching(/./) });
  });
});
