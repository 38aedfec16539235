import { z } from 'zod';
import { STRATA_LIMIT, VARIANT_LIMIT } from '../flag/index.ts';
import { PROFILE_NAMES } from '../health/index.ts';
import { PLAN_LIMITS } from './limits.ts';
import {
  commandLine,
  duration,
  exposures,
  instant,
  name,
  percent,
  planName,
  traffic,
  url,
  windowText,
} from './schema-words.ts';
import { signalSchemas } from './signal-schemas.ts';

/*
 * The plan file as people write it. Names, durations, percentages and conditions are text here; what they mean is
 * checked where they are read, so that each mistake is told in the words of the plan.
 */

const approvers = z
  .union([z.string(), z.array(z.string())])
  .describe('Roles that must agree: tech-lead, "2 of release"');
const approveRule = z.union([z.literal(true), z.strictObject({ from: percent.optional(), by: approvers.optional() })]);

const gate = z.strictObject({
  every: duration.optional().describe('How often health is judged; 30s'),
  rules: z
    .array(z.record(z.string(), z.string()))
    .min(1)
    .max(PLAN_LIMITS.rulesPerGate)
    .describe('condition: action, such as "errors > 5%": rollback now'),
  silence: z.literal('hold').describe('Silence is never health: to hold is the only choice').optional(),
  minSample: z
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Below so many requests a reading proves nothing; 20'),
  profile: z.enum(PROFILE_NAMES).describe('How much worse than legacy is tolerated; balanced').optional(),
  mode: z.enum(['act', 'observe']).describe('observe tells what it would have done, and never does it; act').optional(),
  warmUp: duration.optional().describe('For so long after each change of exposure latency is not judged'),
  near: percent.optional().describe('From this share of the way to its bound on a value is warned of'),
  maxBlind: duration.optional().describe('Blind for longer, a ramp goes back to its exposure before; 30m'),
  onInconclusive: z
    .enum(['extend', 'approve', 'hold'])
    .describe('What follows when a soak is over and harm is not ruled out; extend')
    .optional(),
});
const holdback = percent.optional().describe('So many stay on legacy until the last soak is over');

const risk = z.strictObject({
  through: exposures,
  soak: duration.optional().describe('Healthy time at each exposure that names none'),
  holdback,
  approve: approveRule.optional(),
});

/** Every stage but `off`, where each migration begins. */
const NEXT_STAGES = ['dualwrite', 'shadow', 'live', 'rampdown', 'complete'] as const;

const migration = z.strictObject({
  read: z
    .enum(['legacy', 'candidate', 'fastest'])
    .optional()
    .describe('Whose answer callers get where both are read; that of the authoritative side where absent'),
  compare: percent.optional().describe('How many reads are compared where both are read; 100%'),
  deadline: duration.optional().describe('A side that has not answered after so long counts as failed'),
  breakAbove: percent.optional().describe('Above this share of failed candidate calls legacy answers for a while; 10%'),
});

const flag = z.strictObject({
  risk: z.string().optional(),
  requires: z.array(z.string()).optional().describe('Flags that must answer candidate for the same subject'),
  fallback: z.boolean().optional().describe('Whether legacy answers when the candidate throws; true'),
  include: z.array(z.string()).optional().describe('Subjects let in over any percentage'),
  exclude: z.array(z.string()).optional().describe('Subjects kept on legacy over any percentage'),
  segments: z.array(z.strictObject({ segment: z.string(), exposure: percent })).optional(),
  cohort: z
    .strictObject({
      count: z.number().int().min(1).max(PLAN_LIMITS.cohortCount).describe('Exactly so many people'),
      of: z.string().optional().describe('The segment they are picked from; anybody where absent'),
    })
    .optional()
    .describe('People who are picked from a list once and then stay: theseus cohort freeze'),
  only: z.string().optional().describe('The segment its ramp is about; all others stay on legacy'),
  strata: z
    .array(z.string())
    .min(1)
    .optional()
    .describe(`Segments by which the arms are compared besides the whole; at most ${STRATA_LIMIT}`),
  migration: migration.optional().describe('It moves data from one store or service to another, stage by stage'),
  by: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe("The attribute it is bucketed by, such as requestId, or call for each call by itself; the plan's cohort"),
  variants: z
    .union([z.array(z.string()).min(1), z.record(z.string(), percent)])
    .optional()
    .describe(
      `How the candidate is divided: { short: 50%, long: 50% }, or a list for equal parts; at most ${VARIANT_LIMIT}`,
    ),
  metrics: z.array(z.string()).min(1).optional().describe('Goal signals that are measured for each variant'),
});

