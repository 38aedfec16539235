import type { Arm, Assignment } from '@theseus/core/flag';
import type { FlagCounters } from './telemetry/flag-counters.ts';

/** The two ways of answering one request; each is told which it is. Both are sync, or both return a promise. */
export interface RouteArms<T> {
  readonly legacy: (arm: Arm) => T;
  readonly candidate: (arm: Arm) => T;
}

export interface RouteChoice {
  readonly assignment: Assignment;
  /** Undefined where nothing is counted. */
  readonly counters: FlagCounters | undefined;
}

/**
 * Runs the chosen arm, measures and counts it, and falls back where that is allowed. A run of legacy as a fallback is
 * not counted as a request of legacy: it would blame or praise legacy for the candidate's failure.
 */
export function runRoute<T>(choice: RouteChoice, arms: RouteArms<T>): T {
  const { assignment, counters } = choice;
  const { arm } = assignment;
  const beganMs = performance.now();
  let result: T;
  try {
    result = arms[arm](arm);
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
  arms: RouteArms<T>,
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
function afterFailure<T>(choice: RouteChoice, arms: RouteArms<T>, error: unknown): T {
  const { assignment, counters } = choice;
  if (assignment.arm === 'legacy' || !assignment.definition.fallback) throw error;
  const result = arms.legacy('legacy');
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
