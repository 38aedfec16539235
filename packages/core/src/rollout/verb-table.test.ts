import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import { RolloutWorld } from '../../test-support/rollout-world.ts';
import type { Plan, Step } from '../plan/index.ts';
import { planHash } from '../plan/index.ts';
import type { Verb } from './input.ts';

const page = new URL('../../../../docs/reference/verbs.md', import.meta.url);

const people = { ana: { name: 'ana', roles: ['lead'] } };
const gate = {
  ...standardGate,
  maxBlindMs: 60_000,
  rules: [
    rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'flag', overMs: 0 }),
    rule({ text: 'errors > 2%', bound: { kind: 'absolute', value: 2 } }, { kind: 'hold' }),
  ],
};

const save: Step = {
  ...common('one/save', { undo: undoBy('restore') }),
  kind: 'run',
  command: { argv: ['save'], repeatable: false },
  captures: [],
};

/** One plan with everything the verbs can meet. */
function given(approve = false): Plan {
  const asked = approve ? { fromExposure: 50_000, by: [{ role: 'lead', count: 1 }] } : null;
  return plan(
    [
      phase('one', [
        save,
        { ...common('one/before'), kind: 'point', name: 'before' },
        ramp('one', 'cache', { approve: asked }),
      ]),
      phase(
        'two',
        [{ ...common('two/go'), kind: 'approve', by: [{ role: 'lead', count: 1 }], question: 'Go?' }],
        ['one'],
      ),
      phase(
        'three',
        [{ ...common('three/rest'), kind: 'wait', until: { kind: 'duration', durationMs: 600_000 } }],
        ['two'],
      ),
    ],
    {
      people,
      gates: { standard: gate },
      contingencies: {
        slow: {
          name: 'slow',
          title: 'slow',
          gate: null,
          flag: null,
          actions: [{ kind: 'notify', channel: 'chat', message: 'done' }],
          cooldownMs: null,
        },
      },
    },
  );
}

function begun(approve = false): RolloutWorld {
  return new RolloutWorld(given(approve));
}

function soaking(approve = false): RolloutWorld {
  const world = begun(approve);
  world.finishEffects();
  world.confirm();
  world.live(20_000);
  return world;
}

function failing(outcome: 'failed' | 'unknown'): RolloutWorld {
  const world = begun();
  world.finishEffects({ outcome, summary: outcome === 'failed' ? 'exit code 1' : 'cut off' });
  return world;
}

function after(world: RolloutWorld, ...verbs: readonly Verb[]): RolloutWorld {
  for (const verb of verbs) world.command(verb);
  return world;
}

function done(): RolloutWorld {
  const world = soaking();
  world.live(400_000);
  world.command({ verb: 'approve' });
  world.live(700_000);
  return world;
}

/** Every state that the answer to a verb depends on, and a run in it. */
const STATES: readonly (readonly [name: string, make: () => RolloutWorld])[] = [
  ['A command is at work', begun],
  ['A command failed', () => failing('failed')],
  ['A command was cut off, and nobody knows whether it happened', () => failing('unknown')],
  ['A ramp soaks', soaking],
  [
    'A ramp is held by its gate',
    () => {
      const world = soaking();
      world.live(10_000, { errors: 3 });
      return world;
    },
  ],
  [
    'A ramp was taken back for blindness',
    () => {
      const world = soaking();
      world.live(90_000, { errors: { status: 'error', value: null } });
      return world;
    },
  ],
  ['A ramp is held by a person', () => after(soaking(), { verb: 'hold' })],
  [
    'A ramp waits for an approval of its next exposure',
    () => {
      const world = soaking(true);
      world.live(60_000);
      return world;
    },
  ],
  [
    'The approval of its next exposure was rejected',
    () => {
      const world = soaking(true);
      world.live(60_000);
      return after(world, { verb: 'reject' });
    },
  ],
  [
    'An approve step waits',
    () => {
      const world = soaking();
      world.live(400_000);
      return world;
    },
  ],
  [
    'A wait step waits',
    () => {
      const world = soaking();
      world.live(400_000);
      return after(world, { verb: 'approve' });
    },
  ],
  ['The run is paused', () => after(soaking(), { verb: 'pause' })],
  ['The whole system is paused', () => after(soaking(), { verb: 'pause', scope: 'system' })],
  [
    'A rollback waits for the instances',
    () => after(soaking(), { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 }),
  ],
  [
    'A rollback is taking steps back',
    () => {
      const world = after(soaking(), { verb: 'rollback', scope: 'phase', target: 'one', overMs: 0 });
      world.confirm();
      return world;
    },
  ],
  [
    'A rollback failed',
    () => {
      const world = after(soaking(), { verb: 'rollback', scope: 'phase', target: 'one', overMs: 0 });
      world.confirm();
      world.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
      return world;
    },
  ],
  [
    'The run has ended with a flag taken back',
    () => {
      const world = after(soaking(), { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 });
      world.confirm();
      world.command({ verb: 'approve' });
      world.live(700_000);
      return world;
    },
  ],
  ['The run has ended well', done],
  ['The run was cancelled', () => after(failing('failed'), { verb: 'cancel' })],
  ['The run was aborted', () => after(soaking(), { verb: 'abort' })],
];

