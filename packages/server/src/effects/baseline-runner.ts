import { type Baseline, learnShape, needsBaseline, type RecordedBaseline, SHAPE_NEEDS_MS } from '@theseus/core/health';
import type { Plan, Signal } from '@theseus/core/plan';
import type { Effect, EffectResult } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import type { EffectContext, EffectRunner } from '../ports/effect-runner.ts';
import type { FlagHistory, ReadHistory, SignalHistory, TelemetryHistories } from '../ports/signal-history.ts';
import { legacyOf, type MeasureArm, telemetryBaseline } from './telemetry-baseline.ts';

export interface BaselineParts {
  readonly telemetry: TelemetryHistories;
  readonly measure: MeasureArm;
  /** Reads all signals that are no telemetry. */
  readonly readHistory: ReadHistory;
  readonly now: () => number;
  /** Resolves after so long, or as soon as the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Fewer requests of a flag's legacy arm are no baseline. */
const LEAST_REQUESTS = 20;
/** Telemetry that reaches back less far is waited for; of a longer span as much is taken as there is. */
const LEAST_REACH_MS = 86_400_000;
const SHORTEST_POLL_MS = 250;
const LONGEST_POLL_MS = 10_000;
const POLLS_WANTED = 200;
/** Traffic that has not come so long after the time that is waited for will not come. */
const PATIENCE_MS = 60_000;
/** A source that fails once may only have been restarted. */
const TRIES = 3;
const TRY_AGAIN_MS = 2_000;
/** Digits of the values of hours: as many as anybody can measure, and few to be kept with the run. */
const DIGITS = 6;

/** Shapes that a run keeps at the most: they are part of its state, which is written with each event. */
const MOST_SHAPES = 200;

/** By flag; `*` is what belongs to none. */
type Baselines = Readonly<Record<string, Baseline>>;

/** What has been recorded, or why not, for people. */
type Recorded =
  | { readonly kind: 'recorded'; readonly baselines: Baselines }
  | { readonly kind: 'missing'; readonly problem: string };

type BaselineRequest = Extract<Effect['request'], { readonly kind: 'baseline' }>;

interface Asked {
  readonly request: BaselineRequest;
  readonly context: EffectContext;
  readonly signals: readonly Signal[];
  readonly deadline: number;
}

/**
 * Records what legacy does before anything moves: per flag from its telemetry, once for every other signal.
 *
 * It waits until the flag's telemetry reaches back over the span that the plan asks for, or over a day of it: a rate over
 * a span that was only partly measured would be too low, and an hour of night no baseline for a day.
 */
export function baselineRunner(parts: BaselineParts): EffectRunner {
  return {
    run: async (effect, context): Promise<EffectResult> => {
      if (effect.request.kind !== 'baseline') throw new Error(`${effect.id} is not a baseline`);
      const { request } = effect;
      const startedAt = parts.now();
      const deadline = startedAt + (effect.timeoutMs ?? reachWanted(request) + PATIENCE_MS);
      const asked = { request, context, signals: baselineSignals(context.plan), deadline };
      const failed = (problem: string): EffectResult => {
        return { outcome: 'failed', summary: `no baseline: ${problem}`, durationMs: parts.now() - startedAt };
      };
      const byFlag = await recordTelemetry(parts, asked);
      if (byFlag.kind === 'missing') return failed(byFlag.problem);
      const others = await recordOthers(parts, asked);
      if (others.kind === 'missing') return failed(others.problem);
      const durationMs = parts.now() - startedAt;
      const baselines = merged(byFlag.baselines, others.baselines);
      return { outcome: 'succeeded', summary: summaryOf(request, asked.signals, baselines), durationMs, baselines };
    },
  };
}

/** Only signals that some rule compares with the baseline are worth recording; where none does, all are. */
function baselineSignals({ gates, contingencies, signals }: Plan): readonly Signal[] {
  const judged = [...Object.values(gates), ...Object.values(contingencies).flatMap(({ gate }) => gate ?? [])];
  const conditions = judged.flatMap(({ rules }) => rules.map(({ condition }) => condition));
  const named = new Set(conditions.filter(needsBaseline).map(({ signal }) => signal));
  const all = Object.values(signals);
  return named.size === 0 ? all : all.filter(({ name }) => named.has(name));
}

function reachWanted({ overMs }: BaselineRequest): number {
  return Math.min(overMs, LEAST_REACH_MS);
}

async function recordTelemetry(parts: BaselineParts, asked: Asked): Promise<Recorded> {
  const { request, context, signals, deadline } = asked;
  const telemetry = signals.filter(({ source }) => source.kind === 'telemetry');
  const baselines: Record<string, Baseline> = {};
  const pollMs = Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, reachWanted(request) / POLLS_WANTED));
  for (;;) {
    const missing: string[] = [];
    for (const flag of telemetry.length === 0 ? [] : request.flags) {
      if (baselines[flag] !== undefined) continue;
      const found = await recordFlag(parts, asked, flag, telemetry);
      if (typeof found === 'string') missing.push(found);
      else baselines[flag] = found;
    }
    if (missing.length === 0) return { kind: 'recorded', baselines };
    if (parts.now() >= deadline || context.signal.aborted) return { kind: 'missing', problem: missing.join('; ') };
    await parts.pause(pollMs, context.signal);
  }
}

