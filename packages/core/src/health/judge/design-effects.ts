import type { ArmPair, UserSums } from './arm-counts.ts';
import {
  BODY_PRIOR,
  designEffect,
  ERRORS_PRIOR,
  requestsDesignEffect,
  TAIL_PRIOR,
  withDispersion,
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
    errors: withDispersion(effects.errors, scatter.requests),
    users: withDispersion(effects.users, scatter.users),
  };
}

function effectsAt(counts: ArmPair | null): DesignEffects {
  const users: ArmPair<UserSums> | null =
    counts === null ? null : { legacy: counts.legacy.users, candidate: counts.candidate.users };
  return {
    errors: designEffect(users, 'e', ERRORS_PRIOR),
    users: 1,
    body: designEffect(users, 's', BODY_PRIOR),
    tail: designEffect(users, 't', TAIL_PRIOR),
    requests: requestsDesignEffect(users),
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
