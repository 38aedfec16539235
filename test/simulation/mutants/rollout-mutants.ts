import { evolve } from '@theseus/core/rollout';
import { PRODUCT_RULES } from '../rules.ts';
import { added, broken, decidingAbout, decisionOf, type Mutant, withSteps } from './mutant.ts';

const { decide } = PRODUCT_RULES;

export const ROLLOUT_MUTANTS: Readonly<Record<string, Mutant>> = {
  'windows-ignored': {
    breaks: 'steps begin and ramps rise at any hour',
    caughtBy: ['window', 'pace'],
    rules: broken({ decide: decidingAbout((plan) => withSteps(plan, () => ({ windows: [] }))) }),
  },
  'approvals-forgotten': {
    breaks: 'ramps rise without the approvals that their risk asks for',
    caughtBy: ['approved'],
    rules: broken({
      decide: decidingAbout((plan) => withSteps(plan, ({ kind }) => (kind === 'ramp' ? { approve: null } : {}))),
    }),
  },
  'retired-at-once': {
    breaks: 'flags are retired as soon as they reach everybody',
    caughtBy: ['retires-whole'],
    rules: broken({
      decide: decidingAbout((plan) => withSteps(plan, ({ kind }) => (kind === 'retire' ? { afterMs: 0 } : {}))),
    }),
  },
  'retired-unasked': {
    breaks: 'flags are retired without the approval that the plan asks for',
    caughtBy: ['retires-approved'],
    rules: broken({
      decide: decidingAbout((plan) => withSteps(plan, ({ kind }) => (kind === 'retire' ? { approve: null } : {}))),
    }),
  },
  'retired-goes-down': {
    breaks: 'what is taken back stays retired, so that evaluators go on with the candidate',
    caughtBy: ['unretires-first', 'ends'],
    rules: broken({
      decide: (state, input, now) => {
        const { events } = decide(state, input, now);
        return decisionOf(
          state,
          events.filter(({ type }) => type !== 'flag.unretired'),
        );
      },
    }),
  },
  'one-approver-is-enough': {
    breaks: 'the first of several approvals counts for all',
    caughtBy: ['approved', 'asks-everybody'],
    rules: broken({
      decide: decidingAbout((plan) =>
        withSteps(plan, (step) => {
          const first = (by: readonly { readonly role: string }[]) =>
            by.slice(0, 1).map(({ role }) => ({ role, count: 1 }));
          if (step.kind === 'approve') return { by: first(step.by) };
          return step.kind === 'ramp' && step.approve !== null
            ? { approve: { ...step.approve, by: first(step.approve.by) } }
            : {};
        }),
      ),
    }),
  },
  'paused-rises': {
    breaks: 'a paused run goes on with what its gates say',
    caughtBy: ['not-while-paused', 'evidence', 'rests-while-paused'],
    rules: broken({
      decide: (state, input, now) => {
        if (state.status !== 'paused' || input.kind !== 'judged') return decide(state, input, now);
        return decisionOf(state, decide({ ...state, status: 'running' }, input, now).events);
      },
      observe: (before, gate, measurement, baseline) =>
        PRODUCT_RULES.observe(before, gate, measurement, baseline, { counting: true }),
    }),
  },
  'timer-rises': {
    breaks: 'a timer raises the exposure',
    caughtBy: ['evidence', 'approved', 'window', 'follows-stages', 'not-while-paused', 'not-while-held'],
    rules: broken({
      decide: (state, input, now) => {
        const decision = decide(state, input, now);
        if (input.kind !== 'timer' || decision.events.length === 0) return decision;
        for (const step of state.plan.phases.flatMap(({ steps }) => steps)) {
          const { status, stage = -1 } = decision.state.steps[step.id] ?? {};
          const to = step.kind === 'ramp' ? step.through[stage + 1] : undefined;
          if (step.kind !== 'ramp' || status !== 'running' || to === undefined) continue;
          const from = decision.state.flags[step.flag]?.exposure ?? 0;
          return added(decision, { type: 'flag.exposure-changed', flag: step.flag, from, to, stage: stage + 1 }, now);
        }
        return decision;
      },
    }),
  },
  'dependents-left-behind': {
    breaks: 'a rollback takes back a flag and leaves those that require it',
    caughtBy: ['rollback-obeyed', 'prerequisites'],
    rules: broken({
      decide: decidingAbout((plan) => ({
        ...plan,
        flags: Object.fromEntries(Object.entries(plan.flags).map(([key, flag]) => [key, { ...flag, requires: [] }])),
      })),
    }),
  },
  'rollback-needs-revision': {
    breaks: 'a rollback that was aimed at an older revision is refused',
    caughtBy: ['rollback-accepted', 'abort-accepted'],
    rules: broken({
      decide: (state, input, now) => {
        const aimedAt = input.kind === 'command' ? (input.command.expectedRevision ?? state.revision) : state.revision;
        if (aimedAt === state.revision) return decide(state, input, now);
        return { events: [], state, refusal: { code: 'stale-revision', message: 'look again' } };
      },
    }),
  },
  'stale-click-obeyed': {
    breaks: 'a click is obeyed whatever it was aimed at',
    caughtBy: ['stale-click'],
    rules: broken({
      decide: (state, input, now) => {
        if (input.kind !== 'command') return decide(state, input, now);
        const { expectedRevision: _dropped, ...command } = input.command;
        return decide(state, { kind: 'command', command }, now);
      },
    }),
  },
  'abort-keeps-a-flag': {
    breaks: 'an abort leaves the first flag as it is',
    caughtBy: ['abort-obeyed', 'fails-to-legacy'],
    rules: broken({
      decide: (state, input, now) => {
        const decision = decide(state, input, now);
        if (input.kind !== 'command' || input.command.verb.verb !== 'abort') return decision;
        const index = decision.events.findIndex(({ type }) => type === 'flag.exposure-changed');
        return index < 0 ? decision : decisionOf(state, decision.events.toSpliced(index, 1));
      },
    }),
  },
  'undo-skipped': {
    breaks: 'a rollback ends without taking steps back',
    caughtBy: ['rollback-truly-ended'],
    rules: broken({ decide: decidingAbout((plan) => withSteps(plan, () => ({ undo: null }))) }),
  },
  'result-counts-twice': {
    breaks: 'a result that comes twice is applied twice',
    caughtBy: ['counts-once'],
    rules: broken({
      decide: (state, input, now) => {
        const decision = decide(state, input, now);
        if (input.kind !== 'effect-finished' || state.effects[input.effectId] !== undefined) return decision;
        const { effectId, result } = input;
        return added(decision, { type: 'effect.finished', effectId, result }, now);
      },
    }),
  },
  'state-ahead-of-log': {
    breaks: 'the stored state knows something that no event says',
    caughtBy: ['replay'],
    rules: broken({
      decide: (state, input, now) => {
        const decision = decide(state, input, now);
        const warned = decision.events.find((event) => event.type === 'step.held');
        if (warned?.type !== 'step.held') return decision;
        return {
          ...decision,
          state: {
            ...evolve(decision.state, warned),
            revision: decision.state.revision,
            captures: { lost: warned.stepId },
          },
        };
      },
    }),
  },
};
