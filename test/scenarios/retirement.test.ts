import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';
import type { FlagDocument } from '@theseus/core/flag';
import { type PlanSource, planFromSource } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { TheseusProvider } from '@theseus/sdk/openfeature';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const source = (after: string): PlanSource => ({
  plan: 'retiring',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  flags: { cache: {} },
  phases: [
    {
      phase: 'move',
      steps: [
        { ramp: 'cache', gate: 'standard', through: ['100%'], soak: '1h' },
        { retire: 'cache', after, approve: 'none' },
      ],
    },
    { phase: 'rest', steps: [{ wait: '1h' }] },
  ],
});

let theseus: RunningServer;
let sdk: TheseusClient;
let runId: string;

function planOf(after: string) {
  const { plan, problems } = planFromSource(source(after));
  if (plan === null) throw new Error(JSON.stringify(problems));
  return plan;
}

const armOf = (userId: string) => sdk.details('cache', { userId }).arm;
const stateOf = async () =>
  (await theseus.call('GET', '/api/v1/flags/cache/state')).body as { lifecycle: string; definition: object };
const requestsOf = async () => {
  const { flags } = (await theseus.call('GET', '/api/v1/telemetry/totals')).body as {
    flags: Record<string, { candidate: { requests: number } }>;
  };
  return flags['cache']?.candidate.requests ?? 0;
};
const decide = (to: 'legacy' | null) =>
  theseus.call('POST', '/api/v1/flags/cache/overrides', { subjects: ['ben'], to, reason: 'his export', person: 'ana' });
const ask = () => sdk.route('cache', { userId: 'ana' }, { legacy: (arm) => arm, candidate: (arm) => arm });

beforeAll(async () => {
  theseus = await runningServer();
  runId = await theseus.begin(planOf('2w'));
  sdk = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'shop' });
  await until(() => armOf('ana') === 'candidate');
});

afterAll(async () => {
  await OpenFeature.close();
  await sdk?.close();
  await theseus?.stop();
});

describe('a flag at 100 %', () => {
  it('is full, then retiring for two weeks, with those who are kept out on legacy [CO-6]', async () => {
    expect(await stateOf()).toMatchObject({ lifecycle: 'full' });
    ask();
    await theseus.command(runId, { verb: 'promote', stepId: 'move/cache' });
    await until(async () => (await stateOf()).lifecycle === 'retiring');
    await decide('legacy');
    await until(() => armOf('ben') === 'legacy');
    expect([armOf('ana'), armOf('ben')]).toEqual(['candidate', 'legacy']);
    await until(
      async () => (await requestsOf()) === 1,
      () => undefined,
    );
  });

  it('is not retired over what a person decided about somebody, and says so [CO-6] [CO-17]', async () => {
    const promoted = await theseus.call('POST', `/api/v1/runs/${runId}/commands`, {
      verb: { verb: 'promote', stepId: 'move/retire-cache' },
      reason: 'they are only one',
    });
    expect(promoted.status).toBe(409);
    expect(JSON.stringify(promoted.body)).toContain('ben is kept on legacy by name');
    expect(await stateOf()).toMatchObject({ lifecycle: 'retiring' });
    await decide(null);
    await until(() => armOf('ben') === 'candidate');
  });

  it('answers candidate to everybody once it is retired, whoever asks how, and is counted no more [CO-6]', async () => {
    await theseus.command(runId, { verb: 'promote', stepId: 'move/retire-cache' });
    await until(async () => (await stateOf()).lifecycle === 'retired');
    await until(() => sdk.details('cache', {}).arm === 'candidate');
    expect(await stateOf()).toMatchObject({ lifecycle: 'retired', definition: { retired: true, exposure: 100_000 } });
    expect(sdk.details('cache', {})).toMatchObject({ arm: 'candidate', reason: 'RETIRED' });
    await OpenFeature.setProviderAndWait('own', new TheseusProvider(sdk));
    const headers: [string, string][] = [['authorization', `Bearer ${theseus.sdkToken}`]];
    await OpenFeature.setProviderAndWait('stock', new OFREPProvider({ baseUrl: theseus.url, headers }));
    for (const domain of ['own', 'stock']) {
      const details = await OpenFeature.getClient(domain).getBooleanDetails('cache', false, { targetingKey: 'ben' });
      expect(details).toMatchObject({ value: true, variant: 'candidate', reason: 'STATIC' });
    }
    for (let n = 0; n < 10; n += 1) expect(ask()).toBe('candidate');
    await sdk.close();
    expect(await requestsOf()).toBe(1);
  });

  it('cannot be ramped by another run while it is retired [CO-6]', async () => {
    const { status, body } = await theseus.ask({ ...planOf('2w'), name: 'again' });
    expect(status).toBe(409);
    expect((body as { error: { message: string } }).error.message).toContain("Flag 'cache'");
  });

  it('is no longer retired once it is rolled back [CO-6]', async () => {
    await theseus.command(runId, { verb: 'rollback', scope: 'phase', target: 'move', overMs: 0 });
    const { flags } = (await theseus.call('GET', '/api/v1/flags')).body as FlagDocument;
    expect(flags['cache']).toMatchObject({ exposure: 0 });
    expect(flags['cache']).not.toHaveProperty('retired');
    expect(await stateOf()).toMatchObject({ lifecycle: 'dark' });
  });
});