/** The baseline of a flag's telemetry, or what is still lacking. */
async function recordFlag(
  { telemetry, measure, now }: BaselineParts,
  asked: Asked,
  flag: string,
  signals: readonly Signal[],
): Promise<Baseline | string> {
  const { request, context } = asked;
  const { environment } = context.plan;
  const oldestAt = await telemetry.reach(flag, environment);
  const to = now();
  const reachMs = oldestAt === null ? 0 : to - oldestAt;
  const wantedMs = reachWanted(request);
  if (oldestAt === null || reachMs < wantedMs) {
    return `telemetry of ${flag} reaches back ${formatDuration(reachMs)} of ${formatDuration(wantedMs)}`;
  }
  const span = { from: Math.max(oldestAt, to - request.overMs), to };
  const hours = await telemetry.hours(flag, environment, span);
  if (legacyOf(hours).requests < LEAST_REQUESTS) return `fewer than ${LEAST_REQUESTS} requests on legacy for ${flag}`;
  const values = signals.flatMap((signal): readonly (readonly [string, RecordedBaseline])[] => {
    if (signal.source.kind !== 'telemetry') return [];
    const history = telemetryBaseline(hours, span, { metric: signal.source.metric, measure });
    return history === null ? [] : [[signal.name, recordedOf(signal, history, asked)]];
  });
  return Object.fromEntries(values);
}

/** All signals but telemetry; whichever cannot be read is named, and asked again some times before. */
async function recordOthers(parts: BaselineParts, asked: Asked): Promise<Recorded> {
  const { request, context, signals } = asked;
  const { runId, plan } = context;
  const { flags, overMs } = request;
  const baselines: Record<string, Record<string, RecordedBaseline>> = { '*': {} };
  let left = signals.filter(({ source }) => source.kind !== 'telemetry');
  for (let tries = 1; ; tries += 1) {
    const to = parts.now();
    const of = { runId, environment: plan.environment, flags, from: to - overMs, to };
    const answers = await Promise.all(
      left.map(async (signal) => ({ signal, found: await parts.readHistory({ ...of, signal }) })),
    );
    for (const { signal, found } of answers) {
      for (const { flag, answer } of found) {
        if (answer.kind !== 'history') continue;
        baselines[flag ?? '*'] = {
          ...baselines[flag ?? '*'],
          [signal.name]: recordedOf(signal, answer.history, asked),
        };
      }
    }
    const failed = answers.filter(({ found }) => found.some(({ answer }) => answer.kind === 'unreadable'));
    if (failed.length === 0) return { kind: 'recorded', baselines };
    if (tries === TRIES || context.signal.aborted) {
      return { kind: 'missing', problem: failed.flatMap(({ signal, found }) => problemsOf(signal, found)).join('; ') };
    }
    left = failed.map(({ signal }) => signal);
    await parts.pause(TRY_AGAIN_MS, context.signal);
  }
}

function problemsOf({ name }: Signal, found: readonly FlagHistory[]): readonly string[] {
  return found.flatMap(({ flag, answer }) =>
    answer.kind === 'history' ? [] : `${name} cannot be read${flag === null ? '' : ` for ${flag}`}: ${answer.problem}`,
  );
}

function recordedOf(signal: Signal, history: SignalHistory, asked: Asked): RecordedBaseline {
  const { value, over, sample, source, query } = history;
  return {
    value,
    unit: signal.unit,
    over,
    ...(sample === undefined ? {} : { sample }),
    source,
    ...(query === undefined ? {} : { query }),
    ...shapeOf(signal, history, asked),
  };
}

function shapeOf(
  { source }: Signal,
  { value, hours }: SignalHistory,
  { request: { overMs, shape, flags }, signals }: Asked,
): Pick<RecordedBaseline, 'shape' | 'noShape'> {
  if (shape === 'none' || (shape === undefined && overMs < SHAPE_NEEDS_MS)) return {};
  if (hours === null) return { noShape: `${source.kind} signals have no history that could be read` };
  if (flags.length * signals.length > MOST_SHAPES) {
    return { noShape: `hours of the week are kept of ${MOST_SHAPES} flags times signals at the most` };
  }
  const learnt = learnShape(hours, value);
  if (learnt.kind === 'none') return { noShape: learnt.why };
  const rounded = learnt.shape.hours.map((hour) => Number(hour.toPrecision(DIGITS)));
  return { shape: { ...learnt.shape, hours: rounded } };
}

function merged(left: Baselines, right: Baselines): Baselines {
  const flags = [...new Set([...Object.keys(left), ...Object.keys(right)])];
  return Object.fromEntries(flags.map((flag) => [flag, { ...left[flag], ...right[flag] }]));
}

function summaryOf({ flags }: BaselineRequest, signals: readonly Signal[], baselines: Baselines): string {
  const recorded = Object.values(baselines).flatMap((baseline) => Object.values(baseline));
  const shaped = recorded.filter((each) => typeof each === 'object' && each.shape !== undefined).length;
  const shapes = shaped === 0 ? '' : `, ${shaped} of ${recorded.length} by the hour of the week`;
  return `recorded for ${flags.length} flags: ${signals.map(({ name }) => name).join(', ') || 'no signal'}${shapes}`;
}
