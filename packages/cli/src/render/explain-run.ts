import type { Explanation, MetricComparison } from '@theseus/core/health';
import type { RolloutEvent, RunView } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import { utcClock } from './describe-event.ts';
import { metricLines } from './metric-lines.ts';

export interface JudgedNow extends Explanation {
  readonly step: string;
  readonly flag: string | null;
  readonly verdict: string | null;
}

export interface ExplainedRun {
  readonly judged: readonly JudgedNow[];
  /** What users of each variant have reached so far. */
  readonly metrics: readonly MetricComparison[];
  readonly lines: readonly string[];
}

/** Why each gate that looks now says what it says, and what is known of the metrics. */
export function explainRun(run: RunView): ExplainedRun {
  const looked = run.phases.flatMap(({ steps }) =>
    steps.flatMap(({ id, health }) => health.map((view) => ({ step: id, view }))),
  );
  const lines = looked.flatMap(({ step, view }) => {
    const { flag, gate, verdict, explanation, soakedMs, soakMs } = view;
    const soak = `${formatDuration(Math.min(soakedMs, soakMs))} of ${formatDuration(soakMs)} healthy`;
    return [
      `${step}${flag === null ? '' : ` (${flag})`}, gate ${gate}: ${verdict ?? 'not judged yet'}, ${soak}`,
      `  ${explanation.headline}`,
      ...explanation.lines.map((line) => `  - ${line}`),
    ];
  });
  const judged = looked.map(({ step, view: { flag, verdict, explanation } }) => ({
    step,
    flag,
    verdict,
    ...explanation,
  }));
  const metrics = run.flags.flatMap((flag) => flag.metrics ?? []);
  return { judged, metrics, lines: [...lines, ...metrics.flatMap((metric) => metricLines(metric))] };
}

const ACTS: Readonly<Record<string, string>> = {
  'rollback.initiated': 'rolled back',
  'step.held': 'held',
  'step.warned': 'warned',
  'contingency.fired': 'a contingency acted',
};

/** What health led to, and the rules it rested on. */
export function explainEvent(event: RolloutEvent): readonly string[] {
  if (!('evidence' in event) || event.evidence === null) return [];
  const { rules } = event.evidence.verdict;
  const of = 'stepId' in event ? ` ${event.stepId}` : 'target' in event ? ` ${event.scope} ${event.target}` : '';
  return [
    `${utcClock(event.at)} UTC ${ACTS[event.type] ?? event.type}${of}`,
    `  ${event.reason}`,
    ...rules
      .filter(({ verdict }) => verdict !== 'pass')
      .map(({ rule, verdict, text }) => `  - ${rule}: ${verdict}, ${text}`),
  ];
}
