import { isHealthy, type Watch } from '@theseus/core/health';
import { PRODUCT_RULES } from '../rules.ts';
import { broken, type Mutant } from './mutant.ts';

const { decide, observe } = PRODUCT_RULES;

/** The watch as it would be had its verdict been healthy. */
function asHealthy(before: Watch, after: Watch, options: { readonly counting: boolean }): Watch {
  if (after.verdict === null || after === before) return after;
  const elapsedMs = before.lastAt === null || after.lastAt === null ? 0 : after.lastAt - before.lastAt;
  const soakedMs = before.soakedMs + (options.counting ? elapsedMs : 0);
  return { ...after, soakedMs, unhealthySince: null, verdict: { ...after.verdict, verdict: 'pass', action: null } };
}

export const HEALTH_MUTANTS: Readonly<Record<string, Mutant>> = {
  'silence-is-health': {
    breaks: 'a gate that cannot tell counts as healthy',
    caughtBy: ['evidence'],
    rules: broken({
      observe: (before, gate, measurement, baseline, options) => {
        const after = observe(before, gate, measurement, baseline, options);
        const isBlind = after.verdict?.verdict === 'inconclusive' || after.verdict?.verdict === 'error';
        return isBlind ? asHealthy(before, after, options) : after;
      },
    }),
  },
  'gaps-are-health': {
    breaks: 'time in which nobody looked counts as healthy',
    caughtBy: ['evidence'],
    rules: broken({
      observe: (before, gate, measurement, baseline, options) => {
        const after = observe(before, gate, measurement, baseline, options);
        const wasHealthy = before.verdict !== null && isHealthy(before.verdict.verdict);
        const isStill = after.verdict !== null && isHealthy(after.verdict.verdict);
        return wasHealthy && isStill ? asHealthy(before, after, options) : after;
      },
    }),
  },
  'soak-outlives-stage': {
    breaks: 'a new stage goes on with the soak of the one before',
    caughtBy: ['evidence'],
    rules: broken({
      watchBefore: (remembered, target, now) =>
        remembered === undefined
          ? PRODUCT_RULES.watchBefore(undefined, target, now)
          : PRODUCT_RULES.watchBefore({ ...remembered, stage: target.stage, since: target.since }, target, now),
    }),
  },
  'old-verdict-trusted': {
    breaks: 'the last healthy verdict stands until it is contradicted for good',
    caughtBy: ['evidence'],
    rules: broken({
      observe: (before, gate, measurement, baseline, options) => {
        const after = observe(before, gate, measurement, baseline, options);
        const wasHealthy = before.verdict !== null && isHealthy(before.verdict.verdict);
        return wasHealthy ? asHealthy(before, after, options) : after;
      },
    }),
  },
  'hold-ignored': {
    breaks: 'a gate that asks to hold holds nothing',
    caughtBy: ['evidence', 'answered'],
    rules: broken({
      observe: (before, gate, measurement, baseline, options) => {
        const after = observe(before, gate, measurement, baseline, options);
        return after.verdict?.action?.kind === 'hold' ? asHealthy(before, after, options) : after;
      },
    }),
  },
  'failure-unanswered': {
    breaks: 'a gate that fails is looked at, and nothing is done about it',
    caughtBy: ['answered'],
    rules: broken({
      decide: (state, input, now) => {
        const isFailure = input.kind === 'judged' && input.watch.verdict?.verdict === 'fail';
        return isFailure ? { events: [], state, refusal: null } : decide(state, input, now);
      },
    }),
  },
  'hold-stays': {
    breaks: 'health that returns does not release what it held',
    caughtBy: ['ends'],
    rules: broken({
      decide: (state, input, now) => {
        const decision = decide(state, input, now);
        const isReleased = decision.events.some(({ type }) => type === 'step.released');
        return input.kind === 'judged' && isReleased ? { events: [], state, refusal: null } : decision;
      },
    }),
  },
  'paused-looks-count': {
    breaks: 'a soak grows while the run is paused',
    caughtBy: ['evidence'],
    rules: broken({
      observe: (before, gate, measurement, baseline) =>
        observe(before, gate, measurement, baseline, { counting: true }),
    }),
  },
};
