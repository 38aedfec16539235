import type { PlanSource } from '@theseus/core/plan';
import type { Random } from '../random.ts';
import type { Mood } from '../scenario.ts';
import { planOf } from './draw-plan.ts';

type GateSource = NonNullable<PlanSource['gates']>[string];

const MINUTE = 60_000;

const JUDGED_RULES = [
  { weight: 4, text: 'worse than legacy' },
  { weight: 3, text: 'errors worse than legacy' },
  { weight: 1, text: 'latency worse than legacy' },
  { weight: 2, text: 'errors surely > 5%' },
] as const;

const JUDGED_ACTIONS = [
  { weight: 5, text: 'rollback now' },
  { weight: 1, text: 'rollback phase over 5m' },
  { weight: 2, text: 'hold' },
  { weight: 1, text: 'warn' },
] as const;

/** The signal whose moods are those of both arms' counters. */
export const ARMS = 'arms';

/**
 * The plan with how its gates judge, drawn apart, so that everything else stays what it was. Plans that would not be
 * accepted with it stay as they are.
 */
export function withJudging(random: Random, source: PlanSource): PlanSource {
  const gates = Object.entries(source.gates ?? {}).map(([name, gate]) => [name, judging(random, gate)] as const);
  const risks = Object.entries(source.risks ?? {}).map(([name, risk]) => {
    return [name, random.chance(0.3) ? { ...risk, holdback: random.pick(['5%', '10%']) } : risk] as const;
  });
  const withRisks = { ...source, gates: Object.fromEntries(gates), risks: Object.fromEntries(risks) };
  const withGates = { ...source, gates: Object.fromEntries(gates) };
  return [withRisks, withGates].find((each) => planOf(each) !== null) ?? source;
}

function judging(random: Random, gate: GateSource): GateSource {
  const judged = new Map<string, string>();
  if (random.chance(0.4)) {
    for (let left = random.int(1, 2); left > 0; left -= 1) {
      judged.set(random.weighted(JUDGED_RULES).text, random.weighted(JUDGED_ACTIONS).text);
    }
  }
  return {
    ...gate,
    rules: [...gate.rules, ...[...judged].map(([condition, action]) => ({ [condition]: action }))],
    ...(random.chance(0.3) ? { profile: random.pick(['strict', 'balanced', 'tolerant'] as const) } : {}),
    ...(random.chance(0.15) ? { mode: 'observe' as const } : {}),
    ...(random.chance(0.2) ? { warmUp: random.pick(['30s', '2m']) } : {}),
    ...(random.chance(0.2) ? { near: random.pick(['50%', '80%']) } : {}),
    ...(random.chance(0.5) ? { maxBlind: random.pick(['2m', '10m']) } : {}),
    ...(random.chance(0.5) ? { onInconclusive: random.pick(['extend', 'approve', 'hold'] as const) } : {}),
  };
}

const ARMS_MOODS = [
  { weight: 5, kind: 'bad' },
  { weight: 3, kind: 'everywhere' },
  { weight: 1, kind: 'flapping' },
  { weight: 2, kind: 'silent' },
  { weight: 1, kind: 'error' },
  { weight: 2, kind: 'few' },
] as const;

/** What happens to both arms' counters while things go wrong. */
export function drawArmsMoods(random: Random, chaosMs: number): readonly Mood[] {
  return Array.from({ length: 1 + random.few(2, 5) }, () => {
    const from = random.int(0, chaosMs / 2);
    const forMs = random.pick([2 * MINUTE, 10 * MINUTE, chaosMs, chaosMs]);
    return { signal: ARMS, from, to: Math.min(chaosMs, from + forMs), kind: random.weighted(ARMS_MOODS).kind };
  });
}
