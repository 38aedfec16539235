import { readFileSync } from 'node:fs';
import { type Plan, parsePlan } from '../src/plan/index.ts';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from './given-plan.ts';
import { RolloutWorld } from './rollout-world.ts';

/*
 * Runs that together meet every kind of event and most turns of a run. What they led to is kept in recorded-runs/, so
 * that a later version proves that it still reads what an earlier one wrote.
 */

const HOUR = 3_600_000;
const people = { ana: { name: 'ana', roles: ['lead'] }, ben: { name: 'ben', roles: ['lead', 'ops'] } };

/** Reads the plan with all of the language, as it is in one of its environments. */
function launchPlan(environment: string): Plan {
  const text = readFileSync(new URL('./launch-plan.yaml', import.meta.url), 'utf8');
  const read = parsePlan(text, { file: 'launch-plan.yaml', environment });
  if (read.plan === null) throw new Error(JSON.stringify(read.diagnostics));
  return read.plan;
}

/** Moves time on and lets the run notice. */
function later(world: RolloutWorld, ms: number): void {
  world.now += ms;
  world.give({ kind: 'timer' });
}

function endNext(world: RolloutWorld, outcome: 'succeeded' | 'failed'): void {
  const [next] = Object.keys(world.state.effects);
  world.give({
    kind: 'effect-finished',
    effectId: next ?? '',
    result: { outcome, summary: outcome, durationMs: 2_000 },
  });
}

/** A command that cannot say whether it happened, a ramp that fails, an undo that fails at first, and a new try. */
function rolledBack(): RolloutWorld {
  const undo = {
    alternatives: [
      { argv: ['revert'], repeatable: true },
      { argv: ['restore', '${{ backup_id }}'], repeatable: true },
    ],
    attempts: 2,
    onlyIf: {
      kind: 'command',
      command: { argv: ['is-the-cause'], repeatable: true },
      expect: { exitCode: 0, contains: null },
    },
    rehearsable: false,
  } as const;
  const save = { argv: ['save'], repeatable: false };
  const captures = [{ name: 'backup_id', pattern: 'saved as (\\S+)' }];
  const world = new RolloutWorld(
    plan(
      [
        phase('one', [
          { ...common('one/save', { undo, budgetMs: 60_000 }), kind: 'run', command: save, captures },
          ramp('one', 'base'),
          ramp('one', 'search', { verify: [undo.onlyIf] }),
        ]),
        phase('two', [{ ...common('two/tell'), kind: 'notify', channel: 'chat', message: 'done' }], ['one']),
      ],
      {
        requires: { search: ['base'] },
        gates: {
          standard: {
            ...standardGate,
            rules: [rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'phase', overMs: 300_000 })],
          },
        },
        messages: { done: 'done', stuck: '{{ trouble.target }}: {{ trouble.standing }}' },
        rollback: { afterwards: [{ kind: 'run', command: save }], escalate: { channel: 'chat', message: 'stuck' } },
      },
    ),
  );
  world.finishEffects({ outcome: 'unknown', summary: 'it was cut off' });
  world.command({ verb: 'retry' });
  world.finishEffects({ captures: { backup_id: 'b-42' } });
  world.confirm();
  world.live(300_000);
  world.confirm();
  world.live(30_000, { errors: 30 });
  later(world, 400_000);
  world.confirm();
  // It is the cause; both tries of the first way fail, and so does the first of the second way.
  for (const outcome of ['succeeded', 'failed', 'failed', 'failed', 'succeeded'] as const) endNext(world, outcome);
  world.finishEffects({ outcome: 'failed', summary: 'legacy answers 500', durationMs: 90_000 });
  world.command({ verb: 'resume' });
  world.command({ verb: 'rollback', scope: 'phase', target: 'one', overMs: 0 });
  world.finishEffects({ durationMs: 1_000 });
  return world;
}

