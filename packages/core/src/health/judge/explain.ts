import { formatDuration } from '../../time/index.ts';
import { type Accusation, accuse } from './charges.ts';
import { defenceOf } from './defences.ts';
import { type DesignEffects, effectsOf } from './design-effects.ts';
import type { JudgedMetric, JudgeSetting, JudgeState, JudgeVerdict } from './judge-state.ts';

/** Why a judge says what it says, for people. */
export interface JudgeExplanation {
  /** The verdict in one sentence. */
  readonly text: string;
  readonly metrics: readonly MetricExplanation[];
  /** What is still lacking for a pass, where that can be told. */
  readonly lacking: Lacking | null;
}

export interface MetricExplanation {
  readonly metric: JudgedMetric;
  /** What was counted on both arms. */
  readonly text: string;
  /** The value of the e-process against the candidate in this metric. */
  readonly against: number;
  /** The value of the e-process against harm; `required` rules it out. */
  readonly forIt: number;
  readonly required: number;
  readonly isHarmRuledOut: boolean;
}

/** An estimate from how the evidence grew so far. */
export interface Lacking {
  readonly looks: number;
  readonly users: number;
}

/** What a state amounts to: all that its verdict and its explanation rest on. */
export interface Weighing {
  readonly effects: DesignEffects;
  readonly accusation: Accusation;
  readonly defence: Readonly<Record<JudgedMetric, number>>;
}

export function weigh(setting: JudgeSetting, state: JudgeState): Weighing {
  const effects = effectsOf(state);
  return { effects, accusation: accuse(setting, state, effects), defence: defenceOf(state, effects) };
}

/** Explains the present state. The same state gives the same words. */
export function explainJudgement(
  setting: JudgeSetting,
  state: JudgeState,
  weighing: Weighing = weigh(setting, state),
): JudgeExplanation {
  const { effects, accusation, defence } = weighing;
  const required = 1 / setting.profile.falsePass;
  const metrics = setting.metrics.map(
    (metric): MetricExplanation => ({
      metric,
      text: describe(metric, setting, state, effects),
      against: accusation.byMetric[metric],
      forIt: defence[metric],
      required,
      isHarmRuledOut: defence[metric] >= required,
    }),
  );
  const lacking = lackingFor(state, metrics);
  const { verdict } = state;
  const { segment } = accusation;
  const text =
    verdict === null
      ? 'nothing was seen yet'
      : sentence(setting, state, { verdict, metrics, lacking, segment, effects });
  return { text, metrics, lacking };
}

interface Parts extends Omit<JudgeExplanation, 'text'> {
  readonly verdict: JudgeVerdict;
  readonly segment: string | null;
  readonly effects: DesignEffects;
}

function sentence(
  setting: JudgeSetting,
  state: JudgeState,
  { verdict, metrics, lacking, segment, effects }: Parts,
): string {
  const { evidence, required, problem } = verdict;
  if (problem !== null) return problem;
  if (verdict.verdict === 'fail') {
    const known = metrics.find(({ metric }) => metric === verdict.metric);
    const found = known?.text ?? describe('errors', setting, state, effects);
    const isWorse = known === undefined ? beyondLimit(setting) : `worse in ${verdict.metric}`;
    const where = verdict.metric === 'errors' && segment !== null ? `, most clearly in segment ${segment}` : '';
    return `the candidate is ${isWorse}: ${found}${where}; evidence ${round(evidence)}, ${round(required)} is enough`;
  }
  if (verdict.verdict === 'pass') {
    return metrics.length === 0
      ? `not ${beyondLimit(setting)}: ${describe('errors', setting, state, effects)}`
      : `no worse than legacy: ${ruledOut(setting)} ruled out`;
  }
  switch (verdict.reason) {
    case 'environment':
      return `legacy itself fails ${percent(rateOf(state.recent))} of its requests of late, usually ${percent(rateOf(usualOf(setting, state)))}: the world is ill, not the candidate`;
    case 'no-traffic':
      return 'neither arm had a request since the last look';
    case 'no-data':
      return 'the source has no counts';
    default: {
      const open = metrics.filter(({ isHarmRuledOut }) => !isHarmRuledOut).map(({ metric }) => metric);
      const more = lacking === null ? 'how long it takes cannot be told yet' : lackingText(setting, lacking);
      return `nothing alarming, but harm in ${list(open)} is not ruled out: ${more}`;
    }
  }
}

/** How a candidate is found that breaks the limit, without being compared. */
function beyondLimit({ errorLimit }: JudgeSetting): string {
  return `surely above ${percent(errorLimit)} errors`;
}

