import { type Plan, planHash, type Step } from '@theseus/core/plan';
import type { PlanEdit, RunView } from '@theseus/core/rollout';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan, ramp } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

interface Edited {
  readonly edit: PlanEdit;
  readonly run: RunView;
  readonly events: readonly unknown[];
  readonly error: { readonly code: string; readonly message: string };
}

const people = { ana: { name: 'ana', roles: ['lead'] }, ben: { name: 'ben', roles: ['lead'] } };
const NONE = { refusals: [], added: [], removed: [], changed: [], voided: [], parts: [] };
const ADA = { userId: 'ada' };

let theseus: RunningServer;
const clients: TheseusClient[] = [];

beforeAll(async () => {
  theseus = await runningServer();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  const { runs } = (await theseus.call('GET', '/api/v1/runs')).body as { runs: RunView[] };
  for (const { runId, status } of runs) if (status !== 'finished') await theseus.command(runId, { verb: 'abort' });
  // A run gives its flags back once every instance is known to serve legacy.
  const isOver = async ({ runId }: RunView) => (await theseus.view(runId)).flags.every(({ confirmed }) => confirmed);
  for (const run of runs) await until(() => isOver(run));
});

afterAll(() => theseus?.stop());

const tell = (message = 'done'): Step => ({ ...common('one/tell'), kind: 'notify', channel: 'chat', message });
const go = (question = 'Go?'): Step => ({
  ...common('one/go'),
  kind: 'approve',
  by: [{ role: 'lead', count: 2 }],
  question,
});

/** A message that is sent at once, an approval by two, and a ramp that is still to come. */
function asking(changes: Partial<Plan> = {}, steps: readonly Step[] = [tell(), go(), ramp('one', 'cache')]): Plan {
  return plan([phase('one', steps)], { people, ...changes });
}

async function put(runId: string, next: Plan, more: object = {}): Promise<{ status: number; body: Edited }> {
  const request = { plan: next, planHash: planHash(next), reason: 'test', person: 'ana', ...more };
  const { status, body } = await theseus.call('PUT', `/api/v1/runs/${runId}/plan`, request);
  return { status, body };
}

/** Started, with the message delivered and one of two approvals given. */
async function halfApproved(): Promise<string> {
  const runId = await theseus.begin(asking());
  await until(async () => (await theseus.view(runId)).phases[0]?.steps[0]?.status === 'completed');
  const approve = { verb: { verb: 'approve' }, reason: 'yes', person: 'ana' };
  expect((await theseus.call('POST', `/api/v1/runs/${runId}/commands`, approve)).status).toBe(200);
  return runId;
}

const approval = async (runId: string) => (await theseus.view(runId)).phases[0]?.steps[1]?.approval;

