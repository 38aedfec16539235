import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, rollbackNow, rule, standardGate, undoBy } from '../../test-support/given-plan.ts';
import type { Gate } from '../health/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { type Foresight, foresee } from './foresee.ts';
import { parseWhatIf } from './what-if.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONDAY = Date.parse('2026-03-02T09:00:00Z');
const load = { users: 10_000, requestsPerUserMinute: 1 };
const options = { startAt: MONDAY, whatIf: [], approvalDelayMs: 10 * MINUTE, seed: 1, load };
const gate: Gate = { ...standardGate, everyMs: 30 * SECOND };
const graceful = rule(
  { text: 'errors > 3% for 5m', forMs: 5 * MINUTE, bound: { kind: 'absolute', value: 3 } },
  {
    kind: 'rollback',
    scope: 'flag',
    overMs: 4 * MINUTE,
  },
);

const codes = ({ findings }: Foresight): readonly string[] => findings.map(({ code }) => code);
const undo = undoBy('undo');
const run = (id: string, changes: Partial<Step> = {}): Step =>
  ({ ...common(id), kind: 'run', command: { argv: ['x'], repeatable: false }, captures: [], ...changes }) as Step;
const approve = (id: string): Step => ({
  ...common(id),
  kind: 'approve',
  question: 'Go on?',
  by: [{ role: 'tech-lead', count: 1 }],
});
const notify = (id: string): Step => ({ ...common(id), kind: 'notify', channel: 'chat', message: 'done' });
const people = { ana: { name: 'ana', roles: ['tech-lead'] }, ben: { name: 'ben', roles: ['release'] } };

function soaking(soakMs: number, rules: Gate['rules'], through = [10_000, 100_000]): Plan {
  return plan([phase('one', [ramp('one', 'cache', { soakMs, through })])], { gates: { standard: { ...gate, rules } } });
}

