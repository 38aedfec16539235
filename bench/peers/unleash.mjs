import { InMemStorageProvider, Unleash } from 'unleash-client';

export async function unleash({ landsOf, members }) {
  const feature = (name, strategies, more = {}) => ({ name, enabled: true, strategies, ...more });
  const everybody = { name: 'default', parameters: {}, constraints: [] };
  const where = (contextName, values) => ({
    ...everybody,
    constraints: [{ contextName, operator: 'IN', values, inverted: false }],
  });
  const rules = (count) =>
    feature(
      `rules-${count}`,
      landsOf(count).map((land) => where('country', [land])),
    );
  const rollout = { rollout: '25', stickiness: 'userId', groupId: 'benching' };
  const data = [
    feature('plain', [everybody]),
    rules(1),
    rules(5),
    rules(20),
    feature('rollout', [{ name: 'flexibleRollout', parameters: rollout, constraints: [] }]),
    feature('segment', [{ ...everybody, segments: [1] }]),
    feature('prerequisite', [everybody], { dependencies: [{ feature: 'plain' }] }),
  ];
  const segments = [{ id: 1, constraints: where('userId', members).constraints }];
  // Nobody listens there: the one request is refused at once, and the flags stay those of the bootstrap.
  const client = new Unleash({
    appName: 'bench',
    url: 'http://127.0.0.1:1/api',
    disableMetrics: true,
    refreshInterval: 0,
    skipInstanceCountWarning: true,
    storageProvider: new InMemStorageProvider(),
    bootstrap: { data, segments },
  });
  for (const event of ['error', 'warn']) client.on(event, () => undefined);
  await new Promise((resolve) => client.once('ready', resolve));
  return {
    name: 'unleash-client 6.12.1, metrics off',
    lacks: [],
    contextOf: ({ userId, country }) => ({ userId, properties: { country } }),
    ask: (key, context) => client.isEnabled(key, context),
    close: () => client.destroy(),
  };
}
