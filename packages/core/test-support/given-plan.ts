import type { Condition, Gate, GateRule, RuleAction } from '../src/health/index.ts';
import type { Phase, Plan, Step, StepCommon, Undo } from '../src/plan/index.ts';

const SECOND = 1_000;

/** A step's common parts, with nothing special about it. */
export function common(id: string, changes: Partial<StepCommon> = {}): StepCommon {
  return {
    id,
    title: id,
    needs: [],
    windows: [],
    notBefore: null,
    takesMs: null,
    timeoutMs: null,
    budgetMs: null,
    undo: null,
    irreversible: false,
    mitigation: null,
    ...changes,
  };
}

type RampStep = Extract<Step, { kind: 'ramp' }>;

/** A ramp; `soakMs` stands for a soak that all its exposures share. */
export function ramp(
  phase: string,
  flag: string,
  { soakMs = 60 * SECOND, ...changes }: Partial<RampStep> & { readonly soakMs?: number } = {},
): RampStep {
  const through = changes.through ?? [10_000, 50_000, 100_000];
  return {
    ...common(`${phase}/${flag}`),
    kind: 'ramp',
    flag,
    gate: 'standard',
    through,
    soaksMs: through.map(() => soakMs),
    oncePerWindow: false,
    approve: null,
    verify: [],
    ...changes,
  };
}

/** Taken back by one command. */
export function undoBy(...argv: readonly string[]): Undo {
  return { alternatives: [{ argv, repeatable: true }], attempts: 1, onlyIf: null, rehearsable: false };
}

export function phase(name: string, steps: readonly Step[], needs: readonly string[] = []): Phase {
  return { name, title: name, needs, steps };
}

export function rule(condition: Partial<Condition> & { readonly text: string }, action: RuleAction): GateRule {
  return {
    condition: { signal: 'errors', comparison: '>', bound: { kind: 'absolute', value: 5 }, forMs: 0, ...condition },
    action,
  };
}

export const rollbackNow: RuleAction = { kind: 'rollback', scope: 'flag', overMs: 0 };

export const standardGate: Gate = {
  name: 'standard',
  everyMs: 10 * SECOND,
  minSample: 20,
  rules: [rule({ text: 'errors > 5%' }, rollbackNow)],
};

/** A plan over the given phases: every ramped flag exists, with the prerequisites that are named. */
export function plan(
  phases: readonly Phase[],
  changes: Partial<Plan> & { readonly requires?: Readonly<Record<string, readonly string[]>> } = {},
): Plan {
  const { requires = {}, ...rest } = changes;
  const flags = phases.flatMap(({ steps }) => steps).flatMap((step) => (step.kind === 'ramp' ? [step.flag] : []));
  return {
    kind: 'plan',
    name: 'moving',
    title: 'Moving',
    environment: 'default',
    after: null,
    contentHash: `sha256:${'0'.repeat(64)}`,
    cohort: 'userId',
    salt: 'moving..',
    timeCompression: 1,
    launchAt: null,
    signals: {
      errors: {
        name: 'errors',
        source: { kind: 'telemetry', metric: 'error-rate' },
        unit: 'percent',
        overMs: 60 * SECOND,
        freshForMs: 90 * SECOND,
      },
    },
    gates: { standard: standardGate },
    risks: {},
    segments: {},
    flags: Object.fromEntries(
      flags.map((key) => [
        key,
        {
          key,
          risk: null,
          requires: requires[key] ?? [],
          fallback: true,
          overrides: { candidate: [], legacy: [] },
          rules: [],
        },
      ]),
    ),
    people: {},
    channels: { chat: { kind: 'console', name: 'chat' } },
    messages: { done: '{{ phase.name }} of {{ plan.title }} is done' },
    contingencies: {},
    rollback: { afterwards: [], escalate: null },
    phases,
    ...rest,
  };
}