describe('worst cases', () => {
  it('last one look and the confirmation, where a rule rolls back at once [ALL-2]', () => {
    const { cases } = foresee(soaking(HOUR, [rule({ text: 'errors > 5%' }, rollbackNow)]), options);
    expect(cases).toMatchObject([
      { exposurePercent: 10, people: 1_000, detectedMs: 30_000, goneMs: 30_200, never: null },
      { exposurePercent: 100, people: 10_000, detectedMs: 30_000, goneMs: 30_200, never: null },
    ]);
    expect(cases[1]?.personMinutes).toBe(Math.round((10_000 * 30.2) / 60));
  });

  it("add the rule's `for`, and count fewer people with each step of a descent", () => {
    const { worst } = foresee(soaking(HOUR, [graceful], [100_000]), options);
    // Seen first after 30 s, fires 5 min later; then 80, 60, 40, 20 and 0 %, a minute apart and confirmed 0.2 s after.
    expect(worst).toMatchObject({ detectedMs: 330_000, goneMs: 570_200 });
    const shares = 330.2 + 60 * (0.8 + 0.6 + 0.4 + 0.2);
    expect(worst?.personMinutes).toBe(Math.round((10_000 * shares) / 60));
  });

  it('last as long as instances are late', () => {
    const given = soaking(HOUR, [rule({ text: 'errors > 5%' }, rollbackNow)], [100_000]);
    const { worst } = foresee(given, { ...options, whatIf: parseWhatIf('instances=slow 3m', given) });
    expect(worst?.goneMs).toBe(30_000 + 3 * MINUTE);
  });

  it('wait for as many requests as the gate asks for', () => {
    const patient = { ...gate, minSample: 100 };
    const rules = [rule({ text: 'errors > 5%' }, rollbackNow)];
    const given = plan([phase('one', [ramp('one', 'cache', { through: [1_000, 100_000], soakMs: HOUR })])], {
      gates: { standard: { ...patient, rules } },
    });
    // 100 of 10 000 people make 50 requests in 30 s, and 100 in the minute that the signal looks back.
    const { cases } = foresee(given, options);
    expect(cases.map(({ detectedMs }) => detectedMs)).toEqual([60_000, 30_000]);
  });

  it('say where there will never be requests enough, and what to do', () => {
    const found = foresee(soaking(HOUR, [rule({ text: 'errors > 5%' }, rollbackNow)], [100, 100_000]), options);
    expect(found.worst).toMatchObject({ never: 'too-few-requests', personMinutes: null, exposurePercent: 0.1 });
    expect(found.findings[0]).toMatchObject({ severity: 'error', code: 'too-few-requests' });
    expect(found.findings[0]?.text).toContain('make 10 requests');
    expect(found.simulation.outcome).toBe('succeeded');
  });

  it('never end where every soak is shorter than the `for`', () => {
    const found = foresee(soaking(2 * MINUTE, [graceful], [1_000, 50_000, 100_000]), options);
    expect(found.cases[0]).toMatchObject({ exposurePercent: 1, worstPercent: 100, people: 10_000, goneMs: null });
    expect(found.worst?.exposurePercent).toBe(1);
    expect(codes(found)).toEqual(['outlives-the-ramp']);
  });

  it('carry a fault on to a larger exposure where only a later stage lasts long enough', () => {
    const approve = { fromExposure: 100_000, by: [] };
    const steps = [ramp('one', 'cache', { soakMs: 2 * MINUTE, through: [1_000, 50_000, 100_000], approve })];
    const found = foresee(
      plan([phase('one', steps)], { gates: { standard: { ...gate, rules: [graceful] } } }),
      options,
    );
    expect(found.cases[0]).toMatchObject({ exposurePercent: 1, worstPercent: 50, people: 5_000, never: null });
    expect(codes(found)).toEqual(['outlives-the-ramp', 'carried-on']);
  });

  it('tell a gate that only holds', () => {
    const holding = rule({ text: 'errors > 5%' }, { kind: 'hold' });
    const found = foresee(soaking(HOUR, [holding]), options);
    expect(found.cases).toEqual([]);
    expect(found.findings).toMatchObject([{ code: 'never-taken-back', path: ['gates', 'standard'] }]);
  });

  it('cover every flag of a watch, and change nothing in the run they branch from', () => {
    const watch: Step = { ...common('two/watch'), kind: 'watch', gate: 'standard', forMs: HOUR, flags: ['cache'] };
    const given = plan([phase('one', [ramp('one', 'cache')]), phase('two', [watch], ['one'])]);
    const found = foresee(given, options);
    expect(found.cases.at(-1)).toMatchObject({ stepId: 'two/watch', flag: 'cache', people: 10_000 });
    expect(found.simulation.outcome).toBe('succeeded');
    expect(found.simulation.events.some(({ type }) => type === 'rollback.initiated')).toBe(false);
  });

  it.each([
    ['factor', { kind: 'factor', reference: 'legacy', factor: 1.5 }, '>'],
    ['offset', { kind: 'offset', reference: 'legacy', offset: 5 }, '>='],
    ['lower bound', { kind: 'absolute', value: 0.1 }, '<'],
    ['highest bound', { kind: 'absolute', value: 100 }, '>='],
  ] as const)('find a value beyond a %s', (_what, bound, comparison) => {
    const beyond = rule({ text: 'errors …', bound, comparison }, rollbackNow);
    expect(foresee(soaking(HOUR, [beyond]), options).cases.map(({ never }) => never)).toEqual([null, null]);
  });
});