const scalar = z.union([z.string(), z.number(), z.boolean()]);
const attributeTest = z.union([
  scalar,
  z.array(scalar).min(1),
  z.strictObject({
    in: z.array(scalar).min(1).optional(),
    notIn: z.array(scalar).min(1).optional(),
    startsWith: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    endsWith: z.union([z.string(), z.array(z.string()).min(1)]).optional(),
    atLeast: z.number().optional(),
    atMost: z.number().optional(),
    above: z.number().optional(),
    below: z.number().optional(),
    after: z.string().optional().describe('A date or an instant: 2026-05-01, 2026-05-01T09:00:00Z'),
    before: z.string().optional().describe('A date or an instant: 2026-05-01, 2026-05-01T09:00:00Z'),
    version: z
      .string()
      .max(1_000)
      .optional()
      .describe('Versions by the order of semver.org, all comparisons at once: ">= 2.3.0 < 3.0.0"'),
    present: z.literal(true).describe('Whoever has the attribute, whatever it says').optional(),
    absent: z.literal(true).describe('Whoever lacks the attribute, or has null there').optional(),
  }),
]);

const httpProbe = z.strictObject({
  http: url,
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']).optional(),
  expect: z
    .strictObject({
      status: z.number().int().min(100).max(599).optional(),
      within: duration.optional(),
      contains: z.string().optional(),
    })
    .optional(),
});
const commandProbe = z.strictObject({
  run: commandLine,
  expect: z
    .strictObject({ exitCode: z.number().int().min(0).max(255).optional(), contains: z.string().optional() })
    .optional(),
});
const probe = z.union([httpProbe, commandProbe]);

const followUp = z.union([
  z.strictObject({ run: commandLine }),
  z.strictObject({ notify: z.string().describe('A channel'), message: z.string() }),
]);

const undo = z
  .union([
    commandLine,
    z.strictObject({
      try: z.array(commandLine).min(1).max(10).describe('Ways to take it back: the next where one fails'),
      attempts: z.number().int().min(1).max(10).optional().describe('How often each is tried; 1'),
      onlyIf: probe.optional().describe('Asked first: nothing is taken back unless it answers as expected'),
      rehearsable: z.boolean().optional().describe('Safe to run before anything went wrong'),
    }),
  ])
  .describe('Takes the step back; ${{ artefact }} may stand in it');

const common = {
  name: name.optional().describe('Names the step within its phase'),
  title: z.string().optional(),
  needs: z.array(z.string()).optional().describe('Steps that must be over first: step, or phase/step'),
  window: windowText.optional().describe('When it may move, or the name of one of the windows'),
  at: z.string().optional().describe('It begins no earlier: T-30m, T+15m, or a moment'),
  takes: duration.optional().describe('How long it is expected to take'),
  timeout: duration.optional(),
  undo: undo.optional(),
  budget: duration.optional().describe('How long taking it back may take'),
  irreversible: z.literal(true).optional().describe('It cannot be taken back; asks for an approve step before it'),
  risk: z.string().optional(),
  mitigation: z.string().optional().describe('What makes this moment less dangerous'),
};
const capture = z
  .record(z.string(), z.string())
  .optional()
  .describe('Artefacts from the output: name to a pattern whose first group is kept');