/** A quorum, somebody who may not, a refusal and a change of mind; soaks that warn, hold and see no data. */
function approved(): RolloutWorld {
  const rules = [
    rule({ text: 'errors > 5%' }, { kind: 'hold' }),
    rule({ text: 'errors > 2%', bound: { kind: 'absolute', value: 2 } }, { kind: 'warn' }),
  ];
  const world = new RolloutWorld(
    plan(
      [
        phase('one', [
          { ...common('one/go'), kind: 'approve', by: [{ role: 'lead', count: 2 }], question: 'Go?' },
          ramp('one', 'cache', { approve: { fromExposure: 50_000, by: [{ role: 'ops', count: 1 }] } }),
          { ...common('one/stay'), kind: 'watch', gate: 'standard', forMs: 60_000, flags: ['cache'] },
        ]),
      ],
      { people, gates: { standard: { ...standardGate, rules } } },
    ),
  );
  for (const person of ['ana', 'eve', 'ana', 'ben']) world.command({ verb: 'approve' }, person);
  world.confirm();
  world.live(60_000, { errors: 3 });
  world.live(60_000, { errors: 9 });
  world.live(60_000, { errors: { status: 'stale', value: null } });
  world.live(120_000);
  world.command({ verb: 'reject' }, 'ben');
  world.command({ verb: 'approve' }, 'ben');
  world.live(30_000);
  world.confirm();
  world.live(80_000);
  world.command({ verb: 'approve' }, 'ben');
  world.live(400_000);
  world.confirm();
  return world;
}

/** The plan replaced twice under way: steps added, changed and removed, an approval voided. */
function edited(): RolloutWorld {
  const rest = { ...common('two/rest'), kind: 'wait', until: { kind: 'duration', durationMs: HOUR } } as const;
  const go = { ...common('one/go'), kind: 'approve', by: [{ role: 'lead', count: 2 }], question: 'Go?' } as const;
  const first = plan([phase('one', [go, ramp('one', 'cache')]), phase('two', [rest], ['one'])], { people });
  const second = plan(
    [
      phase('one', [{ ...go, question: 'Really?' }, ramp('one', 'cache'), ramp('one', 'menu')]),
      phase('two', [rest], ['one']),
    ],
    { people, title: 'Moved anew' },
  );
  const third = { ...second, phases: second.phases.slice(0, 1) };
  const world = new RolloutWorld(first);
  world.command({ verb: 'approve' });
  world.command({ verb: 'edit', plan: second, planHash: 'sha256:second' });
  for (const person of ['ana', 'ben']) world.command({ verb: 'approve' }, person);
  world.live(30_000);
  world.command({ verb: 'edit', plan: third, planHash: 'sha256:third' });
  world.command({ verb: 'promote', toEnd: true });
  world.confirm();
  world.live(400_000);
  world.confirm();
  return world;
}

/** One by its condition and again after its cool-down, one by hand that fails, and an abort while one acts. */
function contingencies(): RolloutWorld {
  const gate = {
    ...standardGate,
    name: 'slow',
    rules: [rule({ text: 'errors > 20%', bound: { kind: 'absolute', value: 20 } }, { kind: 'warn' })],
  };
  const tighten = { kind: 'run', command: { argv: ['tighten'], repeatable: true } } as const;
  const tell = { kind: 'notify', channel: 'chat', message: 'done' } as const;
  const world = new RolloutWorld(
    plan([phase('one', [ramp('one', 'cache', { gate: 'lenient', soakMs: 24 * HOUR })])], {
      gates: {
        standard: standardGate,
        lenient: {
          ...standardGate,
          name: 'lenient',
          rules: [rule({ text: 'errors > 90%', bound: { kind: 'absolute', value: 90 } }, { kind: 'hold' })],
        },
      },
      contingencies: {
        slow: { name: 'slow', title: 'slow', gate, flag: 'cache', actions: [tighten, tell], cooldownMs: 600_000 },
        corrupt: {
          name: 'corrupt',
          title: 'corrupt',
          gate: null,
          flag: null,
          actions: [{ kind: 'rollback', flag: 'cache' }, tighten],
          cooldownMs: null,
        },
      },
    }),
  );
  world.confirm();
  for (let minute = 0; minute < 12; minute += 1) {
    world.live(60_000, { errors: 30 });
    world.finishEffects({ durationMs: 5 });
  }
  world.command({ verb: 'trigger', name: 'corrupt' });
  world.finishEffects({ outcome: 'failed', summary: 'exit code 2' });
  world.command({ verb: 'abort' });
  world.confirm();
  return world;
}