describe('what people will hear and be asked', () => {
  const given = plan(
    [
      phase('one', [
        ramp('one', 'cache', { approve: { fromExposure: 50_000, by: [{ role: 'tech-lead', count: 1 }] } }),
        notify('one/notify'),
      ]),
      phase('two', [ramp('two', 'search')], ['one']),
    ],
    {
      people,
      channels: { chat: { kind: 'webhook', name: 'chat', url: 'https://user:pass@hooks.example/T000/secret' } },
    },
  );
  const found = foresee(given, options);

  it('is told with its moment, destination and filled-in text, and no secret of an address', () => {
    expect(found.messages).toEqual([
      {
        at: found.timeline[0]?.steps[1]?.startAt,
        stepId: 'one/notify',
        channel: 'chat',
        destination: 'webhook to hooks.example',
        text: 'one of Moving is done',
        delivered: true,
      },
    ]);
  });

  it('is told as not delivered where the channel fails', () => {
    const broken = foresee(given, { ...options, whatIf: parseWhatIf('effect[one/notify]=fail', given) });
    expect(broken.messages).toMatchObject([{ delivered: false }]);
    expect(broken.simulation.outcome).toBe('succeeded');
  });

  it('says who is asked, who that is, and what stands still until they agree [ALL-6]', () => {
    expect(found.approvals).toMatchObject([
      {
        stepId: 'one/cache',
        question: 'Raise cache to 50 %?',
        of: 'tech-lead',
        people: ['ana'],
        waiting: 'cache stays at 10 %; the rest of one, then two',
      },
      { question: 'Raise cache to 100 %?', waiting: 'cache stays at 50 %; the rest of one, then two' },
    ]);
    for (const { at, givenAt } of found.approvals) expect(givenAt).toBe(at + 10 * MINUTE);
  });

  it('shows phases, steps and stages in order, with their moments', () => {
    const [one, two] = found.timeline;
    const stages = one?.steps[0]?.stages ?? [];
    expect(stages.map(({ exposurePercent }) => exposurePercent)).toEqual([10, 50, 100]);
    for (const [index, stage] of stages.entries()) {
      expect(stage.endAt).toBe(stages[index + 1]?.startAt ?? one?.steps[0]?.endAt);
    }
    expect(two?.startAt).toBe(one?.endAt);
    expect(found.exposure.map(({ flag }) => flag)).toEqual(['cache', 'search']);
  });
});

describe('problems', () => {
  const single = (steps: readonly Step[], changes: Partial<Plan> = {}): Plan =>
    plan([phase('one', steps)], { people, ...changes });
  const wait = (at: number): Step => ({ ...common('one/wait'), kind: 'wait', until: { kind: 'instant', at } });
  const at = (text: string) => ({ ...options, startAt: Date.parse(text) });

  it.each([
    ['a person asked at night', single([approve('one/go')]), at('2026-03-02T23:30:00Z'), 'asked-out-of-hours'],
    ['a person asked on a weekend', single([approve('one/go')]), at('2026-03-07T12:00:00Z'), 'asked-out-of-hours'],
    ['a wait that is over', single([wait(MONDAY - DAY)]), options, 'wait-is-past'],
    [
      'an irreversible step with no mitigation',
      single([run('one/run', { irreversible: true })]),
      options,
      'no-mitigation',
    ],
    ['a command with no undo', single([run('one/run')]), options, 'no-undo'],
    ['two messages at once', single([notify('one/a'), notify('one/b')]), options, 'messages-at-once'],
  ])('tell %s', (_what, given, when, code) => expect(codes(foresee(given, when))).toEqual([code]));

  it.each([
    ['a person asked in the day', single([approve('one/go')]), at('2026-03-02T12:00:00Z')],
    ['a wait that is to come', single([wait(MONDAY + DAY)]), options],
    [
      'an irreversible step with its mitigation',
      single([run('one/run', { irreversible: true, mitigation: 'a dump' })]),
      options,
    ],
    ['a command with its undo', single([run('one/run', { undo })]), options],
    ['messages far apart', single([notify('one/a'), wait(MONDAY + HOUR), notify('one/b')]), options],
  ])('do not tell %s', (_what, given, when) => expect(codes(foresee(given, when))).toEqual([]));

  it('leave what has no way back in a list with its mitigation, reached or not [CO-18]', () => {
    const mitigation = 'a dump is kept';
    const given = single([
      run('one/a', { undo }),
      run('one/b', { mitigation }),
      run('one/c', { irreversible: true, mitigation }),
    ]);
    const whatIf = parseWhatIf('effect[one/b]=fail', given);
    expect(foresee(given, { ...options, whatIf }).oneWay).toEqual([
      { stepId: 'one/b', title: 'one/b', why: 'no-undo', mitigation, at: MONDAY + SECOND },
      { stepId: 'one/c', title: 'one/c', why: 'irreversible', mitigation, at: null },
    ]);
  });

  it('are judged by the clock of the zone that is named, or that the windows name', () => {
    const night = at('2026-03-02T20:30:00Z');
    const given = single([approve('one/go')]);
    expect(codes(foresee(given, night))).toEqual([]);
    expect(codes(foresee(given, { ...night, zone: 'Europe/Athens' }))).toEqual(['asked-out-of-hours']);
    const windows = [{ days: [], fromMinute: 0, toMinute: 1_439, zone: 'Europe/Athens' }];
    const windowed = single([{ ...approve('one/go'), windows }]);
    expect(foresee(windowed, night).zone).toBe('Europe/Athens');
  });

  it('tell ramps of different phases that overlap and share a prerequisite, and no others', () => {
    const phases = (needs: readonly string[]) => [
      phase('base', [ramp('base', 'base')]),
      phase('left', [ramp('left', 'search')], ['base']),
      phase('right', [ramp('right', 'cart')], needs),
    ];
    const requires = { search: ['base'], cart: ['base'] };
    expect(codes(foresee(plan(phases(['base']), { requires }), options))).toEqual(['ramps-overlap']);
    expect(codes(foresee(plan(phases(['left']), { requires }), options))).toEqual([]);
    expect(codes(foresee(plan(phases(['base'])), options))).toEqual([]);
  });

  it('come with the gravest first, each with its place in the plan and a mend', () => {
    const given = single([run('one/run'), approve('one/go'), ramp('one', 'cache', { through: [100, 100_000] })]);
    const { findings } = foresee(given, at('2026-03-07T12:00:00Z'));
    expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning', 'note', 'note']);
    expect(findings.map(({ path }) => path.at(-1))).toEqual([2, 1, 0, 2]);
    for (const { mend } of findings) expect(mend).not.toBe('');
  });
});

