import { getClient, PollingMode, User } from '@configcat/sdk';

const BOOLEAN = 0;
const IS_ONE_OF = 0;
const EQUALS = 28;
const on = { v: { b: true } };
const off = { v: { b: false } };

export async function configcat({ landsOf, members }) {
  const rules = (count) => ({
    t: BOOLEAN,
    ...off,
    r: landsOf(count).map((land) => ({ c: [{ u: { a: 'Country', c: EQUALS, s: land } }], s: on })),
  });
  const config = {
    p: { u: 'http://127.0.0.1:1', r: 0, s: 'benching' },
    f: {
      plain: { t: BOOLEAN, ...on },
      'rules-1': rules(1),
      'rules-5': rules(5),
      'rules-20': rules(20),
      rollout: {
        t: BOOLEAN,
        ...off,
        p: [
          { p: 25, ...on },
          { p: 75, ...off },
        ],
      },
      segment: { t: BOOLEAN, ...off, r: [{ c: [{ u: { a: 'Identifier', c: IS_ONE_OF, l: members } }], s: on }] },
      prerequisite: { t: BOOLEAN, ...off, r: [{ c: [{ p: { f: 'plain', c: 0, v: { b: true } } }], s: on }] },
    },
  };
  const cached = `${Date.now()}\n\n${JSON.stringify(config)}`;
  const client = getClient('configcat-sdk-1/0000000000000000000000/0000000000000000000000', PollingMode.ManualPoll, {
    offline: true,
    cache: { get: () => cached, set: () => undefined },
    logger: null,
  });
  await client.getValueAsync('plain', false);
  const snapshot = client.snapshot();
  return {
    name: '@configcat/sdk 1.1.0, snapshot',
    lacks: [],
    contextOf: ({ userId, country }) => new User(userId, undefined, country),
    ask: (key, user) => snapshot.getValue(key, false, user),
    close: () => client.dispose(),
  };
}
