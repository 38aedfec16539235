import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import { waitsOf } from './waits.ts';

const commands = ({ state, watches, now }: RolloutWorld): readonly (string | null)[] =>
  waitsOf(state, watches, now).map(({ command }) => command);

describe('waitsOf() names the command that ends a wait [ALL-6]', () => {
  it.each([
    [{ scope: 'flag', target: 'cache' }, 'theseus rollback run-1 --flag cache'],
    [{ scope: 'phase', target: 'one' }, 'theseus rollback run-1 --phase one'],
    [{ scope: 'point', target: 'before' }, 'theseus rollback run-1 --to before'],
    [{ scope: 'plan' }, 'theseus rollback run-1 --plan'],
  ] as const)('for a slow rollback of %j', (asked, command) => {
    const world = new RolloutWorld(
      plan([phase('one', [{ ...common('one/before'), kind: 'point', name: 'before' }, ramp('one', 'cache')])]),
    );
    expect(world.command({ verb: 'rollback', overMs: 300_000, ...asked })).toBeNull();
    expect(commands(world)[0]).toBe(command);
  });

  it.each([
    [['system'], 'theseus resume --all'],
    [['system', 'run'], 'theseus resume run-1'],
  ] as const)('for a step that is agreed to while %j pauses', (scopes, command) => {
    const approve = { fromExposure: 10_000, by: [] };
    const world = new RolloutWorld(plan([phase('one', [ramp('one', 'cache', { approve })])]));
    for (const scope of scopes) world.command({ verb: 'pause', scope });
    expect(world.command({ verb: 'approve' })).toBeNull();
    expect(commands(world).at(-1)).toBe(command);
  });
});
