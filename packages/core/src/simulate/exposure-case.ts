import { EXPOSURE_WHOLE } from '../flag/index.ts';
import {
  ANY_SIGNAL,
  type Condition,
  type GateRule,
  isReadCondition,
  thresholdOf,
  type WatchTarget,
} from '../health/index.ts';
import { baselineOf, type RolloutState, soakOf } from '../rollout/index.ts';
import { formatDuration } from '../time/index.ts';
import { telemetrySignal, type UsualValues } from './modelled-traffic.ts';
import type { Load, VirtualRun, VirtualRunOptions } from './virtual-run.ts';
import type { SignalFault } from './what-if.ts';

/**
 * Why nobody is taken back: too little traffic for the gate to judge, a ramp that ends before the rule fires, or another
 * rule or a person who keeps it.
 */
export type NeverReason = 'too-few-requests' | 'outlives-the-ramp' | 'not-taken-back';

/** What a fault that a rule is there for does, when it begins right after a stage was entered. */
export interface ExposureCase {
  readonly stepId: string;
  /** The flag that goes bad; null where a watch belongs to none. */
  readonly flag: string | null;
  readonly gate: string;
  /** Which of the gate's rules, from 0. */
  readonly rule: number;
  /** `errors > 5%: rollback now`. */
  readonly ruleText: string;
  /** When the stage was entered and the fault began, epoch milliseconds. */
  readonly at: number;
  readonly exposurePercent: number;
  /** The largest exposure the fault met. */
  readonly worstPercent: number;
  /** The most people on the broken candidate at once. */
  readonly people: number;
  /** From the fault to the decision to roll back. */
  readonly detectedMs: number | null;
  /** From the fault until every instance serves legacy to everybody. */
  readonly goneMs: number | null;
  /** People times minutes on the broken candidate; null when nobody is taken back. */
  readonly personMinutes: number | null;
  readonly never: NeverReason | null;
}

/** A rule that can take people back, and whose fault is to be played. */
export interface CaseRequest {
  /** The run as it is right after the stage was entered. It is not changed. */
  readonly run: VirtualRun;
  readonly options: VirtualRunOptions & { readonly load: Load };
  readonly target: WatchTarget;
  readonly rule: GateRule;
  readonly ruleIndex: number;
  /** What signals read when all is well. */
  readonly healthy: UsualValues;
}

/** A fault is this much beyond what its rule allows: the mildest one is what takes longest to be found. */
const BEYOND = 0.1;
/** Beyond all that a rule waits for, so much time is left for looks, confirmations and commands. */
const SLACK_MS = 3_600_000;

/** Plays the fault until everybody is back on legacy, by the engine's own decisions; null where nobody is exposed or nothing is known to compare with. */
export function playExposureCase(request: CaseRequest): ExposureCase | null {
  const { run, options, target, rule } = request;
  const fault = faultOf(request);
  if (fault === null) return null;
  const broken = run.fork({ ...options, whatIf: [fault, ...options.whatIf] });
  const exposure = new Exposure(broken, target);
  if (exposure.isGone()) return null;
  const latest = broken.now + longest(request);
  while (!exposure.isGone() && broken.advance(latest)) exposure.follow();
  return {
    stepId: target.stepId,
    flag: target.flag,
    gate: target.gate.name,
    rule: request.ruleIndex,
    ruleText: `${rule.condition.text}: ${actionText(rule)}`,
    at: run.now,
    ...exposure.result(options.load.users),
    never: exposure.isGone() ? null : neverReason(broken, request),
  };
}

/** Whether a case is worse: a fault that takes nobody back first, then people times minutes, then people. */
export function isWorse(known: ExposureCase, than: ExposureCase): boolean {
  const [minutes, most] = [known, than].map(({ personMinutes }) => personMinutes ?? Number.POSITIVE_INFINITY);
  return minutes === most ? known.people > than.people : (minutes ?? 0) > (most ?? 0);
}

