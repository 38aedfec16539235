import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp, rollbackNow, rule } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;

beforeAll(async () => {
  theseus = await runningServer();
});

afterAll(() => theseus?.stop());

/** As Alertmanager posts it, with what it also says. */
const webhook = (status: 'firing' | 'resolved', alertname: string, labels: Record<string, string> = {}) => ({
  version: '4',
  groupKey: '{}:{}',
  truncatedAlerts: 0,
  status,
  receiver: 'theseus',
  externalURL: 'http://alertmanager:9093',
  alerts: [
    {
      status,
      labels: { alertname, ...labels },
      annotations: { summary: 'whatever it says' },
      startsAt: '2026-05-04T09:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: 'http://prometheus:9090/graph',
      fingerprint: `${alertname}${JSON.stringify(labels)}`,
    },
  ],
});

const hear = (body: unknown) => theseus.call('POST', '/api/v1/alerts', body);

/** A ramp that an alert takes back. */
const watched = (flag: string, alert: string) =>
  plan([phase('one', [ramp('one', flag, { through: [10_000, 100_000], soakMs: 1_000 })])], {
    name: `move-${flag}`,
    signals: {
      alert: {
        name: 'alert',
        source: { kind: 'alert', alert, labels: { flag } },
        unit: 'count',
        overMs: 60_000,
        freshForMs: 60_000,
      },
    },
    gates: {
      standard: {
        name: 'standard',
        everyMs: 100,
        minSample: 0,
        rules: [rule({ signal: 'alert', text: 'alert > 0', bound: { kind: 'absolute', value: 0 } }, rollbackNow)],
      },
    },
  });

describe("Alertmanager's webhook", () => {
  it('holds a ramp while nothing was ever heard, and lets it go on when Alertmanager speaks [XR-3]', async () => {
    const run = await theseus.begin(watched('quiet', 'ErrorsHigh'));
    const held = async (): Promise<string> => (await theseus.view(run)).waits.map(({ text }) => text).join(' ');
    await until(async () => (await held()).includes('Alertmanager has not sent anything yet'));
    expect((await hear(webhook('firing', 'Watchdog'))).status).toBe(200);
    await until(async () => (await theseus.view(run)).outcome === 'succeeded');
  });

  it('takes a ramp back when an alert fires that the plan names, and for no other [XR-4] [CO-10]', async () => {
    const run = await theseus.begin(watched('loud', 'ErrorsHigh'));
    await hear(webhook('firing', 'ErrorsHigh', { flag: 'another' }));
    await hear(webhook('resolved', 'ErrorsHigh', { flag: 'loud' }));
    await until(async () => (await theseus.events(run)).some(({ type }) => type === 'flag.exposure-changed'));
    expect((await theseus.events(run)).some(({ type }) => type === 'rollback.initiated')).toBe(false);
    expect(await hear(webhook('firing', 'ErrorsHigh', { flag: 'loud' }))).toMatchObject({
      status: 200,
      body: { kept: 1 },
    });
    await until(async () => (await theseus.view(run)).outcome === 'partial');
    const initiated = (await theseus.events(run)).find(({ type }) => type === 'rollback.initiated');
    expect(JSON.stringify(initiated)).toContain('ErrorsHigh{flag=\\"loud\\"}');
  });

  it.each<[string, unknown]>([
    ['no alerts at all', { version: '4' }],
    ['another version', { ...webhook('firing', 'x'), version: '3' }],
    ['an alert without a fingerprint', { version: '4', alerts: [{ status: 'firing', labels: {} }] }],
    ['a state that does not exist', { version: '4', alerts: [{ status: 'sulking', labels: {}, fingerprint: 'a' }] }],
  ])('refuses %s', async (_name, body) => {
    expect(await hear(body)).toMatchObject({ status: 400, body: { error: { code: 'invalid-argument' } } });
  });
});
