import type { EventType, RolloutEvent } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { plan } from '../../../core/test-support/given-plan.ts';
import { describeEvent, formatEventLine, utcClock, waitText } from './describe-event.ts';

type Body<Type extends EventType> = Omit<
  Extract<RolloutEvent, { readonly type: Type }>,
  'type' | 'at' | 'actor' | 'reason'
>;

const verdict = { at: 0, verdict: 'fail', action: null, text: '', rules: [] } as const;
const evidence = { verdict, samples: [] };
const effect = {
  id: 'one/run#1.1',
  request: { kind: 'message', channel: 'team', text: 'hello' },
  purpose: { kind: 'step', stepId: 'one/run' },
  requestedAt: 0,
  timeoutMs: null,
} as const;
const part = { kind: 'undo', name: 'one/run', status: 'done', durationMs: 1_000, budgetMs: null, text: '' } as const;

/** One of each type: a new type of event has no place here until somebody has said what it is in words. */
const ONE_OF_EACH: { readonly [Type in EventType]: readonly [Body<Type>, string] } = {
  'run.started': [{ runId: 'r', plan: plan([], { title: 'Move' }), planHash: 'h' }, "run of 'Move' started"],
  'run.paused': [{ scope: 'system' }, 'whole system paused'],
  'run.resumed': [{ scope: 'run', pausedMs: 60_000 }, 'run resumed after 1m'],
  'run.finished': [{ outcome: 'partial' }, 'run finished: partial'],
  'steps.reset': [{ steps: ['one/a', 'one/b'], phases: ['one'] }, 'begins again: one/a, one/b'],
  'plan.edited': [
    { plan: plan([]), planHash: 'h', touched: ['one/a'], voided: ['one/b'] },
    'plan edited, which touches one/a and voids approvals of one/b',
  ],
  'phase.started': [{ phase: 'one' }, 'phase one started'],
  'phase.finished': [{ phase: 'one', status: 'skipped' }, 'phase one skipped'],
  'flag.stage-changed': [{ flag: 'cache', from: 'shadow', to: 'live' }, 'cache is at stage live, and was at shadow'],
  'step.started': [{ stepId: 'one/a', attempt: 2, until: null }, 'one/a started (attempt 2)'],
  'step.held': [{ stepId: 'one/a', hold: 'gate', evidence }, 'one/a held (gate)'],
  'step.released': [{ stepId: 'one/a' }, 'one/a goes on'],
  'step.completed': [{ stepId: 'one/a' }, 'one/a completed'],
  'step.skipped': [{ stepId: 'one/a' }, 'one/a skipped'],
  'step.rolled-back': [{ stepId: 'one/a', rollbackId: 'rollback-1' }, 'one/a rolled back by rollback-1'],
  'step.warned': [{ stepId: 'one/a', rules: 'errors > 1%', evidence }, 'one/a warns: errors > 1%'],
  'watch.soaked': [{ stepId: 'one/a', watchId: 'one/a@cache' }, 'one/a@cache healthy for as long as asked'],
  'effect.requested': [{ effect }, 'one/run#1.1 requested (message)'],
  'effect.finished': [
    { effectId: 'one/run#1.1', result: { outcome: 'unknown', summary: '', durationMs: 1_500 } },
    'one/run#1.1 unknown in 1.5s',
  ],
  'flag.exposure-changed': [{ flag: 'cache', from: 0, to: 500, stage: 0 }, 'cache 0 % → 0.5 %'],
  'flag.exposure-confirmed': [
    { flag: 'cache', exposure: 500, instances: 3, silent: 1, tookMs: 20 },
    'cache at 0.5 % confirmed by 3 instances in 20ms, 1 silent',
  ],
  'flag.fallback-changed': [
    { flag: 'cache', fallback: false },
    'cache: legacy no longer answers when the candidate fails',
  ],
  'flag.overridden': [
    { flag: 'cache', subjects: ['a', 'b', 'c', 'd', 'e'], to: 'legacy' },
    'cache: a, b, c and 2 more kept on legacy',
  ],
  'flag.retired': [{ flag: 'cache' }, 'cache retired'],
  'flag.unretired': [{ flag: 'cache' }, 'cache no longer retired'],
  'approval.requested': [{ stepId: 'one/a', approvalId: 'x', question: 'Go?', by: [] }, 'one/a asks: Go?'],
  'approval.given': [{ stepId: 'one/a', approvalId: 'x', person: 'ana' }, 'ana agreed to one/a'],
  'approval.rejected': [{ stepId: 'one/a', approvalId: 'x', person: 'ana' }, 'ana rejected one/a'],
  'rollback.initiated': [
    {
      rollbackId: 'rollback-1',
      scope: 'flag',
      target: 'cache',
      overMs: 300_000,
      flags: [],
      steps: [],
      budgetMs: 0,
      evidence,
    },
    'rollback-1 of flag cache initiated over 5m',
  ],
  'rollback.part-ended': [{ rollbackId: 'rollback-1', part }, 'rollback-1 undo one/run done in 1s'],
  'rollback.overran': [{ rollbackId: 'rollback-1', budgetMs: 60_000 }, 'rollback-1 is over its budget of 1m'],
  'rollback.completed': [
    { rollbackId: 'rollback-1', durationMs: 40, withinBudget: false, verification: [] },
    'rollback-1 completed in 40ms, over its budget',
  ],
  'rollback.failed': [
    { rollbackId: 'rollback-1', durationMs: 40, outcome: 'failed', standing: '' },
    'rollback-1 FAILED after 40ms',
  ],
  'freeze.lifted': [{ stepId: 'one/a', lifted: false }, 'change freeze of one/a could NOT be lifted'],
  'contingency.fired': [{ name: 'slow', evidence }, 'contingency slow acts'],
  'contingency.advanced': [{ name: 'slow' }, 'contingency slow goes on'],
  'contingency.ended': [{ name: 'slow', outcome: 'failed' }, 'contingency slow failed'],
};

describe('describeEvent()', () => {
  it.each(Object.entries(ONE_OF_EACH))('says in words what %s is', (type, [body, text]) => {
    const event = { type, ...body, at: 0, actor: { kind: 'engine', name: 'theseus' }, reason: 'why' } as RolloutEvent;
    expect(describeEvent(event)).toBe(text);
  });
});

const FORGED = 'done\n2026-05-04 09:00:00  run finished: succeeded\u001b[2J';

describe('formatEventLine()', () => {
  it('keeps a reason that would forge a line, or clear the screen, within its own line', () => {
    const event: RolloutEvent = {
      type: 'run.paused',
      scope: 'run',
      at: 0,
      actor: { kind: 'person', name: 'eve' },
      reason: FORGED,
    };
    const line = formatEventLine(event, utcClock);
    expect(line).toBe('1970-01-01 00:00:00  run paused — done 2026-05-04 09:00:00  run finished: succeeded [2J [eve]');
  });
});

describe('waitText()', () => {
  it('is one line whatever is waited for', () => {
    const wait = { on: 'person', text: FORGED, until: null, endedBy: 'ana', command: null, stepId: null } as const;
    expect(waitText(wait)).not.toMatch(/\p{Cc}/u);
  });
});
