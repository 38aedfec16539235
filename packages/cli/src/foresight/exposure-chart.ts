import type { ExposureCase, ExposureSeries, Foresight } from '@theseus/core/simulate';
import { caseText, worstPerFlag } from './foresight-report.ts';
import { type Html, html } from './html.ts';
import { axis, CHART_WIDTH, positionOf } from './timeline-chart.ts';

const HEIGHT = 100;
/** More ramps than this make no picture. */
const MOST_FLAGS = 100;

/** Each flag's exposure over time, with what a fault at its worst moment would do to people. */
export function exposureChart(foresight: Foresight): Html {
  const worst = new Map(worstPerFlag(foresight.cases).map((known) => [known.flag, known]));
  const shown = foresight.exposure.slice(0, MOST_FLAGS);
  const left = foresight.exposure.length - shown.length;
  return html`${shown.map((series) => rampOf(foresight, series, worst.get(series.flag)))}
${left === 0 ? '' : html`<p class="quiet">${left} more flags are not drawn.</p>`}
${axis(foresight)}`;
}

function rampOf(foresight: Foresight, series: ExposureSeries, worst: ExposureCase | undefined): Html {
  const through = series.points.map(({ percent }) => `${percent}\u00a0%`).join(' → ');
  const line = stepLine(foresight, series);
  return html`<div class="flag"><h3>${series.flag} <span class="small quiet">${through}</span></h3>
${worst === undefined ? '' : html`<p class="small ${worst.never === null ? 'quiet' : 'bad'}">At worst, at ${worst.exposurePercent} %: ${caseText(worst)} (<code>${worst.ruleText}</code>)</p>`}
<svg class="ramp" viewBox="0 0 ${CHART_WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="exposure of ${series.flag}: ${through}"><rect class="track" x="0" y="0" width="${CHART_WIDTH}" height="${HEIGHT}"/><line class="grid" x1="0" y1="${HEIGHT / 2}" x2="${CHART_WIDTH}" y2="${HEIGHT / 2}"/><path class="area" d="${line} V ${HEIGHT} H 0 Z"/><path class="edge" d="${line}"/></svg></div>
`;
}

/** Exposure jumps, so the line goes along and then up. */
function stepLine(foresight: Foresight, { points }: ExposureSeries): string {
  const jumps = points.map(({ at, percent }) => `H ${positionOf(foresight, at)} V ${HEIGHT - percent}`);
  return `M 0 ${HEIGHT} ${jumps.join(' ')} H ${CHART_WIDTH}`;
}
