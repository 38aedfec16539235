import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Step } from '../plan/index.ts';
import { forecast } from '../simulate/index.ts';
import { startRun } from './decide.ts';
import type { EffectRequest } from './effect.ts';
import { viewOf } from './view-of.ts';

const DAY = 86_400_000;
const WEEK = 7 * DAY;

const run = (id: string, changes: Partial<Extract<Step, { kind: 'run' }>> = {}): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: [id], repeatable: false },
  captures: [],
  ...changes,
});
const point = (id: string, name: string): Step => ({ ...common(id), kind: 'point', name });
const wait = (id: string, durationMs: number): Step => ({
  ...common(id),
  kind: 'wait',
  until: { kind: 'duration', durationMs },
});

const lineOf = (request: EffectRequest): string => (request.kind === 'command' ? request.argv.join(' ') : request.kind);

/** Lets every effect under way succeed, and says what was asked for, in order. */
function carriedOut(world: RolloutWorld): readonly string[] {
  const asked: string[] = [];
  for (;;) {
    const [effect] = Object.values(world.state.effects);
    if (effect === undefined) return asked;
    asked.push(lineOf(effect.request));
    world.finishEffects({}, (id) => id === effect.id);
  }
}

describe('a timeline of eight weeks', () => {
  const weeks = Array.from({ length: 8 }, (_, index) =>
    phase(`week-${index + 1}`, [wait(`week-${index + 1}/work`, WEEK)], index === 0 ? [] : [`week-${index}`]),
  );

  /** A run that was told, as the server tells it, when each step is expected. */
  function planned(): RolloutWorld {
    const given = plan(weeks);
    const world = new RolloutWorld(given);
    const told = {
      plan: given,
      planHash: 'sha256:test',
      actor: { kind: 'person', name: 'ana' },
      reason: 'test',
    } as const;
    world.state = startRun({ runId: 'run-1', ...told, forecast: forecast(given, world.now) }, world.now).state;
    return world;
  }

  const work = (world: RolloutWorld) =>
    viewOf(world.state, world.watches, world.now).phases.map(({ steps: [step] }) => step);

  it('shows for each week when it was planned and when it was, as data [CO-14]', () => {
    const world = planned();
    const start = world.now;
    expect(work(world).map((step) => step?.planned)).toEqual(
      weeks.map((_, index) => ({ startAt: start + index * WEEK, endAt: start + (index + 1) * WEEK })),
    );
    // Two weeks go by as planned; then three days of a pause push all that follows.
    for (const week of [1, 2]) {
      world.now = start + week * WEEK;
      world.give({ kind: 'timer' });
    }
    world.command({ verb: 'pause' });
    world.now += 3 * DAY;
    world.command({ verb: 'resume' });
    world.now = start + 3 * WEEK + 3 * DAY;
    world.give({ kind: 'timer' });
    const [, second, third, fourth, fifth] = work(world);
    expect(second).toMatchObject({ startedAt: start + WEEK, endedAt: start + 2 * WEEK, timeliness: 'on-time' });
    expect(third).toMatchObject({ planned: { endAt: start + 3 * WEEK }, endedAt: start + 3 * WEEK + 3 * DAY });
    expect(fourth).toMatchObject({ planned: { startAt: start + 3 * WEEK }, timeliness: 'late', endedAt: null });
    expect(fifth).toMatchObject({ planned: { startAt: start + 4 * WEEK }, timeliness: null, startedAt: null });
  });

  it('says what is late before it has begun, and what takes longer than it should [CO-14, QA-3]', () => {
    const world = planned();
    world.command({ verb: 'hold', stepId: 'week-1/work' });
    world.now += WEEK + DAY;
    world.give({ kind: 'timer' });
    expect(work(world).map((step) => step?.timeliness)).toEqual(['overdue', 'late', ...Array(6).fill(null)]);
  });
});

describe('three points of a launch, each with its own way back', () => {
  const launched = (): RolloutWorld => {
    const world = new RolloutWorld(
      plan([
        phase('one', [
          point('one/start', 'before-anything'),
          run('one/schema', { undo: undoBy('revert-schema') }),
          point('one/changed', 'after-the-schema'),
          run('one/seed', { undo: undoBy('drop-seed') }),
          point('one/seeded', 'after-the-seed'),
          run('one/deploy', { undo: undoBy('deploy-old') }),
          ramp('one', 'cache'),
        ]),
      ]),
    );
    world.finishEffects();
    world.confirm();
    return world;
  };

  it.each([
    ['after-the-seed', ['deploy-old']],
    ['after-the-schema', ['deploy-old', 'drop-seed']],
    ['before-anything', ['deploy-old', 'drop-seed', 'revert-schema']],
  ])('back to %s takes %j [QA-5]', (target, commands) => {
    const world = launched();
    expect(world.command({ verb: 'rollback', scope: 'point', target, overMs: 0 })).toBeNull();
    expect(world.exposure('cache')).toBe(0);
    world.confirm();
    expect(carriedOut(world)).toEqual(commands);
    expect(world.state.rollbacks[0]?.outcome).toBe('restored');
  });
});

