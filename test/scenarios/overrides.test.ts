import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp, standardGate } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;
const clients: TheseusClient[] = [];

beforeAll(async () => {
  theseus = await runningServer();
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(() => theseus?.stop());

const segments = {
  team: { key: 'team', conditions: [{ attribute: 'team', operator: 'in', values: ['own'] }] },
} as const;

/** Nobody looks, so that only people move it; its first exposure lets in only those who are named. */
function named(flag: string) {
  const steps = [ramp('one', flag, { through: [0, 50_000, 100_000], soaksMs: [600_000, 600_000, 600_000] })];
  const made = plan([phase('one', steps)], { gates: { standard: { ...standardGate, everyMs: 600_000 } }, segments });
  const known = made.flags[flag];
  if (known === undefined) throw new Error('the plan has no flag');
  const rules = [{ segment: 'team', exposure: 100_000 }];
  const overrides = { candidate: ['friend', 'gone'], legacy: ['foe'] };
  return { ...made, flags: { [flag]: { ...known, rules, overrides } } };
}

async function connect(): Promise<TheseusClient> {
  const client = createTheseus({
    url: theseus.url,
    token: theseus.sdkToken,
    service: 'front',
    log: () => undefined,
  });
  clients.push(client);
  expect(await client.ready(10_000)).toBe(true);
  return client;
}

const answer = (flag: string, subjects: readonly string[], to: 'candidate' | 'legacy' | null, reason = 'asked') =>
  theseus.call('POST', `/api/v1/flags/${flag}/overrides`, { subjects, to, reason, person: 'ana' });

const arms = (client: TheseusClient, flag: string, ...users: readonly string[]): string =>
  users.map((userId) => (client.enabled(flag, { userId }) ? 'C' : 'L')).join('');

describe('subjects decided about one by one', () => {
  it('are let in and sent back while the flag moves, over any percentage, and only people undo it [CO-17]', async () => {
    const flag = 'steered';
    const runId = await theseus.begin(named(flag));
    const client = await connect();
    await until(() => arms(client, flag, 'friend') === 'C');
    expect((await answer(flag, ['early', 'foe'], 'candidate')).status).toBe(200);
    expect((await answer(flag, ['gone'], 'legacy', 'their export breaks')).status).toBe(200);
    await until(() => arms(client, flag, 'early', 'foe', 'friend', 'gone') === 'CCCL');
    expect(client.details(flag, { userId: 'gone' })).toMatchObject({ arm: 'legacy', reason: 'OVERRIDE' });
    await theseus.command(runId, { verb: 'promote', toEnd: true });
    await until(() => arms(client, flag, 'anybody') === 'C');
    expect(arms(client, flag, 'early', 'gone')).toBe('CL');
    await theseus.command(runId, { verb: 'rollback', scope: 'plan', overMs: 0 });
    await until(() => arms(client, flag, 'early', 'foe', 'friend', 'anybody') === 'LLLL');
    await until(async () => (await theseus.view(runId)).rollbacks.every(({ status }) => status === 'completed'));
    await theseus.command(runId, { verb: 'retry', stepId: `one/${flag}`, andAfter: true });
    await until(() => arms(client, flag, 'early', 'foe', 'gone') === 'CCL');
    expect((await answer(flag, ['gone', 'foe'], null)).status).toBe(200);
    await until(() => arms(client, flag, 'early', 'foe', 'gone') === 'CLC');
    await theseus.command(runId, { verb: 'abort' });
    await until(() => arms(client, flag, 'early', 'friend', 'gone') === 'LLL');
    expect(client.enabled(flag, { userId: 'x', team: 'own' })).toBe(false);
  });

  it('are listed with who decided, why and when, and are kept by the next run [CO-17]', async () => {
    const flag = 'listed';
    const first = await theseus.begin(named(flag));
    await answer(flag, ['ada'], 'legacy', 'opted out');
    await answer(flag, ['ben'], 'candidate', 'asked for it');
    const list = async () =>
      (await theseus.call('GET', `/api/v1/flags/${flag}/overrides`)).body as {
        runId: string;
        overrides: readonly { subject: string }[];
      };
    expect(await list()).toMatchObject({
      runId: first,
      overrides: [
        { subject: 'ada', arm: 'legacy', by: 'ana', reason: 'opted out' },
        { subject: 'ben', arm: 'candidate', by: 'ana', reason: 'asked for it' },
      ],
    });
    await theseus.command(first, { verb: 'abort' });
    await until(async () => (await theseus.view(first)).flags.every(({ confirmed }) => confirmed));
    const next = await theseus.begin(named(flag));
    expect(await list()).toMatchObject({ runId: next, overrides: [{ subject: 'ben', by: null }, { subject: 'ada' }] });
    const client = await connect();
    await until(() => arms(client, flag, 'ada', 'ben') === 'LC');
    await theseus.command(next, { verb: 'abort' });
  });

  it('are refused where nobody could mean them, and to programs', async () => {
    expect((await answer('unheard-of', ['ada'], 'legacy')).status).toBe(404);
    expect(
      (await theseus.call('POST', '/api/v1/flags/listed/overrides', { subjects: [], to: null, reason: 'x' })).status,
    ).toBe(400);
    const path = `${theseus.url}/api/v1/flags/listed/overrides`;
    for (const method of ['GET', 'POST']) {
      const asked = await fetch(path, { method, headers: { authorization: `Bearer ${theseus.sdkToken}` } });
      expect([method, asked.status]).toEqual([method, 403]);
    }
  });
});