describe('rollback budgets', () => {
  const over = (overMs: number, scope: 'flag' | 'phase' | 'plan' = 'flag') =>
    rule({ text: 'errors > 5%' }, { kind: 'rollback', scope, overMs });
  const budgeted = (action: ReturnType<typeof over>, steps: readonly Step[]): Plan =>
    plan([phase('one', steps)], { gates: { standard: { ...gate, rules: [action] } }, requires: { search: ['cache'] } });

  it.each<[string, Plan, readonly string[]]>([
    [
      'a descent as long as the budget',
      budgeted(over(300_000), [ramp('one', 'cache', { budgetMs: 300_000 })]),
      ['budget-too-short'],
    ],
    ['a descent of more than ten minutes', budgeted(over(601_000), [ramp('one', 'cache')]), ['slow-descent']],
    [
      'undos of dependents beyond the budget of the flag',
      budgeted(over(0), [
        ramp('one', 'cache', { budgetMs: 60_000 }),
        ramp('one', 'search', { undo, budgetMs: 90_000 }),
      ]),
      ['undo-over-budget'],
    ],
    [
      'undos of a phase beyond two minutes',
      budgeted(over(0, 'phase'), [run('one/run', { undo, budgetMs: 180_000 }), ramp('one', 'cache')]),
      ['undo-over-budget'],
    ],
    [
      'budgets that can be met',
      budgeted(over(300_000, 'plan'), [run('one/run', { undo, budgetMs: 300_000 }), ramp('one', 'cache')]),
      [],
    ],
    [
      'a rollback of a flag, which undoes no other step',
      budgeted(over(0), [run('one/run', { undo, budgetMs: 900_000 }), ramp('one', 'cache')]),
      [],
    ],
  ])('tell %s [CV-10]', (_what, given, expected) => expect(codes(foresee(given, options))).toEqual(expected));

  it('tell a simulated rollback that overran its budget [CV-10]', () => {
    const given = budgeted(over(0), [ramp('one', 'cache', { soakMs: HOUR })]);
    const whatIf = parseWhatIf('errors=8% at 10m and instances=slow 5m', given);
    const overrun = foresee(given, { ...options, whatIf }).findings.find(({ code }) => code === 'over-budget');
    expect(overrun?.text).toBe('rollback-1 of flag cache takes 5m of a budget of 2m');
  });
});

it('foresee() says the same in the same bytes for the same plan, start and seed', () => {
  const given = soaking(HOUR, [graceful, rule({ text: 'errors > 5%' }, rollbackNow)]);
  const say = (seed: number): string => JSON.stringify(foresee(given, { ...options, seed }));
  expect(say(7)).toBe(say(7));
});
