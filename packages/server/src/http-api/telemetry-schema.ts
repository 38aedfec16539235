import { z } from '@hono/zod-openapi';
import { THINNEST_SAMPLE, VARIANT_LIMIT } from '@theseus/core/flag';
import {
  DIFFERENCE_PATH_LENGTH,
  DIFFERENCE_PATH_LIMIT,
  DIFFERENCE_SAMPLE_LENGTH,
  DIFFERENCE_SAMPLE_LIMIT,
  GOAL_FIELDS,
  isSparseLatency,
  USER_FIELDS,
  unpackLatency,
} from '@theseus/core/health';
import { EnvironmentSchema } from './environment.ts';

const count = z.number().int().min(0);
const latency = z
  .array(z.number().int())
  .max(4_000)
  .transform(unpackLatency)
  .refine(isSparseLatency, 'counts of known buckets in ascending order');
const STRATA_LIMIT = 64;

const armTelemetry = z.strictObject({
  requests: count,
  errors: count,
  fallbacks: count,
  latency,
  compared: z.union([z.literal('all'), z.strictObject({ requests: count, errors: count, latency })]).optional(),
  strata: z
    .record(z.string().max(500), z.strictObject({ requests: count, errors: count }))
    .refine((strata) => Object.keys(strata).length <= STRATA_LIMIT, `at most ${STRATA_LIMIT} strata`)
    .optional(),
});

const repairs = z.strictObject({ pending: count, failed: count });

const shown = z.string().max(DIFFERENCE_SAMPLE_LENGTH);

const differences = z.strictObject({
  compared: count,
  equal: count,
  different: count,
  dropped: count,
  timedOut: count,
  shadowFailed: count,
  paths: z
    .array(
      z.strictObject({
        path: z.string().min(1).max(DIFFERENCE_PATH_LENGTH),
        kind: z.enum(['missing', 'extra', 'changed', 'type']),
        count,
        samples: z.array(z.strictObject({ legacy: shown, candidate: shown })).max(DIFFERENCE_SAMPLE_LIMIT),
      }),
    )
    // One more for what was found beyond the limit.
    .max(DIFFERENCE_PATH_LIMIT + 1),
});

const flagTelemetry = z.strictObject({
  legacy: armTelemetry,
  candidate: armTelemetry,
  repairs: repairs.optional(),
  differences: differences.optional(),
});

/** Checked in one loop: there may be a hundred thousand numbers. */
const userCounts = z
  .custom<number[]>(isUserCounts, 'five whole numbers a user: pseudonym, requests, errors, slow, very slow')
  .openapi({ type: 'array', items: { type: 'integer', minimum: 0 } });

function isUserCounts(value: unknown): boolean {
  if (!Array.isArray(value) || value.length % USER_FIELDS !== 0) return false;
  for (let at = 0; at < value.length; at += USER_FIELDS) {
    const requests: unknown = value[at + 1];
    if (!Number.isSafeInteger(value[at]) || value[at] < 0) return false;
    if (!Number.isSafeInteger(requests) || (requests as number) < 0) return false;
    for (let field = 2; field < USER_FIELDS; field += 1) {
      const part: unknown = value[at + field];
      if (!Number.isSafeInteger(part) || (part as number) < 0 || (part as number) > (requests as number)) return false;
    }
  }
  return true;
}

const goalCounts = z
  .custom<number[]>(isGoalCounts, 'three numbers a user: pseudonym, how often, the sum of the values')
  .openapi({ type: 'array', items: { type: 'number' } });

function isGoalCounts(value: unknown): boolean {
  if (!Array.isArray(value) || value.length % GOAL_FIELDS !== 0) return false;
  for (let at = 0; at < value.length; at += GOAL_FIELDS) {
    if (!Number.isSafeInteger(value[at]) || value[at] < 0) return false;
    if (!Number.isSafeInteger(value[at + 1]) || value[at + 1] < 1) return false;
    const sum: unknown = value[at + 2];
    if (typeof sum !== 'number' || !(Math.abs(sum) <= LARGEST_VALUE)) return false;
  }
  return true;
}

/** Its square and sums of many must stay numbers. */
const LARGEST_VALUE = 1e100;
const GOALS_LIMIT = 200;

const flagGoals = z.strictObject({
  split: count,
  goals: z
    .record(z.string().max(200), goalCounts)
    .refine((goals) => Object.keys(goals).length <= GOALS_LIMIT, `at most ${GOALS_LIMIT} goals`),
});

const variantUsers = z
  .array(z.tuple([z.string().max(200), count]))
  .max(VARIANT_LIMIT)
  .openapi({ type: 'array', items: { type: 'array' } });

const userTelemetry = z.strictObject({
  sequence: z.number().int().min(1),
  flags: z.record(
    z.string().max(300),
    z
      .strictObject({
        epoch: count,
        split: count.optional(),
        level: z.number().int().min(0).max(THINNEST_SAMPLE),
        legacy: userCounts,
        candidate: userCounts,
        variants: variantUsers.optional(),
      })
      .refine(areAllOfAVariant, 'each user of the candidate takes one of its variants'),
  ),
  goals: z.record(z.string().max(300), flagGoals).optional(),
});

function areAllOfAVariant({
  candidate,
  variants,
}: {
  readonly candidate: readonly number[];
  readonly variants?: readonly (readonly [string, number])[] | undefined;
}): boolean {
  if (variants === undefined) return true;
  return variants.reduce((sum, [, users]) => sum + users, 0) * USER_FIELDS === candidate.length;
}

export const TelemetryBatchSchema = z
  .strictObject({
    instance: z.string().min(1).max(200),
    service: z.string().max(200),
    environment: EnvironmentSchema.optional(),
    sequence: count,
    servedVersion: count,
    flags: z.record(z.string().max(300), flagTelemetry),
    users: userTelemetry.optional(),
    closing: z.boolean().optional(),
  })
  .openapi('TelemetryBatch');

const counts = z.looseObject({ requests: z.number(), errors: z.number() });

export const ComparisonSchema = z
  .object({
    at: z.number(),
    counts: z.object({ legacy: counts, candidate: counts }).nullable(),
    epoch: z.number(),
    odds: z.number().nullable(),
    assigned: z.object({ legacy: z.number(), candidate: z.number() }).nullable(),
    ageMs: z.number(),
    problem: z.string().nullable(),
  })
  .openapi('ArmComparison');
