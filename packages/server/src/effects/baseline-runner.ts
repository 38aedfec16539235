import { type ArmTelemetry, type Baseline, needsBaseline, type Reading } from '@theseus/core/health';
import type { Plan, Signal, TelemetryMetric } from '@theseus/core/plan';
import type { EffectResult } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { ReadingRequest } from '../ports/reading-request.ts';

export interface BaselineParts {
  readonly window: (
    flag: string,
    fromMs: number,
    toMs: number,
    environment: string,
  ) => Promise<{
    readonly legacy: ArmTelemetry;
    readonly candidate: ArmTelemetry;
    /** Since when the flag's traffic is known at all. */
    readonly oldestAt: number | null;
  }>;
  readonly measure: (arm: ArmTelemetry, metric: TelemetryMetric) => number | null;
  readonly readAll: (requests: readonly ReadingRequest[]) => Promise<readonly Reading[]>;
  readonly now: () => number;
  /** Resolves after so long, or as soon as the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Fewer requests of a flag's legacy arm are no baseline. */
const LEAST_REQUESTS = 20;
const POLL_MS = 250;
/** Traffic that has not come so long after the whole span has passed will not come. */
const PATIENCE_MS = 60_000;

/**
 * Records what legacy does before anything moves: per flag from its telemetry, once for every other signal.
 *
 * It waits until the flag's telemetry reaches back over the whole span that the plan asks for: a rate over a span that
 * was only partly measured would be too low, and an hour of night no baseline for a day.
 */
export function baselineRunner(parts: BaselineParts): EffectRunner {
  return {
    run: async (effect, { runId, plan, signal }): Promise<EffectResult> => {
      if (effect.request.kind !== 'baseline') throw new Error(`${effect.id} is not a baseline`);
      const { overMs, flags } = effect.request;
      const startedAt = parts.now();
      const deadline = startedAt + (effect.timeoutMs ?? overMs + PATIENCE_MS);
      const telemetry = baselineSignals(plan).filter(({ source }) => source.kind === 'telemetry');
      const baselines: Record<string, Baseline> = {};
      for (;;) {
        const missing = await recordFlags(
          parts,
          telemetry,
          { flags, overMs, environment: plan.environment },
          baselines,
        );
        if (missing.length === 0) break;
        if (parts.now() >= deadline || signal.aborted) {
          const summary = `no baseline: ${missing.join('; ')}`;
          return { outcome: 'failed', summary, durationMs: parts.now() - startedAt };
        }
        await parts.pause(POLL_MS, signal);
      }
      const shared = await recordShared(parts, plan, runId);
      if (typeof shared === 'string')
        return { outcome: 'failed', summary: shared, durationMs: parts.now() - startedAt };
      const summary = `recorded for ${flags.length} flags: ${telemetry.map(({ name }) => name).join(', ') || 'no telemetry'}`;
      return {
        outcome: 'succeeded',
        summary,
        durationMs: parts.now() - startedAt,
        baselines: { ...baselines, '*': shared },
      };
    },
  };
}

/** Only signals that some rule compares with the baseline are worth recording; where none does, all are. */
function baselineSignals(plan: Plan): readonly Signal[] {
  const bounds = Object.values(plan.gates).flatMap(({ rules }) => rules.map(({ condition }) => condition));
  const named = new Set(bounds.filter(needsBaseline).map(({ signal }) => signal));
  const signals = Object.values(plan.signals);
  return named.size === 0 ? signals : signals.filter(({ name }) => named.has(name));
}

/** Fills in what is known and returns what is still lacking, flag by flag. */
async function recordFlags(
  parts: BaselineParts,
  signals: readonly Signal[],
  {
    flags,
    overMs,
    environment,
  }: { readonly flags: readonly string[]; readonly overMs: number; readonly environment: string },
  baselines: Record<string, Baseline>,
): Promise<readonly string[]> {
  if (signals.length === 0) return [];
  const missing: string[] = [];
  const now = parts.now();
  for (const flag of flags) {
    const { legacy, candidate, oldestAt } = await parts.window(flag, now - overMs, now, environment);
    const coveredMs = oldestAt === null ? 0 : now - oldestAt;
    if (legacy.requests < LEAST_REQUESTS || coveredMs < overMs) {
      missing.push(
        coveredMs < overMs
          ? `telemetry of ${flag} reaches back ${formatDuration(coveredMs)} of ${formatDuration(overMs)}`
          : `fewer than ${LEAST_REQUESTS} requests on legacy for ${flag}`,
      );
      continue;
    }
    const values = signals.flatMap(({ name, source }): readonly (readonly [string, number])[] => {
      if (source.kind !== 'telemetry') return [];
      const rate = ((legacy.requests + candidate.requests) * 1_000) / overMs;
      const value = source.metric === 'request-rate' ? rate : parts.measure(legacy, source.metric);
      return value === null ? [] : [[name, value]];
    });
    baselines[flag] = Object.fromEntries(values);
  }
  return missing;
}

async function recordShared(parts: BaselineParts, plan: Plan, runId: string): Promise<Baseline | string> {
  const now = parts.now();
  const signals = baselineSignals(plan).filter(({ source }) => source.kind !== 'telemetry');
  const readings = await parts.readAll(
    signals.map((signal) => ({ runId, environment: plan.environment, signal, flag: null, since: now, now })),
  );
  const unread = readings.find(({ status }) => status !== 'ok');
  if (unread !== undefined) return `no baseline for ${unread.signal}: ${unread.problem ?? unread.status}`;
  return Object.fromEntries(readings.map(({ signal, value }) => [signal, value ?? 0]));
}
