import { z } from '@hono/zod-openapi';
import { OVERRIDES_LIMIT, SUBJECT_LENGTH_LIMIT } from '@theseus/core/rollout';
import { EnvironmentSchema } from './environment.ts';

/*
 * The shapes of the HTTP API, once for validation and for the OpenAPI document. Answers that carry large domain
 * objects are described by their outline; their types live in @theseus/core.
 */

export const ErrorSchema = z
  .object({
    error: z.object({ code: z.string(), message: z.string(), mend: z.string().optional() }),
  })
  .openapi('Error');

/** The number of an event; no larger than PostgreSQL's integer holds. */
export const EventNumberSchema = z.coerce.number().int().min(0).max(2_147_483_647);

const open = (description: string) => z.looseObject({}).openapi({ description });

export const RunViewSchema = z
  .looseObject({
    runId: z.string(),
    plan: z.string(),
    title: z.string(),
    environment: z.string(),
    revision: z.number().int(),
    status: z.enum(['running', 'paused', 'finished']),
    outcome: z.enum(['succeeded', 'partial', 'rolled-back', 'failed', 'aborted', 'cancelled']).nullable(),
    baselines: z.array(open('What a signal did before anything moved: value, over, sample, source, hours of the week')),
  })
  .openapi('RunView');

export const RecordedEventSchema = z
  .object({
    runId: z.string(),
    seq: z.number().int(),
    event: open('What happened: type, at, actor, reason and what belongs to the type'),
    previousHash: z.string(),
    hash: z.string(),
  })
  .openapi('RecordedEvent');

export const StartRunSchema = z
  .object({
    plan: open('A checked plan, as `theseus check --json` prints it'),
    planHash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    reason: z.string().max(1_000).optional(),
  })
  .openapi('StartRun');

const stepId = z.string().max(300).optional();

const SubjectsSchema = z
  .array(z.string().min(1).max(SUBJECT_LENGTH_LIMIT))
  .min(1)
  .max(OVERRIDES_LIMIT)
  .openapi({ description: 'Keys of subjects, as the plan buckets them' });

export const VerbSchema = z
  .discriminatedUnion('verb', [
    z.strictObject({ verb: z.literal('pause') }),
    z.strictObject({ verb: z.literal('resume') }),
    z.strictObject({ verb: z.literal('approve'), stepId }),
    z.strictObject({ verb: z.literal('reject'), stepId }),
    z.strictObject({ verb: z.literal('hold'), stepId }),
    z.strictObject({ verb: z.literal('release'), stepId }),
    z.strictObject({ verb: z.literal('promote'), stepId, toEnd: z.boolean().optional() }),
    z.strictObject({ verb: z.literal('skip'), stepId }),
    z.strictObject({ verb: z.literal('retry'), stepId, andAfter: z.boolean().optional() }),
    z.strictObject({ verb: z.literal('trigger'), name: z.string().min(1).max(200) }),
    z.strictObject({
      verb: z.literal('rollback'),
      scope: z.enum(['flag', 'phase', 'point', 'plan']),
      target: z.string().max(300).optional(),
      overMs: z.number().int().min(0).max(86_400_000).default(0),
    }),
    z.strictObject({
      verb: z.literal('override'),
      flag: z.string().min(1).max(300),
      subjects: SubjectsSchema,
      to: z.enum(['candidate', 'legacy']).nullable(),
      asCohort: z.boolean().optional(),
    }),
    z.strictObject({ verb: z.literal('cancel') }),
    z.strictObject({ verb: z.literal('abort') }),
  ])
  .openapi('Verb');

export const CommandSchema = z
  .strictObject({
    verb: VerbSchema,
    reason: z.string().min(1).max(1_000),
    person: z.string().min(1).max(200).optional(),
    expectedRevision: z.number().int().min(0).optional(),
    commandId: z.string().min(1).max(200).optional(),
  })
  .openapi('Command');

