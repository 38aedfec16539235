import type { Gate } from '../health/index.ts';
import type { PlanReading } from './plan-reading.ts';

/** What flags measure and are bucketed by, against what rules and other flags take for granted. */
export function checkExperiments(reading: PlanReading): void {
  checkMeasured(reading);
  checkNesting(reading);
}

/** A rule on a goal needs flags that measure it: nobody would track anything for them. */
function checkMeasured({ plan, problems, steps, outline }: PlanReading): void {
  if (outline.uncertain.has('flags')) return;
  const told = new Set<string>();
  const tell = (flag: string, gate: Gate): void => {
    for (const { condition } of gate.rules) {
      const isMeasured = plan.flags[flag]?.metrics?.includes(condition.signal) ?? false;
      if (condition.bound.kind !== 'shown-worse' || isMeasured || problems.isTouched(['flags', flag])) continue;
      if (told.has(`${flag} ${condition.signal}`)) continue;
      told.add(`${flag} ${condition.signal}`);
      const message = `'${condition.text}' of gate '${gate.name}' asks for what '${flag}' does not measure`;
      const mend = `add 'metrics: [${condition.signal}]' to the flag`;
      problems.add({ path: ['flags', flag], code: 'not-measured', message, mend, atKey: true });
    }
  };
  for (const { step } of steps) {
    const gate = step !== null && 'gate' in step ? plan.gates[step.gate] : undefined;
    if (step === null || gate === undefined) continue;
    if (step.kind === 'ramp' && plan.flags[step.flag] !== undefined) tell(step.flag, gate);
    if (step.kind === 'watch') for (const flag of step.flags) tell(flag, gate);
  }
  for (const { gate, flag } of Object.values(plan.contingencies)) if (gate !== null && flag !== null) tell(flag, gate);
}

/** Flags that are bucketed by different attributes pick different people, so that one is no subset of the other. */
function checkNesting({ plan, problems }: PlanReading): void {
  for (const { key, requires, by = plan.cohort } of Object.values(plan.flags)) {
    for (const [index, required] of requires.entries()) {
      const other = plan.flags[required];
      const otherBy = other?.by ?? plan.cohort;
      if (other === undefined || otherBy === by) continue;
      const message = `'${key}' is bucketed by ${by} and '${required}', which it requires, by ${otherBy}: whoever has the one need not have the other, and at each exposure fewer have both`;
      const mend = `give both one 'by:', or drop the requirement`;
      const path = ['flags', key, 'requires', index];
      problems.add({ path, code: 'different-cohorts', message, mend, severity: 'warning' });
    }
  }
}