/** What a pass excludes. */
function ruledOut({ profile: { harmful }, metrics }: JudgeSetting): string {
  const said: Readonly<Record<JudgedMetric, string>> = {
    errors: `${round(harmful.errorRatio)}x the errors`,
    latency: `${round(harmful.bodyFactor)}x the latency`,
    throughput: `${percent(1 - harmful.throughputRatio)} less traffic`,
  };
  return `${list(metrics.map((metric) => said[metric]))} ${metrics.length === 1 ? 'is' : 'are'}`;
}

export function lackingText({ everyMs }: Pick<JudgeSetting, 'everyMs'>, { looks, users }: Lacking): string {
  const time = formatDuration(Math.ceil(looks) * everyMs);
  return `needs about ${time} more${users > 0 ? `, or ${users} more users` : ''}`;
}

function describe(metric: JudgedMetric, setting: JudgeSetting, state: JudgeState, effects: DesignEffects): string {
  const { legacy, candidate } = state.judged;
  switch (metric) {
    case 'errors': {
      const most = mostErrors(setting, state, effects);
      const times =
        legacy.errors > 0 && candidate.requests > 0 ? `, ${round(rateOf(candidate) / rateOf(legacy))}x` : '';
      const bound = most === null ? '' : `${times === '' ? ', ' : ' and '}at most ${round(most)}x`;
      return `${percent(rateOf(candidate))} of ${candidate.requests} requests fail, on legacy ${percent(rateOf(legacy))} of ${legacy.requests}${times}${bound}`;
    }
    case 'latency': {
      const share = (of: 'body' | 'tail', arm: typeof legacy): string =>
        percent(arm.timed > 0 ? arm[of] / arm.timed : null);
      return `${share('body', candidate)} of the requests are as slow as legacy's slowest ${share('body', legacy)}, ${share('tail', candidate)} as its slowest ${share('tail', legacy)}`;
    }
    case 'throughput':
      return candidate.expected > 0
        ? `${candidate.requests} requests where ${Math.round(candidate.expected)} were to be expected of its users`
        : `${candidate.requests} requests; how many were to be expected is not known`;
  }
}

/**
 * How many times legacy's error rate the candidate's can be at most, whenever one looks: the boundary of a Gaussian
 * mixture tuned to the present amount of data, se * sqrt(4 ln(1 + sqrt(2) / (2 beta))), on the logarithm of the ratio
 * (Waudby-Smith et al. 2021), with the variance of clustered users. Null where an arm has no requests.
 */
export function mostErrors(
  { profile, prior }: JudgeSetting,
  { judged }: JudgeState,
  effects: DesignEffects,
): number | null {
  const { legacy, candidate } = judged;
  if (candidate.requests === 0 || legacy.requests + prior.requests === 0) return null;
  const errors = { legacy: legacy.errors + prior.errors + 0.5, candidate: candidate.errors + 0.5 };
  const rate = errors.legacy / (legacy.requests + prior.requests);
  const deviation = Math.sqrt(effects.errors * (1 / errors.candidate + 1 / errors.legacy));
  const boundary = deviation * Math.sqrt(4 * Math.log(1 + Math.SQRT2 / (2 * profile.falsePass)));
  return (errors.candidate / candidate.requests / rate) * Math.exp(boundary);
}

/** How long the slowest metric still takes, if its evidence goes on growing as it did. */
function lackingFor({ looks, judged }: JudgeState, metrics: readonly MetricExplanation[]): Lacking | null {
  const shares = metrics
    .filter(({ isHarmRuledOut }) => !isHarmRuledOut)
    .map(({ forIt, required }) => (forIt > 1 ? Math.log(required) / Math.log(forIt) - 1 : Number.POSITIVE_INFINITY));
  const most = Math.max(...shares);
  if (shares.length === 0 || !Number.isFinite(most)) return null;
  return { looks: most * looks, users: Math.ceil(most * judged.candidate.users) };
}

function usualOf({ prior }: JudgeSetting, { usual }: JudgeState): JudgeState['usual'] {
  return { requests: prior.requests + usual.requests, errors: prior.errors + usual.errors };
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}

function rateOf({ requests, errors }: { readonly requests: number; readonly errors: number }): number {
  return requests === 0 ? 0 : errors / requests;
}

function percent(share: number | null): string {
  return share === null ? 'none' : `${round(share * 100)} %`;
}

function round(value: number): string {
  return Number(value.toPrecision(value >= 100 ? 3 : 2)).toString();
}
