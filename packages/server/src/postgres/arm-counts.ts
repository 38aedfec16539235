import type { ArmTelemetry } from '@theseus/core/health';

export const EMPTY_ARM: ArmTelemetry = { requests: 0, errors: 0, fallbacks: 0, latency: [] };

/** Adds two counts; exact, histograms included. */
export function addArm(left: ArmTelemetry, right: ArmTelemetry): ArmTelemetry {
  return {
    requests: left.requests + right.requests,
    errors: left.errors + right.errors,
    fallbacks: left.fallbacks + right.fallbacks,
    latency: combine(left.latency, right.latency, 1),
  };
}

/** What was counted since `before`. Never negative: a counter that shrank adds nothing. */
export function subtractArm(now: ArmTelemetry, before: ArmTelemetry | undefined): ArmTelemetry {
  if (before === undefined) return now;
  return {
    requests: Math.max(0, now.requests - before.requests),
    errors: Math.max(0, now.errors - before.errors),
    fallbacks: Math.max(0, now.fallbacks - before.fallbacks),
    latency: combine(now.latency, before.latency, -1),
  };
}

/** Adds sparse histograms `[bucket, count, bucket, count, …]`, the second times the sign. Empty buckets are left out. */
function combine(left: readonly number[], right: readonly number[], sign: 1 | -1): readonly number[] {
  if (right.length === 0) return left;
  const counts = new Map<number, number>();
  for (let index = 0; index < left.length; index += 2) counts.set(left[index] ?? 0, left[index + 1] ?? 0);
  for (let index = 0; index < right.length; index += 2) {
    const bucket = right[index] ?? 0;
    counts.set(bucket, Math.max(0, (counts.get(bucket) ?? 0) + sign * (right[index + 1] ?? 0)));
  }
  return [...counts]
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => a - b)
    .flat();
}

/** Adds two sparse histograms. */
export function addLatency(left: readonly number[], right: readonly number[]): readonly number[] {
  return combine(left, right, 1);
}

/** What a sparse histogram counted since it was `before`. */
export function subtractLatency(now: readonly number[], before: readonly number[]): readonly number[] {
  return combine(now, before, -1);
}
