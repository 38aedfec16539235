import { type Assignment, CONTROL, variantName } from '@theseus/core/flag';
import type { FlagCounters } from './telemetry/flag-counters.ts';

/**
 * The ways of answering one request, by name; each is told its own. `legacy` and `candidate`, or, for a flag with variants, `legacy` and each of
 * them. All are sync, or all return a promise.
 *
 * A variant that has no way of its own takes `candidate`, and without one it takes `legacy`: the plan may learn of a
 * variant before the program does.
 *
 * @example const arms: RouteArms<string, 'short' | 'long'> = { legacy: () => 'Hello', short: () => 'Hi', long: () => 'Good day' }
 */
export type RouteArms<T, Variant extends string = 'candidate'> = {
  readonly [Name in typeof CONTROL | Variant]: (variant: Name) => T;
};

/** As {@link RouteArms} are when they run: nobody knows which there are. */
type Arms<T> = Readonly<Record<string, ((variant: never) => T) | undefined>> & {
  readonly legacy: (variant: 'legacy') => T;
};

export interface RouteChoice {
  readonly assignment: Assignment;
  /** Undefined where nothing is counted. */
  readonly counters: FlagCounters | undefined;
}

/**
 * Runs the chosen arm, measures and counts it, and falls back where that is allowed. A run of legacy as a fallback is
 * not counted as a request of legacy: it would blame or praise legacy for the candidate's failure.
 */
export function runRoute<T>(choice: RouteChoice, arms: Arms<T>): T {
  const { assignment, counters } = choice;
  const name = variantName(assignment.definition, assignment.arm, assignment.variant);
  const way = arms[name] ?? arms['candidate'];
  // Nothing of it is counted: it is neither a request of the variant nor one of a user of legacy.
  if (way === undefined) return arms.legacy(CONTROL);
  const beganMs = performance.now();
  let result: T;
  try {
    result = way(name as never);
  } catch (error) {
    counters?.countRequest(assignment, performance.now() - beganMs, 'failed');
    return afterFailure(choice, arms, error);
  }
  if (isThenable(result)) return settle(choice, arms, result, beganMs) as T;
  counters?.countRequest(assignment, performance.now() - beganMs, 'answered');
  return result;
}

function settle<T>(
  choice: RouteChoice,
  arms: Arms<T>,
  result: PromiseLike<unknown>,
  beganMs: number,
): PromiseLike<unknown> {
  const { assignment, counters } = choice;
  return result.then(
    (value) => {
      counters?.countRequest(assignment, performance.now() - beganMs, 'answered');
      return value;
    },
    (error: unknown) => {
      counters?.countRequest(assignment, performance.now() - beganMs, 'failed');
      return afterFailure(choice, arms, error);
    },
  );
}

/** Answers from legacy where that is allowed; what legacy throws then is thrown, and the fallback does not count as one. */
function afterFailure<T>(choice: RouteChoice, arms: Arms<T>, error: unknown): T {
  const { assignment, counters } = choice;
  if (assignment.arm === 'legacy' || !assignment.definition.fallback) throw error;
  const result = arms.legacy(CONTROL);
  if (!isThenable(result)) {
    counters?.countFallback();
    return result;
  }
  return result.then((value: unknown) => {
    counters?.countFallback();
    return value;
  }) as T;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
