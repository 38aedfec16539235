import { init } from '@launchdarkly/node-server-sdk';
import { TestData } from '@launchdarkly/node-server-sdk/integrations';

const ON = 0;
const OFF = 1;

export async function launchdarkly({ landsOf, members }) {
  const flag = (key, more) => ({
    key,
    version: 1,
    on: true,
    variations: [true, false],
    offVariation: OFF,
    fallthrough: { variation: OFF },
    targets: [],
    rules: [],
    prerequisites: [],
    salt: 'benching',
    ...more,
  });
  const rule = (clause, id) => ({ id, clauses: [{ contextKind: 'user', negate: false, ...clause }], variation: ON });
  const rules = (count) =>
    flag(`rules-${count}`, {
      rules: landsOf(count).map((land) => rule({ attribute: 'country', op: 'in', values: [land] }, land)),
    });
  const split = [
    { variation: ON, weight: 25_000 },
    { variation: OFF, weight: 75_000 },
  ];
  const inSegment = { attribute: '', op: 'segmentMatch', values: ['members'] };
  const source = new TestData();
  await source.usePreconfiguredSegment({
    key: 'members',
    version: 1,
    included: members,
    excluded: [],
    rules: [],
    salt: 's',
  });
  const flags = [
    flag('plain', { fallthrough: { variation: ON } }),
    rules(1),
    rules(5),
    rules(20),
    flag('rollout', { fallthrough: { rollout: { contextKind: 'user', variations: split } } }),
    flag('segment', { rules: [rule(inSegment, 'members')] }),
    flag('prerequisite', { fallthrough: { variation: ON }, prerequisites: [{ key: 'plain', variation: ON }] }),
  ];
  for (const each of flags) await source.usePreconfiguredFlag(each);
  const logger = Object.fromEntries(['error', 'warn', 'info', 'debug'].map((level) => [level, () => undefined]));
  const client = init('bench', {
    updateProcessor: source.getFactory(),
    sendEvents: false,
    diagnosticOptOut: true,
    logger,
  });
  await client.waitForInitialization({ timeout: 10 });
  return {
    name: 'launchdarkly-node-server 9.13.7, events off',
    lacks: [],
    contextOf: ({ userId, country }) => ({ kind: 'user', key: userId, country }),
    // It answers by a promise only.
    isAsync: true,
    ask: (key, context) => client.boolVariation(key, context, false),
    close: () => client.close(),
  };
}