const edited: Plan = { ...given(), title: 'Moving, edited' };

const VERBS: readonly (readonly [written: string, verb: Verb])[] = [
  ['pause', { verb: 'pause' }],
  ['resume', { verb: 'resume' }],
  ['pause --all', { verb: 'pause', scope: 'system' }],
  ['resume --all', { verb: 'resume', scope: 'system' }],
  ['hold', { verb: 'hold' }],
  ['release', { verb: 'release' }],
  ['approve', { verb: 'approve' }],
  ['reject', { verb: 'reject' }],
  ['promote', { verb: 'promote' }],
  ['promote --to-end', { verb: 'promote', toEnd: true }],
  ['skip', { verb: 'skip' }],
  ['retry', { verb: 'retry' }],
  ['retry --step one/save --and-after', { verb: 'retry', stepId: 'one/save', andAfter: true }],
  ['trigger slow', { verb: 'trigger', name: 'slow' }],
  ['rollback --flag cache', { verb: 'rollback', scope: 'flag', target: 'cache', overMs: 0 }],
  ['rollback --phase one', { verb: 'rollback', scope: 'phase', target: 'one', overMs: 0 }],
  ['rollback --to before', { verb: 'rollback', scope: 'point', target: 'before', overMs: 0 }],
  ['rollback --plan', { verb: 'rollback', scope: 'plan', overMs: 0 }],
  ['flags allow cache ada', { verb: 'override', flag: 'cache', subjects: ['ada'], to: 'candidate' }],
  ['flags deny cache ada', { verb: 'override', flag: 'cache', subjects: ['ada'], to: 'legacy' }],
  ['flags clear cache ada', { verb: 'override', flag: 'cache', subjects: ['ada'], to: null }],
  ['apply', { verb: 'edit', plan: edited, planHash: planHash(edited) }],
  ['cancel', { verb: 'cancel' }],
  ['abort', { verb: 'abort' }],
];

/** What the verb does to a run in the state, in the words of events, or why it does not. */
function answerOf(make: () => RolloutWorld, verb: Verb): string {
  const world = make();
  const before = world.events.length;
  const refusal = world.command(verb);
  if (refusal !== null) return `refused: ${refusal.message}`;
  const types = world.events.slice(before).map(({ type }) => `\`${type}\``);
  return types.length === 0 ? 'nothing: it is so already' : types.join(', ');
}

function tables(): string {
  return STATES.map(([name, make]) => {
    const rows = VERBS.map(([written, verb]) => `| \`${written}\` | ${answerOf(make, verb)} |`);
    return [`### ${name}`, '', '| verb | what happens |', '|---|---|', ...rows, ''].join('\n');
  }).join('\n');
}

const MARK = '<!-- What follows is written by the suite from what the engine does. -->';

describe('docs/reference/verbs.md', () => {
  it('says what every verb does in every state [ALL-8]', () => {
    const text = readFileSync(page, 'utf8');
    const head = text.slice(0, text.indexOf(MARK) + MARK.length);
    const written = `${head}\n\n${tables()}`;
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, written);
    expect(readFileSync(page, 'utf8')).toBe(written);
  });

  it.each(STATES)('a verb said twice does no more than once: %s [ALL-8]', (_name, make) => {
    // What is left undone, promoted or begun again may be so once more: there, a second time is another command.
    const oneByOne = ['promote', 'retry', 'skip'];
    for (const [written, verb] of VERBS.filter(([, { verb: name }]) => !oneByOne.includes(name))) {
      const world = make();
      if (world.command(verb) !== null) continue;
      const { revision } = world.state;
      world.command(verb);
      expect([written, world.state.revision]).toEqual([written, revision]);
    }
  });

  it.each(STATES)(
    'a click at an old revision is refused and explained, rollback and abort excepted: %s',
    (_n, make) => {
      for (const [written, verb] of VERBS) {
        const world = make();
        const refusal = world.command(verb, 'ana', world.state.revision - 1);
        if (verb.verb === 'abort') expect([written, refusal]).toEqual([written, null]);
        else if (verb.verb === 'rollback') expect(refusal?.code).not.toBe('stale-revision');
        else expect([written, refusal?.code]).toEqual([written, 'stale-revision']);
      }
    },
  );

  it.each(STATES)('a rollback of the plan and an abort are always possible: %s [CV-10]', (_name, make) => {
    const rollback = make().command({ verb: 'rollback', scope: 'plan', overMs: 0 });
    if (rollback !== null) expect(rollback.message).toContain('nothing to roll back');
    const world = make();
    expect(world.command({ verb: 'abort' })).toBeNull();
    expect(world.exposure('cache')).toBe(0);
    expect(world.state.status).toBe('finished');
  });
});