export const EditSchema = z
  .strictObject({
    plan: open('The newer version of the plan, checked'),
    planHash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
    reason: z.string().min(1).max(1_000),
    person: z.string().min(1).max(200).optional(),
    expectedRevision: z.number().int().min(0).optional(),
    commandId: z.string().min(1).max(200).optional(),
    dryRun: z.boolean().optional().openapi({ description: 'Only says what it would change' }),
  })
  .openapi('Edit');

export const OverrideSchema = z
  .strictObject({
    subjects: SubjectsSchema,
    to: z
      .enum(['candidate', 'legacy'])
      .nullable()
      .openapi({ description: 'The arm they take over any percentage; null leaves them to the plan again' }),
    asCohort: z
      .boolean()
      .optional()
      .openapi({ description: "They are the flag's exact cohort, which is frozen by that" }),
    reason: z.string().min(1).max(1_000),
    person: z.string().min(1).max(200).optional(),
    commandId: z.string().min(1).max(200).optional(),
  })
  .openapi('Override');

export const OverrideListSchema = z
  .object({
    runId: z.string(),
    overrides: z.array(
      z.object({
        subject: z.string(),
        arm: z.enum(['candidate', 'legacy']),
        by: z.string().nullable(),
        reason: z.string().nullable(),
        at: z.number().nullable(),
      }),
    ),
  })
  .openapi('OverrideList');

const stepIds = z.array(z.string());

export const PlanEditSchema = z
  .object({
    refusals: stepIds,
    added: stepIds,
    removed: stepIds,
    changed: stepIds,
    voided: stepIds,
    parts: z.array(z.string()),
  })
  .openapi('PlanEdit');

export const SwitchSchema = z
  .strictObject({ reason: z.string().min(1).max(1_000), person: z.string().min(1).max(200).optional() })
  .openapi('Switch');

export const SystemStateSchema = z
  .object({
    paused: z.boolean(),
    pause: z.object({ at: z.number(), by: z.string(), reason: z.string() }).nullable(),
    runs: z.array(z.string()),
  })
  .openapi('SystemState');

export const ReportSchema = z
  .strictObject({
    value: z.number(),
    sample: z.number().int().min(0).max(2_147_483_647).optional().openapi({ description: 'What it was counted from' }),
    run: z.string().max(300).optional(),
    flag: z.string().max(300).optional(),
    environment: EnvironmentSchema.optional().openapi({ description: 'Where it counts; everywhere when left out' }),
  })
  .openapi('SignalReport');

/** Version 4 of Alertmanager's webhook, as far as it is read. */
export const AlertmanagerSchema = z
  .looseObject({
    version: z.literal('4'),
    alerts: z
      .array(
        z.looseObject({
          status: z.enum(['firing', 'resolved']),
          labels: z.record(z.string().max(200), z.string().max(2_000)),
          fingerprint: z.string().min(1).max(200),
        }),
      )
      .max(1_000),
  })
  .openapi('AlertmanagerWebhook');

export const EvaluationContextSchema = z
  .object({ context: z.looseObject({ targetingKey: z.string().optional() }) })
  .openapi('EvaluationRequest');

export const OfrepSuccessSchema = z

  .object({
    key: z.string(),
    value: z.union([z.boolean(), z.string()]),
    variant: z.string(),
    reason: z.string(),
    metadata: z.looseObject({}),
  })
  .openapi('OfrepEvaluation');

export const BulkEvaluationSchema = z
  .object({
    flags: z.array(OfrepSuccessSchema),
    metadata: z.object({ version: z.number(), environment: z.string() }),
    eventStreams: z.array(
      z.object({
        type: z.literal('sse'),
        endpoint: z.object({ requestUri: z.string() }),
        inactivityDelaySec: z.number().int(),
      }),
    ),
  })
  .openapi('OfrepBulkEvaluation');

export const OfrepErrorSchema = z
  .object({ key: z.string().optional(), errorCode: z.string(), errorDetails: z.string() })
  .openapi('OfrepError');