describe('editing the plan of a run', () => {
  it('shows what it would change, step by step and part by part, and changes nothing when it is only tried', async () => {
    const runId = await halfApproved();
    const before = await theseus.view(runId);
    const extra: Step = { ...common('one/rest'), kind: 'wait', until: { kind: 'duration', durationMs: 1_000 } };
    const next = asking({ title: 'Renamed', messages: { done: 'it is done', more: 'x' } }, [
      tell(),
      go('Really?'),
      extra,
    ]);
    const tried = await put(runId, next, { dryRun: true });
    expect(tried).toMatchObject({ status: 200, body: { events: [], run: { revision: before.revision } } });
    expect(tried.body.edit).toEqual({
      refusals: [],
      added: ['one/rest'],
      removed: ['one/cache'],
      changed: ['one/tell', 'one/go'],
      voided: ['one/go'],
      parts: ['title', 'flags.cache', 'messages.done', 'messages.more'],
    });
    expect(await theseus.view(runId)).toMatchObject({ revision: before.revision, planHash: before.planHash });
    expect((await approval(runId))?.given).toEqual(['ana']);
  });

  it('voids the approvals of what it touches: who agreed is asked anew, and nothing moves before', async () => {
    const runId = await halfApproved();
    const next = asking({}, [tell(), go('Really?'), ramp('one', 'cache')]);
    const { body } = await put(runId, next);
    expect(body.edit.voided).toEqual(['one/go']);
    expect(await approval(runId)).toMatchObject({ question: 'Really?', given: [], missing: '2 of lead' });
    for (const [person, given] of [['ben', ['ben']] as const, ['ana', undefined] as const]) {
      await theseus.call('POST', `/api/v1/runs/${runId}/commands`, {
        verb: { verb: 'approve' },
        reason: 'yes',
        person,
      });
      if (given !== undefined) expect((await approval(runId))?.given).toEqual(given);
    }
    expect((await theseus.view(runId)).flags[0]?.exposurePercent).toBe(10);
    const edited = (await theseus.events(runId)).find(({ type }) => type === 'plan.edited');
    expect(edited).toMatchObject({ actor: { kind: 'person', name: 'ana' }, reason: 'test', touched: ['one/go'] });
  });

  it('keeps approvals that it does not touch', async () => {
    const runId = await halfApproved();
    expect((await put(runId, asking({ title: 'Renamed' }))).body.edit).toEqual({ ...NONE, parts: ['title'] });
    expect((await approval(runId))?.given).toEqual(['ana']);
    expect((await theseus.view(runId)).title).toBe('Renamed');
  });

  it('refuses to change the past, says which step and why, and changes nothing', async () => {
    const runId = await halfApproved();
    const { revision } = await theseus.view(runId);
    const next = asking({ salt: 'another.', messages: { done: 'x', other: 'y' } }, [
      tell('other'),
      ramp('one', 'cache'),
    ]);
    const texts = [
      "its salt is 'moving..' and stays so",
      'one/go has begun: it cannot be removed',
      'one/tell is over (completed): what it did cannot be changed',
    ];
    const refused = await put(runId, next);
    expect([refused.status, refused.body.error.code]).toEqual([422, 'invalid-plan']);
    for (const text of texts) expect(refused.body.error.message).toContain(text);
    const tried = await put(runId, next, { dryRun: true });
    expect(tried.body.edit.refusals.map((text) => texts.filter((part) => text.includes(part)).length)).toEqual([
      1, 1, 1,
    ]);
    expect((await theseus.view(runId)).revision).toBe(revision);
  });

  it('claims the flags it adds, and gets none that belongs to another run', async () => {
    const other = await theseus.begin(plan([phase('one', [ramp('one', 'taken')])], { name: 'other' }));
    const runId = await theseus.begin(asking());
    const before = await theseus.view(runId);
    const stolen = await put(runId, asking({}, [tell(), go(), ramp('one', 'cache'), ramp('one', 'taken')]));
    expect([stolen.status, stolen.body.error.message]).toEqual([
      409,
      expect.stringContaining(`belongs to run ${other}`),
    ]);
    expect(await theseus.view(runId)).toMatchObject({ planHash: before.planHash, flags: [{ key: 'cache' }] });

    const added = asking({}, [tell(), go(), ramp('one', 'cache'), ramp('one', 'extra')]);
    expect((await put(runId, added)).body.edit.added).toEqual(['one/extra']);
    // The server hears of its own commit as every other does: a moment later.
    const served = async () =>
      ((await theseus.call('GET', '/api/v1/flags')).body as { flags: Record<string, unknown> }).flags['extra'];
    await until(async () => (await served()) !== undefined);
    expect(await served()).toMatchObject({ exposure: 0, enabled: true });
    const rival = await theseus.ask(plan([phase('one', [ramp('one', 'extra')])], { name: 'rival' }));
    expect([rival.status, JSON.stringify(rival.body)]).toEqual([
      409,
      expect.stringContaining(`belongs to run ${runId}`),
    ]);
  });

  it('reaches every SDK: who is named or described anew is let in and kept out at once', async () => {
    const client = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'front', log: () => undefined });
    clients.push(client);
    expect(await client.ready(10_000)).toBe(true);
    const ramping = (changes: Partial<Plan['flags'][string]>, segments: Plan['segments'] = {}): Plan => {
      const given = plan([phase('one', [ramp('one', 'menu', { through: [1, 100_000], soakMs: 3_600_000 })])], {
        segments,
      });
      const [menu] = Object.values(given.flags);
      return menu === undefined ? given : { ...given, flags: { menu: { ...menu, ...changes } } };
    };
    const runId = await theseus.begin(ramping({}));
    await until(() => client.details('menu', ADA).errorCode === undefined);
    expect([client.enabled('menu', ADA), client.enabled('menu', { userId: 'eve', team: 'core' })]).toEqual([
      false,
      false,
    ]);
    const internal = {
      key: 'internal',
      conditions: [{ attribute: 'team', operator: 'in', values: ['core'] }],
    } as const;
    const rules = [{ segment: 'internal', exposure: 100_000 }];
    const overrides = { candidate: ['ada'], legacy: [] };
    expect((await put(runId, ramping({ overrides, rules }, { internal }))).status).toBe(200);
    await until(() => client.enabled('menu', ADA) && client.enabled('menu', { userId: 'eve', team: 'core' }));
    expect((await put(runId, ramping({}))).status).toBe(200);
    await until(() => !client.enabled('menu', ADA) && !client.enabled('menu', { userId: 'eve', team: 'core' }));
  });

  it('refuses whoever looked at an older revision, and whoever comes after the end, in a trial too', async () => {
    const runId = await theseus.begin(asking());
    await until(async () => (await theseus.view(runId)).phases[0]?.steps[0]?.status === 'completed');
    const { revision } = await theseus.view(runId);
    const next = asking({ title: 'Renamed' });
    for (const more of [{ dryRun: true }, {}]) {
      const stale = await put(runId, next, { ...more, expectedRevision: revision - 1 });
      expect([stale.status, stale.body.error.code]).toEqual([409, 'stale-revision']);
    }
    expect((await put(runId, next, { dryRun: true, expectedRevision: revision })).status).toBe(200);
    expect((await put(runId, next, { expectedRevision: revision })).status).toBe(200);
    await theseus.command(runId, { verb: 'abort' });
    for (const more of [{ dryRun: true }, {}]) {
      const late = await put(runId, asking(), more);
      expect([late.status, late.body.error.message]).toEqual([409, expect.stringContaining('the run has ended')]);
    }
  });

  it('is done once however often it is sent, and not at all where the plan is the same', async () => {
    const runId = await theseus.begin(asking());
    const next = asking({ title: 'Renamed' });
    const first = await put(runId, next, { commandId: 'edit-1' });
    const again = await put(runId, next, { commandId: 'edit-1' });
    expect(again.body.events).toEqual(first.body.events);
    expect((await put(runId, next)).body.events).toEqual([]);
    expect((await theseus.events(runId)).filter(({ type }) => type === 'plan.edited')).toHaveLength(1);
  });

  it('refuses a plan under another hash, and one that is none', async () => {
    const runId = await theseus.begin(asking());
    const wrong = await put(runId, asking(), { planHash: `sha256:${'0'.repeat(64)}` });
    expect([wrong.status, wrong.body.error.message]).toEqual([422, expect.stringContaining('does not match its hash')]);
    const none = await put(runId, { kind: 'plan' } as unknown as Plan);
    expect(none.status).toBe(422);
  });
});