describe('artefacts', () => {
  it('captured from output are used by the commands that take back, and keep to their argument [QA-4]', () => {
    const captures = [{ name: 'tag', pattern: 'tagged (.*)' }];
    const world = new RolloutWorld(
      plan([
        phase('one', [
          run('one/tag', { captures, undo: undoBy('deploy', '--tag=${{ tag }}', '--now') }),
          run('one/backup', { captures: [{ name: 'backup_id', pattern: 'saved as (\\S+)' }] }),
          run('one/schema', { undo: undoBy('restore', '${{ backup_id }}') }),
          ramp('one', 'cache'),
        ]),
      ]),
    );
    world.finishEffects({ captures: { tag: 'v1.2 --force' } }, (id) => id.startsWith('one/tag'));
    world.finishEffects({ captures: { backup_id: 'b-42' } }, (id) => id.startsWith('one/backup'));
    world.finishEffects();
    world.confirm();
    world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    world.confirm();
    const undone: (readonly string[])[] = [];
    for (let [effect] = Object.values(world.state.effects); effect !== undefined; ) {
      if (effect.request.kind === 'command') undone.push(effect.request.argv);
      const { id } = effect;
      world.finishEffects({}, (other) => other === id);
      [effect] = Object.values(world.state.effects);
    }
    expect(undone).toEqual([
      ['restore', 'b-42'],
      ['deploy', '--tag=v1.2 --force', '--now'],
    ]);
  });
});

describe('probes that are commands', () => {
  it('are given artefacts too, before a step, before its undo and after a rollback [QA-4]', () => {
    const asks = (what: string) =>
      ({
        kind: 'command',
        command: { argv: [what, '${{ tag }}'], repeatable: true },
        expect: { exitCode: 0, contains: null },
      }) as const;
    const undo = { ...undoBy('revert'), onlyIf: asks('is-the-cause') };
    const world = new RolloutWorld(
      plan([
        phase('one', [
          run('one/tag', { captures: [{ name: 'tag', pattern: 'tagged (.*)' }], undo }),
          { ...common('one/check'), kind: 'check', probe: asks('is-tagged') },
          ramp('one', 'cache', { verify: [asks('is-legacy')] }),
        ]),
      ]),
    );
    const asked: (readonly string[])[] = [];
    const carryOut = (): void => {
      for (const { id, request } of Object.values(world.state.effects)) {
        if (request.kind === 'probe' && request.probe.kind === 'command') asked.push(request.probe.command.argv);
        world.finishEffects({ captures: { tag: 'v1' } }, (other) => other === id);
        return carryOut();
      }
    };
    carryOut();
    world.confirm();
    world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    world.confirm();
    carryOut();
    expect(asked).toEqual(['is-tagged', 'is-the-cause', 'is-legacy'].map((what) => [what, 'v1']));
  });
});

describe('a gradual rollback', () => {
  it('steps the percentage down, dependents with it, and undoes only when nobody is left [XR-6]', () => {
    const world = new RolloutWorld(
      plan([phase('one', [ramp('one', 'base', { undo: undoBy('restore') }), ramp('one', 'search')])], {
        requires: { search: ['base'] },
      }),
    );
    world.confirm();
    world.command({ verb: 'promote', toEnd: true });
    world.confirm();
    world.command({ verb: 'promote', stepId: 'one/search' });
    world.confirm();
    const exposures = (): readonly number[] => [world.exposure('base'), world.exposure('search')];
    expect(exposures()).toEqual([100, 50]);
    world.command({ verb: 'rollback', scope: 'flag', target: 'base', overMs: 4 * 3_600_000 });
    const seen = [exposures()];
    for (let hour = 1; hour <= 4; hour += 1) {
      world.now += 3_600_000;
      world.give({ kind: 'timer' });
      world.confirm();
      expect(hour < 4 ? carriedOut(world) : []).toEqual([]);
      seen.push(exposures());
    }
    expect(seen).toEqual([
      [80, 40],
      [60, 30],
      [40, 20],
      [20, 10],
      [0, 0],
    ]);
    expect(carriedOut(world)).toEqual(['restore']);
    expect(world.last('rollback.completed').verification).toContain('base: every instance serves legacy');
  });
});

describe('a change freeze', () => {
  it('is lifted when the run is cancelled too, even while it is paused [QA-13]', () => {
    const freeze: Step = {
      ...common('one/freeze'),
      kind: 'freeze',
      command: { argv: ['freeze', 'on'], repeatable: true },
      lift: { argv: ['freeze', 'off'], repeatable: true },
    };
    const world = new RolloutWorld(plan([phase('one', [freeze, wait('one/rest', DAY)])]));
    expect(carriedOut(world)).toEqual(['freeze on']);
    world.command({ verb: 'pause', scope: 'system' });
    expect(world.command({ verb: 'cancel' })).toBeNull();
    expect(carriedOut(world)).toEqual(['freeze off']);
    expect(world.state.freezes['one/freeze']?.status).toBe('lifted');
  });
});
