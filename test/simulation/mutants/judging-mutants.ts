import type { ArmPair, Watch } from '@theseus/core/health';
import type { Plan } from '@theseus/core/plan';
import { PRODUCT_RULES } from '../rules.ts';
import { broken, decidingAbout, decisionOf, type Mutant } from './mutant.ts';

const { decide, observe } = PRODUCT_RULES;

/** Legacy as it would be were it never ill. */
function flawless({ legacy, candidate }: ArmPair): ArmPair {
  return { legacy: { ...legacy, errors: 0, users: { ...legacy.users, e: 0, ee: 0, ne: 0, failed: 0 } }, candidate };
}

function withProof(watch: Watch): Watch {
  const { verdict } = watch;
  if (verdict?.judgement?.reason !== 'needs-data') return watch;
  return { ...watch, verdict: { ...verdict, judgement: { ...verdict.judgement, verdict: 'pass', reason: null } } };
}

function withGates(change: (gate: Plan['gates'][string]) => Plan['gates'][string]) {
  return (plan: Plan): Plan => ({
    ...plan,
    gates: Object.fromEntries(Object.entries(plan.gates).map(([name, gate]) => [name, change(gate)])),
  });
}

export const JUDGING_MUTANTS: Readonly<Record<string, Mutant>> = {
  'weather-blamed': {
    breaks: 'what fails on both arms counts against the candidate only',
    caughtBy: ['blames-no-weather'],
    rules: broken({
      observe: (watch, gate, measurement, baseline, options) => {
        const { comparison } = measurement;
        const counts = comparison?.counts ?? null;
        if (comparison === undefined || counts === null) return observe(watch, gate, measurement, baseline, options);
        const changed = { ...measurement, comparison: { ...comparison, counts: flawless(counts) } };
        return observe(watch, gate, changed, baseline, options);
      },
    }),
  },
  'no-alarm-is-proof': {
    breaks: 'a soak without alarm is taken for proof, however few people came',
    caughtBy: ['rules-harm-out'],
    rules: broken({
      observe: (watch, gate, measurement, baseline, options) =>
        withProof(observe(watch, gate, measurement, baseline, options)),
    }),
  },
  'observer-acts': {
    breaks: 'a gate that is to observe acts',
    caughtBy: ['observes-only'],
    rules: broken({
      observe: (watch, gate, measurement, baseline, options) =>
        observe(watch, { ...gate, mode: 'act' }, measurement, baseline, options),
      decide: decidingAbout(withGates((gate) => ({ ...gate, mode: 'act' }))),
    }),
  },
  'impatient-when-blind': {
    breaks: 'a ramp goes back as soon as nobody can tell',
    caughtBy: ['steps-back-blind'],
    rules: broken({
      decide: decidingAbout(withGates((gate) => ({ ...gate, maxBlindMs: 1_000 }))),
    }),
  },
  'blindness-over-people': {
    breaks: 'blindness takes a ramp back from where a person promoted it to',
    caughtBy: ['steps-back-blind'],
    rules: broken({
      decide: (state, input, now) => {
        const steps = Object.entries(state.steps).map(
          ([id, { promotedTo: _forgotten, ...step }]) => [id, step] as const,
        );
        const { events, refusal } = decide({ ...state, steps: Object.fromEntries(steps) }, input, now);
        return refusal === null ? decisionOf(state, events) : { events: [], state, refusal };
      },
    }),
  },
};
