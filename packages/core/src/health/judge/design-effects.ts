import { type ArmPair, NO_USERS } from './arm-counts.ts';
import {
  BODY_PRIOR,
  bodySums,
  designEffect,
  ERRORS_PRIOR,
  errorSums,
  requestsDesignEffect,
  TAIL_PRIOR,
  tailSums,
  withScatter,
} from './design-effect.ts';
import type { JudgeState } from './judge-state.ts';

/** How many times as large as between independent requests the variance of each count is. */
export interface DesignEffects {
  readonly errors: number;
  readonly users: number;
  readonly body: number;
  readonly tail: number;
  readonly requests: number;
}

export function effectsOf({ last, scatter }: JudgeState): DesignEffects {
  const effects = effectsAt(last);
  return {
    ...effects,
    errors: withScatter(effects.errors, scatter.requests),
    users: withScatter(effects.users, scatter.users),
  };
}

function effectsAt(counts: ArmPair | null): DesignEffects {
  const legacy = counts?.legacy.users ?? NO_USERS;
  const candidate = counts?.candidate.users ?? NO_USERS;
  return {
    errors: designEffect(errorSums(legacy), errorSums(candidate), ERRORS_PRIOR),
    users: 1,
    body: designEffect(bodySums(legacy), bodySums(candidate), BODY_PRIOR),
    tail: designEffect(tailSums(legacy), tailSums(candidate), TAIL_PRIOR),
    requests: requestsDesignEffect(legacy, candidate),
  };
}

/** The smaller of the effects before and after a look: it scales how much the look may say. */
export function leastEffects(before: ArmPair | null, now: ArmPair): DesignEffects {
  const [earlier, later] = [effectsAt(before), effectsAt(now)];
  return {
    errors: Math.min(earlier.errors, later.errors),
    users: 1,
    body: Math.min(earlier.body, later.body),
    tail: Math.min(earlier.tail, later.tail),
    requests: Math.min(earlier.requests, later.requests),
  };
}
