import { GrowthBookClient } from '@growthbook/growthbook';

export async function growthbook({ landsOf, members }) {
  const rules = (count) => ({
    defaultValue: false,
    rules: landsOf(count).map((country) => ({ condition: { country }, force: true })),
  });
  const features = {
    plain: { defaultValue: true },
    'rules-1': rules(1),
    'rules-5': rules(5),
    'rules-20': rules(20),
    rollout: { defaultValue: false, rules: [{ force: true, coverage: 0.25, hashAttribute: 'userId' }] },
    segment: { defaultValue: false, rules: [{ condition: { userId: { $in: members } }, force: true }] },
    prerequisite: {
      defaultValue: false,
      rules: [{ parentConditions: [{ id: 'plain', condition: { value: true }, gate: true }] }, { force: true }],
    },
  };
  const client = new GrowthBookClient().initSync({ payload: { features } });
  return {
    name: '@growthbook/growthbook 1.8.0',
    lacks: [],
    contextOf: (attributes) => ({ attributes }),
    ask: (key, context) => client.isOn(key, context),
    close: () => client.destroy(),
  };
}
