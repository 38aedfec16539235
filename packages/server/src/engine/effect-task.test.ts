import type { Signal } from '@theseus/core/plan';
import type { Effect, EffectRequest } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { plan } from '../../../core/test-support/given-plan.ts';
import { COMMAND_TASK, EFFECT_TASK, taskFor } from './effect-task.ts';

const asked = (request: EffectRequest): Effect => ({
  id: 'one/save#1.1',
  request,
  purpose: { kind: 'step', stepId: 'one/save' },
  requestedAt: 0,
  timeoutMs: null,
});
const http = {
  kind: 'http',
  url: 'http://x',
  method: 'GET',
  expect: { status: 200, withinMs: 1, contains: null },
} as const;
const look = {
  kind: 'command',
  command: { argv: ['look'], repeatable: true },
  expect: { exitCode: 0, contains: null },
} as const;
const counted: Signal = {
  name: 'disk',
  source: { kind: 'command', argv: ['df'] },
  unit: 'percent',
  overMs: 1,
  freshForMs: 1,
};
const baseline: EffectRequest = { kind: 'baseline', overMs: 1, flags: [] };

describe('taskFor()', () => {
  it.each([
    ['a command', { kind: 'command', argv: ['save'], repeatable: true, captures: [] } as const, plan([]), COMMAND_TASK],
    ['a probe by command', { kind: 'probe', probe: look } as const, plan([]), COMMAND_TASK],
    ['a baseline that reads a command', baseline, plan([], { signals: { disk: counted } }), COMMAND_TASK],
    ['a probe over HTTP', { kind: 'probe', probe: http } as const, plan([]), EFFECT_TASK],
    ['a message', { kind: 'message', channel: 'chat', text: 'done' } as const, plan([]), EFFECT_TASK],
    ['a baseline from telemetry', baseline, plan([]), EFFECT_TASK],
  ])('sends %s to a machine that may carry it out [ALL-7]', (_what, request, of, task) => {
    expect(taskFor(asked(request), of)).toBe(task);
  });
});
