import { z } from 'zod';
import {
  EXPOSURE_WHOLE,
  isEnvironmentName,
  MIGRATION_STAGES,
  STRATA_LIMIT,
  VARIANT_LIMIT,
  VARIANT_NAME,
} from '../flag/index.ts';
import { JUDGED_METRICS, PROFILE_NAMES } from '../health/index.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Plan } from './plan.ts';

/*
 * The shape of a checked plan, for those who get one over the network. It guards against what is not a plan at all;
 * what a plan means has been checked where its source was.
 */

const ms = z.number().min(0).max(Number.MAX_SAFE_INTEGER);
const exposure = z.number().int().min(0).max(EXPOSURE_WHOLE);
const text = z.string().max(10_000);
const names = z.array(text).max(10_000);
const environment = z.string().refine(isEnvironmentName, 'a name in kebab-case with at most 60 characters');
const record = <Value extends z.ZodType>(value: Value) => z.record(text, value);

const command = z.strictObject({ argv: z.array(text).min(1).max(1_000), repeatable: z.boolean() });
const captures = z.array(z.strictObject({ name: text, pattern: text })).max(100);
const approvers = z.array(z.strictObject({ role: text, count: z.number().int().min(1) })).max(100);
const riskApproval = z.strictObject({ fromExposure: exposure, by: approvers }).nullable();
const through = z.array(exposure).min(1).max(1_000);
const soaksMs = z.array(ms).min(1).max(1_000);
const window = z.strictObject({
  days: z.array(z.union([1, 2, 3, 4, 5, 6, 7].map((day) => z.literal(day as 1 | 2 | 3 | 4 | 5 | 6 | 7)))).max(7),
  fromMinute: z.number().int().min(0).max(1_440),
  toMinute: z.number().int().min(0).max(1_440),
  zone: text,
});

const probe = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('http'),
    url: text,
    method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']),
    expect: z.strictObject({ status: z.number().int(), withinMs: ms, contains: text.nullable() }),
  }),
  z.strictObject({
    kind: z.literal('command'),
    command,
    expect: z.strictObject({ exitCode: z.number().int(), contains: text.nullable() }),
  }),
]);

const bound = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('absolute'), value: z.number() }),
  z.strictObject({ kind: z.literal('factor'), reference: z.enum(['baseline', 'legacy']), factor: z.number() }),
  z.strictObject({ kind: z.literal('offset'), reference: z.enum(['baseline', 'legacy']), offset: z.number() }),
  z.strictObject({ kind: z.literal('worse-than-legacy'), metric: z.enum(JUDGED_METRICS).nullable() }),
  z.strictObject({ kind: z.literal('surely'), value: z.number().gt(0).lt(100) }),
  z.strictObject({ kind: z.literal('shown-worse'), by: z.number().min(0) }),
]);
const unit = z.enum(['percent', 'ms', 'count', 'per-second']);
const condition = z.strictObject({
  signal: text,
  comparison: z.enum(['>', '>=', '<', '<=']),
  bound,
  forMs: ms,
  text,
  unit: unit.optional(),
});
const readCondition = condition.extend({ bound: z.strictObject({ kind: z.literal('absolute'), value: z.number() }) });
const action = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('rollback'),
    scope: z.enum(['flag', 'phase', 'point', 'plan']),
    point: text.optional(),
    overMs: ms,
  }),
  z.strictObject({ kind: z.literal('hold'), until: readCondition.optional() }),
  z.strictObject({ kind: z.literal('warn') }),
]);
const gate = z.strictObject({
  name: text,
  everyMs: z.number().min(100).max(Number.MAX_SAFE_INTEGER),
  rules: z.array(z.strictObject({ condition, action })).max(PLAN_LIMITS.rulesPerGate),
  minSample: z.number().min(0),
  profile: z.enum(PROFILE_NAMES).optional(),
  mode: z.enum(['act', 'observe']).optional(),
  warmUpMs: ms.optional(),
  near: z.number().gt(0).lt(1).optional(),
  maxBlindMs: ms.optional(),
  onInconclusive: z.enum(['extend', 'approve', 'hold']).optional(),
});

