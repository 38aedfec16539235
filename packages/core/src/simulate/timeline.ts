import type { PhaseView, StepView } from '../rollout/index.ts';
import type { SimulationResult } from './simulate.ts';

/** From when to when; null where it did not begin, or had not ended when the simulation did. */
interface Span {
  readonly startAt: number | null;
  readonly endAt: number | null;
}

export interface PhaseSpan extends Span {
  readonly name: string;
  readonly title: string;
  readonly status: PhaseView['status'];
  readonly steps: readonly StepSpan[];
}

export interface StepSpan extends Span {
  readonly id: string;
  readonly title: string;
  readonly kind: StepView['kind'];
  readonly status: StepView['status'];
  readonly stages: readonly StageSpan[];
}

/** A stage of a ramp, with all time spent at its exposure, holds and approvals included. */
export interface StageSpan extends Span {
  readonly exposurePercent: number;
}

/** A flag's exposure over time, with one point for each change. */
export interface ExposureSeries {
  readonly flag: string;
  readonly points: readonly { readonly at: number; readonly percent: number }[];
}

/** Phases, steps and stages in the order of the plan, with their moments. */
export function timelineOf(result: SimulationResult): readonly PhaseSpan[] {
  const series = new Map(exposureSeriesOf(result).map((known) => [known.flag, known]));
  return result.view.phases.map((phase) => ({
    name: phase.name,
    title: phase.title,
    status: phase.status,
    ...spanOf(phase),
    steps: phase.steps.map((step) => stepSpan(step, series)),
  }));
}

/** How each flag's exposure goes, in the order of the plan's flags; without those that never move. */
export function exposureSeriesOf({ events, view }: SimulationResult): readonly ExposureSeries[] {
  const points = new Map<string, { at: number; percent: number }[]>(view.flags.map(({ key }) => [key, []]));
  for (const event of events) {
    if (event.type === 'flag.exposure-changed')
      points.get(event.flag)?.push({ at: event.at, percent: event.to / 1_000 });
    // Where a stage is reached everybody is at it, and nobody at the next one yet.
    if (event.type === 'flag.stage-changed') points.get(event.flag)?.push({ at: event.at, percent: 0 });
  }
  return [...points].flatMap(([flag, own]) => (own.length === 0 ? [] : [{ flag, points: own }]));
}

function stepSpan(step: StepView, series: ReadonlyMap<string, ExposureSeries>): StepSpan {
  const { id, title, kind, status, ramp } = step;
  const span = spanOf(step);
  const points = ramp === null ? [] : (series.get(ramp.flag)?.points ?? []);
  const stages = points.map(({ at, percent }, index) => ({
    exposurePercent: percent,
    startAt: at,
    endAt: points[index + 1]?.at ?? span.endAt,
  }));
  return { id, title, kind, status, ...span, stages: stages.filter((stage) => isWithin(stage, span)) };
}

/** A rollback long after the ramp belongs to no stage of it, nor does what another stage of a migration did before. */
function isWithin(stage: StageSpan, { startAt, endAt }: Span): boolean {
  const at = stage.startAt ?? 0;
  return stage.exposurePercent > 0 && at >= (startAt ?? 0) && (endAt === null || at <= endAt);
}

function spanOf(view: { readonly startedAt: number | null; readonly endedAt: number | null }): Span {
  return { startAt: view.startedAt, endAt: view.endedAt };
}
