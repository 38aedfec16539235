import type { Gate } from '@theseus/core/health';
import type { Plan, Step } from '@theseus/core/plan';
import { findBrokenLink } from '@theseus/core/rollout';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  common,
  phase,
  plan,
  ramp,
  rollbackNow,
  rule,
  standardGate,
  undoBy,
} from '../../../core/test-support/given-plan.ts';
import { noting, TestSystem, until } from '../../test-support/test-system.ts';
import { Traffic } from '../../test-support/traffic.ts';
import type { SystemState } from '../ports/system-switch.ts';

const gate: Gate = { ...standardGate, everyMs: 100, minSample: 5, rules: [rule({ text: 'errors > 5%' }, rollbackNow)] };
const SOAK_MS = 300;

let system: TestSystem;
let traffic: Traffic;

beforeAll(async () => {
  system = await TestSystem.begin();
  traffic = new Traffic(system);
}, 60_000);

afterEach(async () => {
  await turn('resume', 'the test is over');
  for (const runId of (await state()).runs) await system.command(runId, { verb: 'abort' });
});

afterAll(() => system?.end());

const turn = (what: 'pause' | 'resume', reason: string, person = 'ana') =>
  system.call<SystemState>('POST', `/api/v1/${what}`, { reason, person });
const state = async () => (await system.call<SystemState>('GET', '/api/v1/pause')).body;

const writing = (id: string, line: string, file?: string): Step => ({
  ...common(id),
  kind: 'run',
  command: noting(line, file),
  captures: [],
});

const climbing = (flag: string, changes: Parameters<typeof ramp>[2] = {}): Plan =>
  plan([phase('one', [ramp('one', flag, { soakMs: SOAK_MS, ...changes })])], { gates: { standard: gate } });

const health = async (runId: string) => (await system.view(runId)).phases[0]?.steps[0]?.health[0];
const exposure = async (runId: string) => (await system.view(runId)).flags[0]?.exposurePercent;

/** Waits until health has been judged well for far longer than a soak asks for. */
async function soakedOver(runId: string, flag: string): Promise<void> {
  const from = (await health(runId))?.at ?? 0;
  await until(
    async () => ((await health(runId))?.at ?? 0) > from + 4 * SOAK_MS,
    () => traffic.report(flag, 0),
  );
}