/** The plan of the language's own test in staging: freeze, backup, rehearsal, point, paced ramp, watch. */
function launched(): RolloutWorld {
  const given = launchPlan('staging');
  const world = new RolloutWorld(given);
  world.now = (given.launchAt ?? 0) - HOUR;
  later(world, HOUR / 2);
  world.finishEffects({}, (id) => id.startsWith('prepare/freeze'));
  world.finishEffects({ captures: { backup_id: 'b-7' } }, (id) => id.startsWith('prepare/sessions'));
  world.finishEffects({ durationMs: 4_000 });
  later(world, HOUR / 2);
  world.confirm();
  world.live(HOUR);
  world.confirm();
  world.live(2 * HOUR, { errors: 30 });
  world.finishEffects({ durationMs: 2 });
  world.confirm();
  world.finishEffects({ durationMs: 2 });
  return world;
}

/** Two pauses over each other, a hold, a skip, a retry from a step in a run that has ended, and a point gone back to. */
function steered(): RolloutWorld {
  const baseline = { ...common('one/baseline'), kind: 'baseline', overMs: HOUR } as const;
  const drop = {
    ...common('one/drop', { irreversible: true, timeoutMs: 60_000 }),
    kind: 'run',
    command: { argv: ['drop'], repeatable: false },
    captures: [],
  } as const;
  const world = new RolloutWorld(
    plan([
      phase('one', [
        baseline,
        drop,
        { ...common('one/before'), kind: 'point', name: 'before' },
        ramp('one', 'cache', { undo: undoBy('restore') }),
      ]),
      phase('two', [{ ...common('two/rest'), kind: 'wait', until: { kind: 'duration', durationMs: HOUR } }], ['one']),
    ]),
  );
  world.command({ verb: 'pause' });
  world.command({ verb: 'pause', scope: 'system' });
  later(world, HOUR);
  world.command({ verb: 'resume' });
  world.command({ verb: 'resume', scope: 'system' });
  world.finishEffects({ baselines: { cache: { errors: 0.4 } } }, (id) => id.startsWith('one/baseline'));
  later(world, 120_000);
  world.finishEffects();
  world.command({ verb: 'retry' });
  world.finishEffects();
  world.confirm();
  world.command({ verb: 'hold', stepId: 'one/cache' });
  world.live(60_000);
  world.command({ verb: 'release', stepId: 'one/cache' });
  world.live(400_000);
  world.confirm();
  world.command({ verb: 'skip', stepId: 'two/rest' });
  world.command({ verb: 'rollback', scope: 'point', target: 'before', overMs: HOUR });
  for (let quarter = 0; quarter < 4; quarter += 1) later(world, HOUR / 4);
  world.confirm();
  world.finishEffects();
  world.command({ verb: 'retry', stepId: 'one/cache', andAfter: true });
  world.confirm();
  world.live(100_000);
  return world;
}

/** Frozen, and then left as it stood. */
function cancelled(): RolloutWorld {
  const freeze = {
    ...common('one/freeze'),
    kind: 'freeze',
    command: { argv: ['freeze', 'on'], repeatable: true },
    lift: { argv: ['freeze', 'off'], repeatable: true },
  } as const;
  const world = new RolloutWorld(
    plan([phase('one', [freeze, { ...common('one/rest'), kind: 'wait', until: { kind: 'instant', at: 9_000_000 } }])]),
  );
  world.finishEffects();
  world.command({ verb: 'cancel' });
  world.finishEffects({ outcome: 'failed', summary: 'forbidden' });
  return world;
}

