import { type Plan, type PlanSource, planFromSource } from '@theseus/core/plan';

const STAGES = ['1%', '5%', '10%', '25%', '50%', '75%', '90%', '100%'];

/** A plan that takes eight weeks: one flag through eight exposures, each healthy for a week by a look every 30 s. */
export function eightWeeks(): Plan {
  const source: PlanSource = {
    plan: 'eight-weeks',
    cohort: 'userId',
    signals: { errors: { telemetry: 'error-rate' }, latency: { telemetry: 'latency-p95' } },
    gates: {
      standard: { every: '30s', rules: [{ 'errors > 5%': 'rollback now' }, { 'latency > 500ms for 2m': 'hold' }] },
    },
    flags: { moved: {} },
    phases: [{ phase: 'move', steps: [{ ramp: 'moved', gate: 'standard', through: STAGES, soak: '1w' }] }],
  };
  const { plan } = planFromSource(source);
  if (plan === null) throw new Error('the plan of eight weeks is not valid');
  return plan;
}
