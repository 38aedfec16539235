import { ANY_SIGNAL, type Comparison, type Condition, type JudgedMetric } from '../health/index.ts';
import { suggest } from './did-you-mean.ts';
import type { GoalSource, Signal, TelemetryMetric } from './plan.ts';

const WORSE = /^(?:([\w.-]+)\s+)?worse\s+than\s+legacy(\s+.*)?$/;
const SURELY = /^([\w.-]+)\s+surely\s*(>=|<=|>|<)\s*(.*)$/;
const PERCENT = /^(\d+(?:\.\d+)?)\s*%$/;

/** What is counted on either arm alone. */
type ArmMetric = Exclude<TelemetryMetric, 'agreement-rate'>;

const METRICS: Readonly<Record<ArmMetric, JudgedMetric>> = {
  'error-rate': 'errors',
  'success-rate': 'errors',
  'latency-p50': 'latency',
  'latency-p95': 'latency',
  'latency-p99': 'latency',
  'request-rate': 'throughput',
};

interface Wrong {
  readonly code: string;
  readonly message: string;
  readonly mend: string;
}

/**
 * A condition that the judge answers by its evidence: `worse than legacy`, `errors worse than legacy`,
 * `errors surely > 5%`; or, of a goal, by its interval: `response-rate worse than legacy by 2 points`. Null where the text is none of these.
 */
export function readEvidence(written: string, signals: ReadonlyMap<string, Signal | null>): Condition | Wrong | null {
  const text = written.trim();
  const worse = WORSE.exec(text);
  if (worse !== null) {
    const [, name, rest] = worse;
    const source = name === undefined ? undefined : signals.get(name)?.source;
    if (name !== undefined && source?.kind === 'goal') return readShownWorse(text, name, source, rest);
    if (rest !== undefined) return tooMuch(text, rest);
    const bound = { kind: 'worse-than-legacy', metric: null } as const;
    if (name === undefined) return { signal: ANY_SIGNAL, comparison: '>', bound, forMs: 0, text };
    const metric = metricOf(name, signals, `${name} > 2x baseline`);
    if (typeof metric !== 'string') return metric;
    const comparison = isLeast(metric) ? '<' : '>';
    return { signal: name, comparison, bound: { ...bound, metric: METRICS[metric] }, forMs: 0, text };
  }
  const surely = SURELY.exec(text);
  return surely === null ? null : readSurely(text, surely, signals);
}

const BY = /^by\s+(\d+(?:\.\d+)?)\s*(points?)?$/;

/** A goal is compared by the interval of its difference, from 0 on or from further down. */
function readShownWorse(
  text: string,
  signal: string,
  { measure, better }: GoalSource,
  rest: string | undefined,
): Condition | Wrong {
  const isRate = measure === 'rate';
  const [, amount = '0', points] = rest === undefined ? [] : (BY.exec(rest.trim()) ?? []);
  if (rest !== undefined && (amount === '0' || (points !== undefined) !== isRate)) {
    const mend = `write '${signal} worse than legacy', or '${signal} worse than legacy by 2${isRate ? ' points' : ''}'`;
    return { code: 'invalid-condition', message: `'${rest.trim()}' cannot follow 'worse than legacy' here`, mend };
  }
  const bound = { kind: 'shown-worse', by: Number(amount) } as const;
  const unit = isRate ? 'percent' : 'count';
  return { signal, comparison: better === 'higher' ? '<' : '>', bound, forMs: 0, text, unit };
}

function readSurely(
  text: string,
  [, name = '', comparison = '>', amount = '']: RegExpExecArray,
  signals: ReadonlyMap<string, Signal | null>,
): Condition | Wrong {
  const metric = metricOf(name, signals, `${name} ${comparison} ${amount}`);
  if (typeof metric !== 'string') return metric;
  const shape = isLeast(metric) ? `${name} surely < 95%` : `${name} surely > 5%`;
  if (METRICS[metric] !== 'errors') {
    const message = `'surely' is for error rates and success rates, '${name}' is ${metric}`;
    return {
      code: 'not-comparable',
      message,
      mend: `write '${name} worse than legacy', or '${name} > …' for its readings`,
    };
  }
  const [, value] = PERCENT.exec(amount) ?? [];
  if (value === undefined || Number(value) === 0 || Number(value) >= 100) {
    const message = `'${amount}' cannot be a limit that ${name} is surely beyond`;
    return {
      code: 'invalid-bound',
      message,
      mend: `write a percentage between 0 and 100 and nothing after it: '${shape}'`,
    };
  }
  if (comparison.startsWith('<') !== isLeast(metric)) {
    return { code: 'invalid-bound', message: `'${text}' would fire on what is good`, mend: `write '${shape}'` };
  }
  const bound = { kind: 'surely', value: Number(value) } as const;
  return { signal: name, comparison: comparison as Comparison, bound, forMs: 0, text, unit: 'percent' };
}

/** What is counted on both arms under the name, or why nothing is. */
function metricOf(name: string, signals: ReadonlyMap<string, Signal | null>, instead: string): ArmMetric | Wrong {
  const signal = signals.get(name);
  if (signal === undefined) {
    return { code: 'unknown-signal', message: `unknown signal '${name}'`, mend: suggest(name, signals.keys()) };
  }
  if (signal?.source.kind === 'telemetry') {
    if (signal.source.metric !== 'agreement-rate') return signal.source.metric;
    const message = `'${name}' compares both sides of a migration already: no arm has an agreement of its own`;
    return { code: 'not-comparable', message, mend: `write '${name} < 99.5%'` };
  }
  const message = `'${name}' is not telemetry, and nobody counts it on both arms`;
  return { code: 'not-comparable', message, mend: `compare its readings: '${instead}'` };
}

function isLeast(metric: ArmMetric): boolean {
  return metric === 'success-rate' || metric === 'request-rate';
}

function tooMuch(text: string, rest: string): Wrong {
  const message = `'${rest.trim()}' cannot follow 'worse than legacy': evidence gathers by itself, for as long as it takes`;
  return { code: 'invalid-condition', message, mend: `write '${text.slice(0, -rest.length)}'` };
}
