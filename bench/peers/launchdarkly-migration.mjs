import { createMigration, init, LDConcurrentExecution, LDMigrationSuccess } from '@launchdarkly/node-server-sdk';
import { TestData } from '@launchdarkly/node-server-sdk/integrations';

const STAGES = ['off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'];

/** LaunchDarkly's migration over the same two sides: at each stage a flag of that name, fed from memory, without a network. */
export async function launchdarklyMigration({ legacy, candidate, put, isSame }) {
  const source = new TestData();
  for (const [variation, key] of STAGES.entries()) {
    await source.usePreconfiguredFlag({
      key,
      version: 1,
      on: true,
      variations: STAGES,
      offVariation: 0,
      fallthrough: { variation },
      targets: [],
      rules: [],
      prerequisites: [],
      salt: 'benching',
      migration: {},
    });
  }
  const logger = Object.fromEntries(['error', 'warn', 'info', 'debug'].map((level) => [level, () => undefined]));
  const client = init('bench', {
    updateProcessor: source.getFactory(),
    sendEvents: false,
    diagnosticOptOut: true,
    logger,
  });
  await client.waitForInitialization({ timeout: 10 });
  const migration = createMigration(client, {
    execution: new LDConcurrentExecution(),
    latencyTracking: true,
    errorTracking: true,
    readOld: async (id) => LDMigrationSuccess(await legacy(id)),
    readNew: async (id) => LDMigrationSuccess(await candidate(id)),
    writeOld: async (answer) => LDMigrationSuccess(await put(answer)),
    writeNew: async (answer) => LDMigrationSuccess(await put(answer)),
    check: isSame,
  });
  const { success, result } = await migration.read('shadow', { kind: 'user', key: 'a' }, 'off', 'a');
  if (!success || !isSame(result, await legacy('a'))) throw new Error('LaunchDarkly does not answer');
  return {
    name: 'launchdarkly-node-server 9.13.7, events off, which waits for both sides',
    contextOf: ({ userId }) => ({ kind: 'user', key: userId }),
    read: (stage, context, id) => migration.read(stage, context, 'off', id),
    write: (stage, context, answer) => migration.write(stage, context, 'off', answer),
    close: () => client.close(),
  };
}