export const stepSchemas = {
  check: z.strictObject({ check: probe, ...common }),
  backup: z.strictObject({
    backup: name,
    run: commandLine,
    verify: commandLine.optional().describe('Restores the backup into a scratch place and exits 0 when it is whole'),
    capture,
    repeatable: z.boolean().optional(),
    ...common,
  }),
  run: z.strictObject({ run: commandLine, capture, repeatable: z.boolean().optional(), ...common }),
  baseline: z.strictObject({
    baseline: z.strictObject({
      over: duration,
      shape: z
        .enum(['hour-of-week', 'none'])
        .optional()
        .describe('Whether what is usual at each hour of the week is learnt; where absent, if the history holds it'),
    }),
    ...common,
  }),
  ramp: z.strictObject({
    ramp: z.string(),
    gate: z.string().optional(),
    through: exposures.optional(),
    soak: duration.optional(),
    holdback,
    pace: z.literal('one per window').optional().describe('Each opening of its window brings one exposure at most'),
    approve: approveRule.optional(),
    verify: z.array(probe).optional().describe('Must pass after a rollback of this flag'),
    ...common,
  }),
  stage: z.strictObject({
    stage: z.string().describe('A flag with a migration'),
    to: z.enum(NEXT_STAGES).describe('The stage after the one it has reached'),
    gate: z.string().optional(),
    through: exposures.optional().describe('How many are at the new stage, up to 100%; 100% at once where absent'),
    soak: duration.optional(),
    pace: z.literal('one per window').optional(),
    approve: approveRule.optional(),
    verify: z.array(probe).optional().describe('Must pass after a rollback of this flag'),
    ...common,
  }),
  approve: z.strictObject({ approve: z.string(), by: approvers.optional(), ...common }),
  wait: z.strictObject({ wait: z.union([duration, z.strictObject({ until: z.string() })]), ...common }),
  watch: z.strictObject({
    watch: z.strictObject({ for: duration, flags: z.array(z.string()).optional() }),
    gate: z.string().optional(),
    ...common,
  }),
  notify: z.strictObject({ notify: z.string(), message: z.string(), ...common }),
  rehearse: z.strictObject({
    rehearse: z
      .union([z.literal('rollback'), z.strictObject({ phase: z.string() }), z.strictObject({ flag: z.string() })])
      .describe('Really runs what a rollback of it would, as far as that is rehearsable'),
    ...common,
  }),
  'fallback-off': z.strictObject({
    'fallback-off': z.string().describe('A flag at 100 %: legacy no longer answers when its candidate fails'),
    ...common,
  }),
  point: z.strictObject({ point: name.describe('A moment that a rollback can go back to'), ...common }),
  retire: z.strictObject({
    retire: z.string().describe('A flag that stays on the candidate for good'),
    after: duration.optional().describe('How long it must have been at 100 %, a migration complete; 2w'),
    variant: z.string().optional().describe('The one that stays, of a flag with variants'),
    approve: approvers.optional().describe('Who must agree; one operator where absent, nobody with none'),
    ...common,
  }),
  freeze: z.strictObject({
    freeze: commandLine.describe('Begins a change freeze'),
    lift: commandLine.describe('Ends it; always run when the run ends, however it ends'),
    ...common,
  }),
} as const;

export type SourceStepKind = keyof typeof stepSchemas;
export const STEP_KINDS = Object.keys(stepSchemas) as readonly SourceStepKind[];

const channel = z.union([
  z.strictObject({ webhook: url.describe('Gets a POST with { "text": … } and an Idempotency-Key') }),
  z.strictObject({ console: z.literal(true).describe("Written to the server's log") }),
]);
const person = z.union([z.array(z.string()), z.strictObject({ roles: z.array(z.string()) })]);