describe('the whole system, paused with one call', () => {
  it('raises nobody however healthy, and goes on when it is resumed [CO-15]', async () => {
    const runId = await system.run(climbing('calm'));
    await until(async () => (await exposure(runId)) === 10);
    expect((await turn('pause', 'the network is down')).body).toMatchObject({ paused: true, runs: [runId] });
    await until(
      async () => (await health(runId))?.verdict === 'pass',
      () => traffic.report('calm', 0),
    );
    await soakedOver(runId, 'calm');
    expect(await exposure(runId)).toBe(10);
    expect(await system.view(runId)).toMatchObject({ status: 'paused', pausedBy: ['system'] });
    expect((await turn('resume', 'it is back')).body).toEqual({ paused: false, pause: null, runs: [runId] });
    await until(
      async () => (await system.view(runId)).outcome === 'succeeded',
      () => traffic.report('calm', 0),
    );
  });

  it('still judges, rolls back, undoes and verifies [CO-15]', async () => {
    const steps = [{ ...writing('one/save', 'saved'), undo: undoBy(...noting('restored').argv) }];
    const runId = await system.run(
      plan([phase('one', [...steps, ramp('one', 'bad', { soakMs: 60_000 })])], {
        gates: {
          standard: { ...gate, rules: [rule({ text: 'errors > 5%' }, { kind: 'rollback', scope: 'plan', overMs: 0 })] },
        },
      }),
    );
    await until(async () => (await exposure(runId)) === 10);
    await turn('pause', 'the network is down');
    await until(
      async () => (await system.view(runId)).rollbacks[0]?.status === 'completed',
      () => traffic.report('bad', 8),
    );
    expect(await system.view(runId)).toMatchObject({ status: 'paused', rollbacks: [{ outcome: 'restored' }] });
    expect(await exposure(runId)).toBe(0);
    expect(await system.notes()).toContain('restored');
  });

  it('lets a run that is started meanwhile wait, and says for what [CO-15, ALL-6]', async () => {
    await turn('pause', 'the network is down');
    const runId = await system.run(plan([phase('one', [writing('one/late', 'late')])]));
    expect(await system.view(runId)).toMatchObject({ status: 'paused', pausedBy: ['system'] });
    const [wait] = (await system.view(runId)).waits;
    expect(wait).toMatchObject({ on: 'person', command: 'theseus resume --all' });
    expect(await system.eventsOf(runId, 'effect.requested')).toEqual([]);
    expect((await system.eventsOf(runId, 'run.paused'))[0]?.reason).toBe(
      'ana has paused the whole system: the network is down',
    );
    expect((await state()).runs).toEqual([runId]);
    await turn('resume', 'it is back');
    await until(async () => (await system.view(runId)).outcome === 'succeeded');
    expect((await system.notes()).filter((line) => line === 'late')).toHaveLength(1);
  });

  it('begins no command that was asked for before, survives a restart, and then runs each once [CO-15, ALL-3]', async () => {
    const names = Array.from({ length: 14 }, (_, index) => `n${index}`);
    const runId = await system.run(plan(names.map((name) => phase(name, [writing(`${name}/go`, name, 'gate')]))));
    const begun = async () => (await system.notes()).filter((line) => names.includes(line));
    // The worker takes ten at once: the others are asked for and wait their turn when the pause comes.
    await until(async () => (await begun()).length === 10);
    expect(await system.eventsOf(runId, 'effect.requested')).toHaveLength(14);
    await turn('pause', 'the network is down');
    await system.open('gate');
    await until(async () => (await system.eventsOf(runId, 'effect.finished')).length === 10);
    await until(async () => (await system.effectJobs()) === 0);
    expect(await begun()).toHaveLength(10);

    await system.stop();
    await system.start();
    expect(await state()).toMatchObject({ paused: true, pause: { by: 'ana', reason: 'the network is down' } });
    expect(await system.view(runId)).toMatchObject({ status: 'paused', pausedBy: ['system'] });
    expect([await begun(), await system.effectJobs()]).toMatchObject([{ length: 10 }, 0]);

    await turn('resume', 'it is back');
    await until(async () => (await system.view(runId)).outcome === 'succeeded');
    expect([...(await begun())].sort()).toEqual([...names].sort());
    expect(await system.eventsOf(runId, 'effect.finished')).toHaveLength(14);
    expect(findBrokenLink(await system.log(runId))).toBeNull();
  });

  it('changes nothing when it is asked twice: the first to pause it stays on record [CO-15]', async () => {
    const runId = await system.run(climbing('twice', { soakMs: 60_000 }));
    const first = (await turn('pause', 'the network is down')).body;
    expect((await turn('pause', 'me too', 'ben')).body).toEqual(first);
    expect(await state()).toEqual(first);
    expect(await system.eventsOf(runId, 'run.paused')).toMatchObject([{ actor: { name: 'ana' }, scope: 'system' }]);
    await turn('resume', 'it is back');
    await turn('resume', 'it is back');
    expect(await system.eventsOf(runId, 'run.resumed')).toHaveLength(1);
  });

  it('leaves to people what people have paused, and lets nobody slip out of it [CO-15]', async () => {
    const runId = await system.run(climbing('held', { soakMs: 60_000 }));
    await system.command(runId, { verb: 'pause' });
    await turn('pause', 'the network is down');
    expect((await system.command(runId, { verb: 'resume' })).body.run.pausedBy).toEqual(['system']);
    const slip = await system.command(runId, { verb: 'resume' });
    expect([slip.status, slip.body.error.message]).toEqual([409, expect.stringContaining('theseus resume --all')]);
    await system.command(runId, { verb: 'pause' });
    await turn('resume', 'it is back');
    expect(await system.view(runId)).toMatchObject({ status: 'paused', pausedBy: ['run'] });
    await system.command(runId, { verb: 'resume' });
    expect((await system.view(runId)).status).toBe('running');
  });

  it.each([{}, { reason: '' }, { reason: 'x', scope: 'run' }])('refuses %j in words', async (body) => {
    const answer = await system.call<{ error: { message: string } }>('POST', '/api/v1/pause', body);
    expect([answer.status, answer.body.error.message.length > 10]).toEqual([400, true]);
    expect((await state()).paused).toBe(false);
  });
});