const signal = z.strictObject({
  name: text,
  source: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('telemetry'),
      metric: z.enum([
        'agreement-rate',
        'error-rate',
        'latency-p50',
        'latency-p95',
        'latency-p99',
        'request-rate',
        'success-rate',
      ]),
    }),
    z.strictObject({ kind: z.literal('http'), url: text, pointer: text }),
    z.strictObject({ kind: z.literal('command'), argv: z.array(text).min(1).max(1_000) }),
    z.strictObject({ kind: z.literal('reported') }),
    z.strictObject({
      kind: z.literal('prometheus'),
      query: text,
      legacy: text.nullable(),
      sample: text.nullable(),
      url: text.nullable(),
      scale: z.number().positive(),
    }),
    z.strictObject({ kind: z.literal('sql'), query: text, database: text, scale: z.number().positive() }),
    z.strictObject({ kind: z.literal('alert'), alert: text, labels: record(text) }),
    z.strictObject({
      kind: z.literal('goal'),
      goal: text,
      measure: z.enum(['rate', 'value']),
      better: z.enum(['higher', 'lower']),
    }),
  ]),
  unit,
  overMs: ms,
  freshForMs: ms,
});

const followUp = z.union([
  z.strictObject({ kind: z.literal('run'), command }),
  z.strictObject({ kind: z.literal('notify'), channel: text, message: text }),
]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const attributeCondition = z.discriminatedUnion('operator', [
  z.strictObject({ attribute: text, operator: z.enum(['in', 'notIn']), values: z.array(scalar) }),
  z.strictObject({ attribute: text, operator: z.enum(['startsWith', 'endsWith']), values: names }),
  z.strictObject({ attribute: text, operator: z.enum(['atLeast', 'atMost', 'above', 'below']), value: z.number() }),
  z.strictObject({ attribute: text, operator: z.enum(['after', 'before']), value: text }),
  z.strictObject({
    attribute: text,
    operator: z.enum(['versionIs', 'versionAtLeast', 'versionAtMost', 'versionAbove', 'versionBelow']),
    value: text,
  }),
  z.strictObject({ attribute: text, operator: z.enum(['present', 'absent']) }),
]);

const common = {
  id: text,
  title: text,
  needs: names,
  windows: z.array(window).max(100),
  notBefore: z.number().nullable(),
  takesMs: ms.nullable(),
  timeoutMs: ms.nullable(),
  budgetMs: ms.nullable(),
  undo: z
    .strictObject({
      alternatives: z.array(command).min(1).max(10),
      attempts: z.number().int().min(1).max(10),
      onlyIf: probe.nullable(),
      rehearsable: z.boolean(),
    })
    .nullable(),
  irreversible: z.boolean(),
  mitigation: text.nullable(),
};

const stage = z.enum(MIGRATION_STAGES);

const migration = z.strictObject({
  read: z.enum(['legacy', 'candidate', 'fastest']).optional(),
  compared: exposure,
  deadlineMs: ms.optional(),
  breakAbove: exposure.optional(),
});

const step = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('check'), probe }),
  z.strictObject({ ...common, kind: z.literal('run'), command, captures }),
  z.strictObject({ ...common, kind: z.literal('backup'), name: text, command, captures, verify: command.nullable() }),
  z.strictObject({
    ...common,
    kind: z.literal('retire'),
    flag: text,
    afterMs: ms,
    variant: text.optional(),
    approve: approvers.nullable(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('baseline'),
    overMs: ms,
    shape: z.enum(['hour-of-week', 'none']).optional(),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('ramp'),
    flag: text,
    gate: text,
    through,
    soaksMs,
    oncePerWindow: z.boolean(),
    approve: riskApproval,
    verify: z.array(probe).max(100),
    move: z.strictObject({ from: stage, to: stage }).optional(),
  }),
  z.strictObject({ ...common, kind: z.literal('approve'), by: approvers, question: text }),
  z.strictObject({
    ...common,
    kind: z.literal('wait'),
    until: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('duration'), durationMs: ms }),
      z.strictObject({ kind: z.literal('instant'), at: z.number() }),
    ]),
  }),
  z.strictObject({ ...common, kind: z.literal('watch'), gate: text, forMs: ms, flags: names }),
  z.strictObject({ ...common, kind: z.literal('notify'), channel: text, message: text }),
  z.strictObject({ ...common, kind: z.literal('rehearse'), scope: z.enum(['flag', 'phase', 'plan']), target: text }),
  z.strictObject({ ...common, kind: z.literal('fallback-off'), flag: text }),
  z.strictObject({ ...common, kind: z.literal('point'), name: text }),
  z.strictObject({ ...common, kind: z.literal('freeze'), command, lift: command }),
]);