const segment = z.record(z.string(), attributeTest);
const messageText = z.string();
const contingency = z.strictObject({
  title: z.string().optional(),
  when: z.string().optional().describe('A condition; without one a person says when: theseus trigger NAME'),
  flag: z.string().optional().describe('Whose traffic is judged, for telemetry'),
  every: duration.optional().describe('How often it is looked at; 30s'),
  minSample: z.number().int().min(0).max(1_000_000).optional(),
  do: z
    .array(z.union([z.strictObject({ rollback: z.string().describe('A flag, at once') }), followUp]))
    .min(1)
    .max(20)
    .describe('In order; a failure stops the rest'),
  again: duration.optional().describe('After this time it may act again; once only where absent'),
});

const rollbackPolicy = z.strictObject({
  afterwards: z
    .array(followUp)
    .max(50)
    .optional()
    .describe('After a rollback of a phase, the plan or to a point was verified, in order'),
  escalate: z
    .strictObject({ notify: z.string(), message: z.string() })
    .optional()
    .describe('Who is told when a rollback fails or takes longer than its budget'),
});

const phaseShape = {
  phase: name,
  title: z.string().optional(),
  needs: z.array(z.string()).optional().describe('Phases that must be completed first; the one before it where absent'),
};
const phaseSteps = z.array(z.unknown()).min(1).max(PLAN_LIMITS.stepsPerPhase);

/** The parts of a plan that are maps from a name. Each entry is read alone, so that a broken one hides no other. */
export const partSchemas = {
  gates: gate,
  risks: risk,
  segments: segment,
  flags: flag.nullable(),
  people: person,
  channels: channel,
  messages: messageText,
  windows: windowText,
  contingencies: contingency,
} as const;

/** A phase whose steps are judged one by one, by their kind. */
export const phaseSchema = z.strictObject({ ...phaseShape, steps: phaseSteps });

const step = z.union([
  stepSchemas.check,
  stepSchemas.backup,
  stepSchemas.run,
  stepSchemas.baseline,
  stepSchemas.ramp,
  stepSchemas.stage,
  stepSchemas.approve,
  stepSchemas.wait,
  stepSchemas.watch,
  stepSchemas.notify,
  stepSchemas.rehearse,
  stepSchemas['fallback-off'],
  stepSchemas.point,
  stepSchemas.retire,
  stepSchemas.freeze,
]);

const headShape = {
  plan: planName.describe('Identifies the plan over all its versions; kebab-case'),
  title: z.string().optional().describe('What people read; the name where absent'),
  description: z.string().optional().describe('For readers of the file'),
  cohort: z.string().min(1).describe('The attribute that is bucketed, such as userId'),
  salt: z
    .string()
    .min(4)
    .max(64)
    .optional()
    .describe('Never changed once a plan has run; its length is a multiple of four'),
  variables: z
    .record(z.string(), z.union([z.string(), z.number(), z.null()]))
    .optional()
    .describe('${{ vars.name }} in the plan; null asks for --set name=value'),
  launch: instant.optional().describe('T, which T-30m counts from'),
  traffic: traffic.optional().describe('What traffic is expected: check and simulate tell by it how long proof takes'),
  rollback: rollbackPolicy.optional().describe('What a rollback does beyond taking back'),
};

const signalSource = z.union(Object.values(signalSchemas));

/** What an environment may say over the plan: entries replace those of the same name, or join them. */
export const environmentSchema = z.strictObject({
  after: z.string().optional().describe('The environment in which the same content must have succeeded first'),
  launch: instant.optional(),
  traffic: traffic.optional(),
  variables: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).optional(),
  signals: z.record(z.string(), z.unknown()).optional(),
  gates: z.record(z.string(), z.unknown()).optional(),
  risks: z.record(z.string(), z.unknown()).optional(),
  people: z.record(z.string(), z.unknown()).optional(),
  channels: z.record(z.string(), z.unknown()).optional(),
  windows: z.record(z.string(), z.unknown()).optional(),
});

