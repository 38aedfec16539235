import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan, ramp } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;
let client: TheseusClient;

beforeAll(async () => {
  theseus = await runningServer();
  client = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'front', log: () => undefined });
});

afterAll(async () => {
  await client?.close();
  await theseus?.stop();
});

const PLAN = plan([
  phase('one', [ramp('one', 'store', { through: [100_000], soakMs: 3_600_000 })]),
  phase(
    'last',
    [
      { ...common('last/off'), kind: 'fallback-off', flag: 'store' },
      { ...common('last/stay'), kind: 'approve', by: [], question: 'Is all well without a net?' },
    ],
    ['one'],
  ),
]);

/** What a request gets whose candidate fails: legacy's answer, or the failure. */
function answer(): string {
  try {
    return client.route(
      'store',
      { userId: 'ada' },
      {
        legacy: () => 'legacy',
        candidate: () => {
          throw new Error('the candidate failed');
        },
      },
    );
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the fallback of a flag', () => {
  it('stays until the plan switches it off as its last step, and is there again after a rollback [XR-9, CO-5]', async () => {
    const run = await theseus.begin(PLAN);
    await until(() => client.details('store', { userId: 'ada' }).arm === 'candidate');
    expect(answer()).toBe('legacy');
    await theseus.command(run, { verb: 'promote', stepId: 'one/store', toEnd: true });
    await until(() => answer() === 'the candidate failed');
    expect(client.details('store', { userId: 'ada' }).arm).toBe('candidate');
    await theseus.command(run, { verb: 'rollback', scope: 'flag', target: 'store', overMs: 60_000 });
    await until(() => answer() === 'legacy');
    const events = await theseus.events(run);
    const told = events.flatMap((event) => (event.type === 'flag.fallback-changed' ? [event.fallback] : []));
    expect(told).toEqual([false, true]);
  });
});
