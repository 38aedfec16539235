import type { Foresight, PhaseSpan, StepSpan } from '@theseus/core/simulate';
import { formatDuration } from '@theseus/core/time';
import { momentText } from './foresight-report.ts';
import { type Html, html } from './html.ts';

/** Charts are drawn this wide and stretched to whatever room there is; texts stand outside of them. */
export const CHART_WIDTH = 1_000;
const BAR_HEIGHT = 16;
/** What lasts a moment only is still drawn so wide. */
const THINNEST = 3;
/** A plan with more steps than this is drawn by phases. */
const MOST_STEPS = 300;

interface Frame {
  readonly foresight: Foresight;
  readonly withSteps: boolean;
}

/** Phases, steps and stages as bars over one axis of time; people who are waited for stand out. */
export function timelineChart(foresight: Foresight): Html {
  const steps = foresight.timeline.reduce((sum, phase) => sum + phase.steps.length, 0);
  const frame = { foresight, withSteps: steps <= MOST_STEPS };
  return html`<p class="small quiet"><span class="keyed"><span class="key accent"></span>at work, stronger with more exposure</span> <span class="keyed"><span class="key warn"></span>waits for people or is held</span> <span class="keyed"><span class="key bad"></span>rolled back</span></p>
${foresight.timeline.map((phase) => phaseRows(frame, phase))}
<div class="row">${axis(foresight)}</div>`;
}

/** The beginning, the middle and the end of the simulated time. */
export function axis({ simulation: { startedAt, endedAt }, zone }: Foresight): Html {
  const moments = [startedAt, (startedAt + endedAt) / 2, endedAt].map((at) => momentText(at, zone));
  const [first = '', middle = '', last = ''] = moments;
  return html`<div class="axis"><span>${first}</span><span class="middle">${middle}</span><span>${last}</span></div>`;
}

/** Where a moment stands on the axis, 0 to {@link CHART_WIDTH}. */
export function positionOf({ simulation: { startedAt, endedAt } }: Foresight, at: number): number {
  const share = (at - startedAt) / Math.max(1, endedAt - startedAt);
  return Math.round(Math.min(1, Math.max(0, share)) * CHART_WIDTH * 10) / 10;
}

function phaseRows(frame: Frame, phase: PhaseSpan): Html {
  const { foresight, withSteps } = frame;
  const bar = phase.startAt === null ? [] : [rect(foresight, phase, 'span phase', 1)];
  return html`${row(frame, { kind: 'phase', name: phase.title, status: phase.status, span: phase, bars: bar })}
${withSteps ? phase.steps.map((step) => stepRow(frame, step)) : ''}`;
}

function stepRow(frame: Frame, step: StepSpan): Html {
  const { foresight } = frame;
  const status = step.status === 'rolled-back' ? ' rolled-back' : '';
  const whole = step.startAt === null || step.stages.length > 0 ? [] : [rect(foresight, step, `span${status}`, 0.75)];
  const stages = step.stages.map((stage) =>
    rect(foresight, stage, `span${status}`, 0.3 + (0.7 * stage.exposurePercent) / 100, `${stage.exposurePercent} %`),
  );
  const still = standstills(foresight, step).map(({ title, ...span }) => rect(foresight, span, 'still', 1, title));
  const bars = [...whole, ...stages, ...still];
  return row(frame, { kind: 'step', name: step.title, status: step.status, span: step, bars });
}

interface Standstill {
  readonly startAt: number;
  readonly endAt: number | null;
  readonly title: string;
}

/** When a step waited for people, or was held. */
function standstills({ approvals, simulation: { events } }: Foresight, step: StepSpan): readonly Standstill[] {
  const asked = approvals
    .filter(({ stepId }) => stepId === step.id)
    .map(({ at, givenAt, of }) => ({ startAt: at, endAt: givenAt ?? step.endAt, title: `waits for ${of}` }));
  const own = events.filter((event) => 'stepId' in event && event.stepId === step.id);
  const held = own.flatMap((event, index): readonly Standstill[] => {
    if (event.type !== 'step.held') return [];
    const released = own.slice(index).find(({ type }) => type === 'step.released' || type === 'step.started');
    return [{ startAt: event.at, endAt: released?.at ?? step.endAt, title: `held: ${event.reason}` }];
  });
  return [...asked, ...held];
}

interface Row {
  readonly kind: 'phase' | 'step';
  readonly name: string;
  readonly status: string;
  readonly span: Pick<PhaseSpan, 'startAt' | 'endAt'>;
  readonly bars: readonly Html[];
}

function row({ foresight }: Frame, { kind, name, status, span, bars }: Row): Html {
  const { startAt, endAt } = span;
  const took = startAt === null ? '' : formatDuration((endAt ?? foresight.simulation.endedAt) - startAt);
  const when = startAt === null ? 'not reached' : `from ${momentText(startAt, foresight.zone)}, ${took}`;
  const state =
    status === 'completed' ? '' : html` <span class="${status === 'pending' ? 'quiet' : 'bad'}">${status}</span>`;
  return html`<div class="row ${kind}"><span class="name">${name}${state}</span><svg class="bar" viewBox="0 0 ${CHART_WIDTH} ${BAR_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name}: ${when}"><title>${when}</title><rect class="track" x="0" y="0" width="${CHART_WIDTH}" height="${BAR_HEIGHT}"/>${bars}</svg><span class="took small quiet">${took}</span></div>
`;
}

function rect(foresight: Foresight, { startAt, endAt }: Row['span'], style: string, opacity: number, title = ''): Html {
  const from = positionOf(foresight, startAt ?? foresight.simulation.startedAt);
  const to = positionOf(foresight, endAt ?? foresight.simulation.endedAt);
  const x = Math.min(from, CHART_WIDTH - THINNEST);
  const width = Math.round(Math.max(THINNEST, to - x) * 10) / 10;
  return html`<rect class="${style}" x="${x}" y="0" width="${width}" height="${BAR_HEIGHT}" fill-opacity="${Math.round(opacity * 100) / 100}">${title === '' ? '' : html`<title>${title}</title>`}</rect>`;
}
