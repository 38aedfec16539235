import { isReadCondition } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';
import type { ExposureCase } from './exposure-case.ts';
import { type Finding, pathOfStep } from './finding.ts';
import type { Load } from './virtual-run.ts';

/** Gates that would not take people back, or take them back late. */
export function exposureFindings(plan: Plan, cases: readonly ExposureCase[], load: Load): readonly Finding[] {
  return [...gatesWithoutRollback(plan), ...groups(cases).flatMap((group) => findingOf(plan, group, load))];
}

/** One rule at one step is told once, at the first stage where it goes wrong. */
interface Group {
  readonly first: ExposureCase;
  readonly problem: Problem;
  /** Other steps of the same rule with the same problem. */
  readonly others: ReadonlySet<string>;
}

type Problem = NonNullable<ExposureCase['never']> | 'carried-on';

function groups(cases: readonly ExposureCase[]): readonly Group[] {
  const found = new Map<string, { first: ExposureCase; problem: Problem; others: Set<string> }>();
  for (const known of cases) {
    const problem = problemOf(known);
    if (problem === null) continue;
    const key = `${known.gate}/${known.rule}/${problem}`;
    const group = found.get(key);
    if (group === undefined) found.set(key, { first: known, problem, others: new Set() });
    else if (group.first.stepId !== known.stepId) group.others.add(known.stepId);
  }
  return [...found.values()];
}

function problemOf({ never, exposurePercent, worstPercent }: ExposureCase): Problem | null {
  return never ?? (worstPercent > exposurePercent ? 'carried-on' : null);
}

function findingOf(plan: Plan, { first, problem, others }: Group, load: Load): Finding {
  const { stepId, exposurePercent, worstPercent, ruleText, at } = first;
  const more = others.size === 0 ? '' : ` (and so at ${others.size} more step${others.size === 1 ? '' : 's'})`;
  const common = { path: pathOfStep(plan, stepId), at };
  const where = `${stepId} at ${exposurePercent} %`;
  switch (problem) {
    case 'too-few-requests':
      return {
        ...common,
        severity: 'error',
        code: 'too-few-requests',
        text: `${where}: ${requestsText(plan, first, load)}, so '${ruleText}' never fires${more}`,
        mend: "begin at a larger exposure, let the signal look 'over' more time, or lower minSample",
      };
    case 'outlives-the-ramp':
      return {
        ...common,
        severity: 'error',
        code: 'outlives-the-ramp',
        text: `${where}: a fault that begins here is still there when the ramp ends, before '${ruleText}' fires${more}`,
        mend: "soak longer than the rule's 'for', add a rule that holds at once, or watch on after the ramp",
      };
    case 'not-taken-back':
      return {
        ...common,
        severity: 'error',
        code: 'never-taken-back',
        text: `${where}: a fault that '${ruleText}' is there for keeps people on the candidate${more}`,
        mend: 'simulate it with --what-if to see what it waits for',
      };
    case 'carried-on':
      return {
        ...common,
        severity: 'warning',
        code: 'carried-on',
        text: `${where}: a fault that begins here is carried to ${worstPercent} % before '${ruleText}' fires${more}`,
        mend: "soak longer than the rule's 'for', or add a rule that holds at once",
      };
  }
}

function requestsText(plan: Plan, { gate, rule, exposurePercent }: ExposureCase, load: Load): string {
  const condition = plan.gates[gate]?.rules[rule]?.condition;
  if (condition !== undefined && !isReadCondition(condition)) {
    const perMinute = Math.floor((load.users * exposurePercent * load.requestsPerUserMinute) / 100);
    return `${load.users} users make ${perMinute} requests a minute, too few for evidence of a fault`;
  }
  const overMs = plan.signals[condition?.signal ?? '']?.overMs ?? 0;
  const requests = Math.floor((load.users * exposurePercent * load.requestsPerUserMinute * overMs) / 100 / 60_000);
  return `${load.users} users make ${requests} requests while ${condition?.signal ?? 'the signal'} looks back, and the gate wants ${plan.gates[gate]?.minSample ?? 0}`;
}

function gatesWithoutRollback(plan: Plan): readonly Finding[] {
  return Object.values(plan.gates).flatMap(({ name, rules }): readonly Finding[] => {
    const first = plan.phases.flatMap(({ steps }) => steps).find((step) => 'gate' in step && step.gate === name);
    if (first === undefined || rules.some(({ action }) => action.kind === 'rollback')) return [];
    return [
      {
        severity: 'warning',
        code: 'never-taken-back',
        path: ['gates', name],
        at: null,
        text: `gate ${name} has no rule that rolls back: what breaks stays until a person acts`,
        mend: "add a rule such as 'errors > 5%: rollback now'",
      },
    ];
  });
}
