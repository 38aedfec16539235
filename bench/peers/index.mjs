import { configcat } from './configcat.mjs';
import { flagd } from './flagd.mjs';
import { growthbook } from './growthbook.mjs';
import { launchdarkly } from './launchdarkly.mjs';
import { unleash } from './unleash.mjs';

/**
 * Every peer with the same flags, fed from memory, without a network: plain (on for all), rules-1, rules-5 and rules-20
 * (equality rules of which none matches), rollout (25 % by user), segment (a list of members), prerequisite (on where
 * plain is). Each gives `contextOf(subject)`, made before anything is timed, and `ask(flag, context)`; `lacks` names
 * what it cannot do by itself.
 */
export const preparePeers = async (model) =>
  Promise.all([flagd, configcat, growthbook, unleash, launchdarkly].map((prepare) => prepare(model)));