const plan = z.strictObject({
  kind: z.literal('plan'),
  name: text,
  title: text,
  environment,
  after: environment.nullable(),
  contentHash: z.string().regex(/^sha256:[0-9a-f]{64}$/),
  cohort: text,
  salt: z.string().regex(/^(?:[\x21-\x7e]{4})+$/),
  timeCompression: z.number().min(1),
  launchAt: z.number().nullable(),
  traffic: z.strictObject({ users: z.number().int().min(1), requestsPerUserMinute: z.number().positive() }).optional(),
  signals: record(signal),
  gates: record(gate),
  risks: record(z.strictObject({ name: text, through, soaksMs, approve: riskApproval })),
  segments: record(z.strictObject({ key: text, conditions: z.array(attributeCondition).max(1_000) })),
  flags: record(
    z.strictObject({
      key: text,
      risk: text.nullable(),
      requires: names,
      fallback: z.boolean(),
      overrides: z.strictObject({ candidate: z.array(text), legacy: z.array(text) }),
      rules: z.array(z.strictObject({ segment: text, exposure })),
      cohort: z
        .strictObject({ count: z.number().int().min(1).max(PLAN_LIMITS.cohortCount), of: text.nullable() })
        .optional(),
      only: text.optional(),
      strata: z.array(text).max(STRATA_LIMIT).optional(),
      migration: migration.optional(),
      by: text.min(1).optional(),
      variants: z
        .array(z.strictObject({ name: z.string().regex(VARIANT_NAME), weight: exposure }))
        .min(1)
        .max(VARIANT_LIMIT)
        .optional(),
      metrics: names.optional(),
    }),
  ),
  people: record(z.strictObject({ name: text, roles: names })),
  channels: record(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('webhook'), name: text, url: text }),
      z.strictObject({ kind: z.literal('console'), name: text }),
    ]),
  ),
  messages: record(text),
  contingencies: record(
    z.strictObject({
      name: text,
      title: text,
      gate: gate.nullable(),
      flag: text.nullable(),
      actions: z
        .array(z.union([z.strictObject({ kind: z.literal('rollback'), flag: text }), followUp]))
        .min(1)
        .max(20),
      cooldownMs: ms.nullable(),
    }),
  ),
  rollback: z.strictObject({
    afterwards: z.array(followUp).max(50),
    escalate: z.strictObject({ channel: text, message: text }).nullable(),
  }),
  phases: z
    .array(
      z.strictObject({
        name: text,
        title: text,
        needs: names,
        steps: z.array(step).min(1).max(PLAN_LIMITS.stepsPerPhase),
      }),
    )
    .min(1)
    .max(PLAN_LIMITS.phases),
});

/** Whether a value is a checked plan; otherwise the first thing that is wrong with its shape. */
export function validatePlan(
  value: unknown,
): { readonly plan: Plan; readonly problem: null } | { readonly plan: null; readonly problem: string } {
  const parsed = plan.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { plan: null, problem: `${issue?.path.join('.') || 'the plan'}: ${issue?.message ?? 'not valid'}` };
  }
  const checked = parsed.data as Plan;
  const lost = lostReference(checked);
  return lost === null ? { plan: checked, problem: null } : { plan: null, problem: lost };
}

/** The names that the engine follows blindly must exist. */
function lostReference(checked: Plan): string | null {
  const phases = new Set(checked.phases.map(({ name }) => name));
  if (checked.after === checked.environment) return `after: '${checked.after}' would wait for itself`;
  const steps = checked.phases.flatMap((phase) => phase.steps);
  for (const found of steps) {
    if ('gate' in found && checked.gates[found.gate] === undefined)
      return `${found.id}: there is no gate '${found.gate}'`;
    if (found.kind === 'ramp' && checked.flags[found.flag] === undefined)
      return `${found.id}: there is no flag '${found.flag}'`;
    if (found.kind === 'notify' && checked.channels[found.channel] === undefined)
      return `${found.id}: there is no channel '${found.channel}'`;
    if (found.kind === 'ramp' && found.soaksMs.length !== found.through.length)
      return `${found.id}: it needs one soak for each exposure`;
  }
  for (const { key, metrics = [], variants } of Object.values(checked.flags)) {
    const lost = metrics.find((name) => checked.signals[name]?.source.kind !== 'goal');
    if (lost !== undefined) return `${key}: there is no goal '${lost}'`;
    const weight = variants?.reduce((sum, variant) => sum + variant.weight, 0);
    if (weight !== undefined && weight !== EXPOSURE_WHOLE) return `${key}: its variants are not the whole together`;
  }
  if (new Set(steps.map(({ id }) => id)).size < steps.length) return 'two steps have one id';
  const lost = checked.phases.flatMap(({ needs }) => needs).find((name) => !phases.has(name));
  return lost === undefined ? null : `there is no phase '${lost}'`;
}