/** How many people times minutes a virtual run has had on the candidate that is watched. */
class Exposure {
  readonly #run: VirtualRun;
  readonly #flags: readonly string[];
  readonly #began: number;
  readonly #served = new Map<string, number>();
  readonly #first: number;
  #since: number;
  #level: number;
  #worst: number;
  /** Parts of 100 000 times milliseconds. */
  #sum = 0;

  constructor(run: VirtualRun, target: WatchTarget) {
    this.#run = run;
    const { flags } = run.state;
    this.#flags = target.flag === null ? Object.keys(flags) : [target.flag];
    this.#began = run.now;
    this.#since = run.now;
    for (const key of this.#flags) this.#served.set(key, flags[key]?.exposure ?? 0);
    this.#level = Math.max(0, ...this.#served.values());
    this.#first = this.#level;
    this.#worst = this.#level;
  }

  follow(): void {
    const { now, state } = this.#run;
    this.#sum += this.#level * (now - this.#since);
    this.#since = now;
    for (const key of this.#flags) this.#served.set(key, servedBy(state, key, this.#served.get(key) ?? 0));
    this.#level = Math.max(0, ...this.#served.values());
    this.#worst = Math.max(this.#worst, this.#level);
  }

  isGone(): boolean {
    return this.#level === 0;
  }

  result(users: number) {
    const initiated = this.#run.events.find(
      (event) => event.type === 'rollback.initiated' && event.flags.some((key) => this.#flags.includes(key)),
    );
    return {
      exposurePercent: this.#first / 1_000,
      worstPercent: this.#worst / 1_000,
      people: Math.ceil((users * this.#worst) / 100_000),
      detectedMs: initiated === undefined ? null : initiated.at - this.#began,
      goneMs: this.isGone() ? this.#since - this.#began : null,
      personMinutes: this.isGone() ? Math.round((users * this.#sum) / 100_000 / 60_000) : null,
    };
  }
}

/** What instances serve at the most: more counts as soon as it is decided, less only when it is confirmed. */
function servedBy(state: RolloutState, key: string, before: number): number {
  const flag = state.flags[key];
  if (flag === undefined) return 0;
  return flag.confirmed ? flag.exposure : Math.max(flag.exposure, before);
}

function faultOf(request: CaseRequest): SignalFault | null {
  const { run, options, target, rule } = request;
  const { plan } = run.state;
  const found = isReadCondition(rule.condition) ? readFault(request, rule.condition) : judgedFault(request);
  if (found === null) return null;
  const isOwn =
    plan.signals[found.signal] === undefined ||
    ['telemetry', 'goal'].includes(plan.signals[found.signal]?.source.kind ?? '');
  const own = isOwn && target.flag !== null ? { flag: target.flag } : {};
  return { kind: 'signal', ...found, atMs: run.now - options.startAt, ...own };
}

type Faulty = Pick<SignalFault, 'signal'> & { readonly value: number };

function readFault({ run: { state, now }, target, healthy }: CaseRequest, condition: Condition): Faulty | null {
  const { signal } = condition;
  const usual = healthy[signal] ?? 0;
  const reading = { signal, status: 'ok', value: usual, legacy: usual, ageMs: 0, source: '' } as const;
  if (condition.bound.kind === 'shown-worse') return { signal, value: clearlyWorse(usual, condition) };
  const threshold = thresholdOf(condition, { reading, baseline: baselineOf(state, target.flag), at: now });
  if (threshold === null) return null;
  return { signal, value: beyond(threshold, condition, state.plan.signals[signal]?.unit === 'percent') };
}

/** So many times as many failures, or so many times as slow: what a judge is there to find. */
const TIMES_THE_ERRORS = 5;
const TIMES_AS_SLOW = 2;
const USUAL_ERRORS = 0.5;

/** A candidate that is clearly worse than legacy, or clearly beyond the limit. Less traffic for each user is not modelled. */
function judgedFault({ run: { state }, target, rule: { condition }, healthy }: CaseRequest): Faulty | null {
  const { bound } = condition;
  // With everybody on the candidate there is nobody to compare them with.
  const isAlone = bound.kind === 'worse-than-legacy' && state.flags[target.flag ?? '']?.exposure === EXPOSURE_WHOLE;
  if (isAlone || (bound.kind === 'worse-than-legacy' && bound.metric === 'throughput')) return null;
  if (bound.kind === 'worse-than-legacy' && bound.metric === 'latency') {
    return { signal: condition.signal, value: (healthy[condition.signal] ?? 0) * TIMES_AS_SLOW };
  }
  const signal = telemetrySignal(state.plan, ['error-rate']) ?? telemetrySignal(state.plan, ['success-rate']);
  const isSuccess = signal?.source.kind === 'telemetry' && signal.source.metric === 'success-rate';
  const value = healthy[signal?.name ?? ''];
  const usual = value === undefined ? USUAL_ERRORS : isSuccess ? 100 - value : value;
  const limit = bound.kind === 'surely' ? (condition.comparison.startsWith('<') ? 100 - bound.value : bound.value) : 0;
  const errors = Math.min(100, Math.max(usual, limit) * TIMES_THE_ERRORS);
  return { signal: signal?.name ?? ANY_SIGNAL, value: isSuccess ? 100 - errors : errors };
}

/** A goal that half as many reach, or twice as many where that is bad, and by more than the rule lets pass. */
function clearlyWorse(usual: number, { bound, comparison }: Condition): number {
  const by = bound.kind === 'shown-worse' ? bound.by : 0;
  return comparison === '<' ? Math.min(usual / 2, usual - 2 * by) : Math.max(usual * 2, usual + 2 * by);
}

function beyond(threshold: number, { comparison }: Condition, isPercent: boolean): number {
  const step = Math.max(Math.abs(threshold) * BEYOND, 0.001);
  if (comparison.startsWith('<')) return isPercent ? Math.max(0, threshold - step) : threshold - step;
  return isPercent && threshold < 100 ? Math.min((threshold + 100) / 2, threshold + step) : threshold + step;
}

/** No rule takes longer than its `for`, the time its signal looks back, its descent, and what slows instances. */
function longest({ run, options, target, rule }: CaseRequest): number {
  const { condition, action } = rule;
  // Evidence gathers for as long as the ramp lasts.
  const judgedMs = isReadCondition(condition) ? 0 : 3 * soakOf(run.state, target.stepId);
  const overMs = run.state.plan.signals[condition.signal]?.overMs ?? 0;
  const descentMs = action.kind === 'rollback' ? action.overMs : 0;
  const slowMs = Math.max(0, ...options.whatIf.map((fault) => (fault.kind === 'instances' ? fault.delayMs : 0)));
  return judgedMs + condition.forMs + overMs + descentMs + 2 * slowMs + 10 * target.gate.everyMs + SLACK_MS;
}

function neverReason(run: VirtualRun, { target, rule }: CaseRequest): NeverReason {
  if (run.state.steps[target.stepId]?.status === 'completed') return 'outlives-the-ramp';
  const verdict = run.watches.get(target.id)?.verdict;
  if (!isReadCondition(rule.condition) && verdict?.judgement?.verdict !== 'fail') return 'too-few-requests';
  const starved = verdict?.rules.some(
    (result) => result.verdict === 'inconclusive' && result.sample !== null && result.sample < target.gate.minSample,
  );
  return starved === true ? 'too-few-requests' : 'not-taken-back';
}

function actionText({ action }: GateRule): string {
  if (action.kind !== 'rollback') return action.kind;
  const scope = action.scope === 'flag' ? '' : ` ${action.scope}`;
  return `rollback${scope} ${action.overMs === 0 ? 'now' : `over ${formatDuration(action.overMs)}`}`;
}
