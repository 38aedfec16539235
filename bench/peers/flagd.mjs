import { FlagdCore } from '@openfeature/flagd-core';

export async function flagd({ landsOf, members }) {
  const core = new FlagdCore();
  const flag = (targeting) => ({
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: targeting === undefined ? 'on' : 'off',
    ...(targeting === undefined ? {} : { targeting }),
  });
  const rules = (count) =>
    flag({ if: [...landsOf(count).flatMap((land) => [{ '==': [{ var: 'country' }, land] }, 'on']), 'off'] });
  const flags = {
    plain: flag(),
    'rules-1': rules(1),
    'rules-5': rules(5),
    'rules-20': rules(20),
    rollout: flag({ fractional: [{ cat: ['benching', { var: 'userId' }] }, ['on', 25], ['off', 75]] }),
    segment: flag({ if: [{ in: [{ var: 'userId' }, members] }, 'on', 'off'] }),
  };
  core.setConfigurations(JSON.stringify({ flags }));
  return {
    name: 'flagd-core 4.0.1',
    lacks: ['prerequisite'],
    contextOf: (subject) => subject,
    ask: (key, context) => core.resolveBooleanEvaluation(key, false, context).value,
    close: () => undefined,
  };
}