const environment = environmentSchema.extend({
  signals: z.record(z.string(), signalSource).optional(),
  gates: z.record(z.string(), gate).optional(),
  risks: z.record(z.string(), risk).optional(),
  people: z.record(z.string(), person).optional(),
  channels: z.record(z.string(), channel).optional(),
  windows: z.record(z.string(), windowText).optional(),
});

/** The outline of a plan: its own words are judged here, every other part where it is read. */
export const outlineSchema = z.strictObject({
  ...headShape,
  signals: z.record(z.string(), z.unknown()).optional(),
  gates: z.record(z.string(), z.unknown()).optional(),
  risks: z.record(z.string(), z.unknown()).optional(),
  segments: z.record(z.string(), z.unknown()).optional(),
  flags: z.record(z.string(), z.unknown()).optional(),
  people: z.record(z.string(), z.unknown()).optional(),
  channels: z.record(z.string(), z.unknown()).optional(),
  messages: z.record(z.string(), z.unknown()).optional(),
  windows: z.record(z.string(), z.unknown()).optional(),
  contingencies: z.record(z.string(), z.unknown()).optional(),
  environments: z.record(z.string(), z.unknown()).optional(),
  phases: z.array(z.unknown()).min(1).max(PLAN_LIMITS.phases),
});

/** The whole language, for types and for the JSON Schema. */
export const planSchema = z.strictObject({
  ...headShape,
  signals: z.record(z.string(), signalSource).optional().describe('What is measured, where it comes from and its unit'),
  gates: z.record(z.string(), gate).optional().describe('When, and by which rules, an exposure is judged'),
  risks: z.record(z.string(), risk).optional().describe('Classes of risk: the exposures and soaks that flags share'),
  segments: z.record(z.string(), segment).optional().describe('Named audiences: every attribute must match'),
  flags: z.record(z.string(), flag.nullable()).optional().describe('What is moved'),
  people: z.record(z.string(), person).optional().describe('Who holds which roles'),
  channels: z.record(z.string(), channel).optional().describe('Where messages go'),
  messages: z.record(z.string(), messageText).optional().describe('Texts with {{ fields }}'),
  windows: z.record(z.string(), windowText).optional().describe('Named windows'),
  contingencies: z.record(z.string(), contingency).optional().describe('What is done when something comes true'),
  environments: z.record(z.string(), environment).optional().describe('Where it runs, and what differs there'),
  phases: z
    .array(z.strictObject({ ...phaseShape, steps: z.array(step).min(1).max(PLAN_LIMITS.stepsPerPhase) }))
    .min(1)
    .max(PLAN_LIMITS.phases)
    .describe('What is done, in order'),
});

/** A plan as it is written, in YAML or through definePlan. */
export type PlanSource = z.input<typeof planSchema>;
export type GateSource = z.output<typeof gate>;
export type RiskSource = z.output<typeof risk>;
export type FlagSource = z.output<typeof flag>;
export type MigrationSource = z.output<typeof migration>;
export type ApproveSource = z.output<typeof approveRule>;
export type AttributeTestSource = z.output<typeof attributeTest>;
export type ChannelSource = z.output<typeof channel>;
export type ProbeSource = z.output<typeof probe>;
export type UndoSource = z.output<typeof undo>;
export type FollowUpSource = z.output<typeof followUp>;
export type ContingencySource = z.output<typeof contingency>;
export type RollbackSource = z.output<typeof rollbackPolicy>;
export type OutlineSource = z.output<typeof outlineSchema>;
export type PhaseSource = z.output<typeof phaseSchema>;
export type PartName = keyof typeof partSchemas;
export type PartSource<Part extends PartName> = z.output<(typeof partSchemas)[Part]>;
export type StepSource<Kind extends SourceStepKind> = z.output<(typeof stepSchemas)[Kind]>;