/** A migration that comes as far as live, owes some writes on its way, and is taken back. */
function staged(): RolloutWorld {
  const migration = { compared: 10_000, deadlineMs: 300 };
  const flag = {
    key: 'cache',
    risk: null,
    requires: [],
    fallback: true,
    overrides: { candidate: [], legacy: [] },
    rules: [],
    migration,
  };
  const through = [100_000];
  const world = new RolloutWorld(
    plan(
      [
        phase('one', [
          { ...ramp('one', 'cache', { through }), id: 'one/dualwrite', move: { from: 'off', to: 'dualwrite' } },
          { ...ramp('one', 'cache', { through }), id: 'one/shadow', move: { from: 'dualwrite', to: 'shadow' } },
          { ...ramp('one', 'cache'), id: 'one/live', move: { from: 'shadow', to: 'live' } },
          { ...ramp('one', 'cache', { through }), id: 'one/rampdown', move: { from: 'live', to: 'rampdown' } },
        ]),
      ],
      { flags: { cache: flag } },
    ),
  );
  for (let minute = 0; minute < 12; minute += 1) {
    world.repairs = { pending: minute === 3 ? 7 : 0, failed: 0, instances: 1, silent: 0 };
    world.live(60_000);
    world.confirm();
  }
  world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
  for (let stage = 0; stage < 4; stage += 1) world.confirm();
  return world;
}

/** The net is taken away at the end, and is there again before the flag is taken back. */
function withoutNet(): RolloutWorld {
  const world = new RolloutWorld(
    plan([
      phase('one', [ramp('one', 'cache', { through: [100_000] })]),
      phase('last', [{ ...common('last/off'), kind: 'fallback-off', flag: 'cache' }], ['one']),
    ]),
  );
  world.confirm();
  world.live(120_000);
  world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
  world.confirm();
  return world;
}

/** Begun with those who are named, some of whom a person lets in and keeps out, before, during and after. */
function overridden(): RolloutWorld {
  const world = new RolloutWorld(
    plan([
      phase('one', [ramp('one', 'cache', { through: [0, 10_000, 100_000], soaksMs: [60_000, 60_000, 60_000] })]),
      phase('two', [{ ...common('two/rest'), kind: 'wait', until: { kind: 'duration', durationMs: HOUR } }], ['one']),
    ]),
  );
  world.command({ verb: 'override', flag: 'cache', subjects: ['ada', 'ben'], to: 'candidate' });
  world.confirm();
  world.command({ verb: 'override', flag: 'cache', subjects: ['ben', 'eve'], to: 'legacy' });
  world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
  world.confirm();
  world.command({ verb: 'retry', stepId: 'one/cache', andAfter: true });
  world.confirm();
  world.live(400_000);
  world.command({ verb: 'override', flag: 'cache', subjects: ['eve'], to: null });
  return world;
}

/** Two flags retired one after the other, one of them taken back and retired anew. */
function retired(): RolloutWorld {
  const retire = (flag: string, approve: [] | null) =>
    ({ ...common(`one/retire-${flag}`), kind: 'retire', flag, afterMs: HOUR, approve }) as const;
  const world = new RolloutWorld(
    plan([phase('one', [ramp('one', 'base'), ramp('one', 'cache'), retire('base', null), retire('cache', [])])], {
      requires: { cache: ['base'] },
    }),
  );
  for (const flag of ['base', 'cache']) {
    world.command({ verb: 'promote', stepId: `one/${flag}`, toEnd: true });
    world.confirm();
    world.command({ verb: 'promote', stepId: `one/${flag}`, toEnd: true });
  }
  later(world, HOUR);
  world.command({ verb: 'approve' });
  world.command({ verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
  world.confirm();
  world.command({ verb: 'retry', stepId: 'one/cache', andAfter: true });
  return world;
}

/** By name of their recording. */
export const PLAYED_RUNS: Readonly<Record<string, () => RolloutWorld>> = {
  'rolled-back': rolledBack,
  approved,
  edited,
  contingencies,
  launched,
  steered,
  cancelled,
  staged,
  'without-net': withoutNet,
  overridden,
  retired,
};
