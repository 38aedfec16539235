import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { documentOf, FakeServer, flagOf, TOKEN } from '../../test-support/fake-server.ts';
import { TheseusProvider } from '../openfeature/index.ts';
import { createTheseus } from '../theseus-client.ts';
import { type EvaluationEventsOptions, evaluationEvents } from './evaluation-events.ts';

const exporter = new InMemoryLogRecordExporter();
const logger = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] }).getLogger('test');

let server: FakeServer;

beforeEach(async () => {
  exporter.reset();
  server = await new FakeServer().start();
  server.database.document = documentOf(7, [flagOf('on'), flagOf('off', { exposure: 0 })]);
});
afterEach(async () => {
  OpenFeature.clearHooks();
  await OpenFeature.close();
  await OpenFeature.clearProviders();
  await server.kill();
});

async function connected(options: EvaluationEventsOptions = {}) {
  const client = createTheseus({ url: server.url, token: TOKEN, service: 'front', log: () => undefined });
  await OpenFeature.setProviderAndWait(new TheseusProvider(client));
  OpenFeature.addHooks(evaluationEvents({ logger, ...options }));
  return OpenFeature.getClient();
}

const events = () => exporter.getFinishedLogRecords().map(({ eventName, attributes }) => ({ eventName, attributes }));

describe('evaluationEvents()', () => {
  test('tells of each evaluation exactly what the semantic conventions name', async () => {
    const client = await connected();
    await client.getBooleanValue('on', false, { targetingKey: 'ada' });
    await client.getStringValue('off', '', { targetingKey: 'bob' });
    const common = { 'feature_flag.provider.name': 'theseus', 'feature_flag.version': '7' };
    expect(events()).toEqual([
      {
        eventName: 'feature_flag.evaluation',
        attributes: {
          ...common,
          'feature_flag.key': 'on',
          'feature_flag.context.id': 'ada',
          'feature_flag.result.variant': 'candidate',
          'feature_flag.result.reason': 'split',
        },
      },
      {
        eventName: 'feature_flag.evaluation',
        attributes: {
          ...common,
          'feature_flag.key': 'off',
          'feature_flag.context.id': 'bob',
          'feature_flag.result.variant': 'legacy',
          'feature_flag.result.reason': 'split',
        },
      },
    ]);
  });

  test('names an error by its type, and the value that the caller got instead', async () => {
    const client = await connected();
    await client.getBooleanValue('nobody', true, { targetingKey: 'ada' });
    await client.getNumberValue('on', 4, { targetingKey: 'ada' });
    await client.getObjectValue('on', { a: 1 }, { targetingKey: 'ada' });
    expect(events().map(({ attributes }) => attributes)).toMatchObject([
      { 'error.type': 'flag_not_found', 'feature_flag.result.reason': 'error', 'feature_flag.result.value': true },
      { 'error.type': 'type_mismatch', 'feature_flag.result.value': 4 },
      { 'error.type': 'type_mismatch', 'feature_flag.result.value': '{"a":1}' },
    ]);
    for (const { attributes } of events()) expect(attributes).not.toHaveProperty('error.message');
  });

  test('names nobody where it is told to, and no variant where the provider has none', async () => {
    const client = await connected({ contextId: 'none' });
    await client.getBooleanValue('on', false, { targetingKey: 'ada' });
    expect(JSON.stringify(events())).not.toContain('ada');
    await OpenFeature.setProviderAndWait('other', new InMemoryProvider({}));
    await OpenFeature.getClient('other').getStringValue('gone', 'x');
    expect(events().at(-1)?.attributes).toEqual({
      'feature_flag.key': 'gone',
      'feature_flag.provider.name': 'in-memory',
      'feature_flag.result.reason': 'error',
      'feature_flag.result.value': 'x',
      'error.type': 'flag_not_found',
    });
  });

  test('needs no OpenTelemetry to be set up, and no answer depends on it', async () => {
    const client = await connected({
      logger: {
        emit: () => {
          throw new Error('full');
        },
      },
    });
    OpenFeature.addHooks(evaluationEvents());
    expect(await client.getBooleanValue('on', false, { targetingKey: 'ada' })).toBe(true);
  });
});
