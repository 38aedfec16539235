import type { ExposureCase, Foresight } from '@theseus/core/simulate';
import { formatDuration } from '@theseus/core/time';
import { describeEvent } from '../render/describe-event.ts';
import { exposureChart } from './exposure-chart.ts';
import {
  caseText,
  countOf,
  type ForesightReport,
  groupDigits,
  momentText,
  severitiesText,
  troubleOf,
  WHY_ONE_WAY,
  worstPerStage,
} from './foresight-report.ts';
import { type Html, html } from './html.ts';
import { PAGE_STYLE } from './page-style.ts';
import { loadText, PROOF_COLUMNS, proofRows } from './proof-rows.ts';
import { timelineChart } from './timeline-chart.ts';

/** So many entries of one list are written; NDJSON has them all. */
const MOST_ENTRIES = 300;

/** A foresight as one page of HTML that needs no script, no network and nothing beside it. */
export function renderForesightPage(report: ForesightReport): string {
  const { foresight } = report;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${foresight.plan.title}: foresight</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<p class="quiet small">Foresight of plan <code>${foresight.plan.name}</code></p>
<h1>${foresight.plan.title}</h1>
${outcome(foresight)}
${figures(report)}
</header>
<main>
${section('Problems', problems(report))}
${section('What goes wrong', trouble(foresight))}
${section('Timeline', [timelineChart(foresight)])}
${section('Exposure', foresight.exposure.length === 0 ? [] : [exposureChart(foresight)])}
${section('If it breaks', cases(foresight))}
${section('How long proof takes', proofTable(foresight))}
${section('Approvals', approvals(foresight))}
${section('Messages', messages(foresight))}
${section('Cannot be taken back', oneWay(foresight))}
</main>
${footer(report)}
</body>
</html>
`;
  return page.text;
}

function section(title: string, parts: readonly Html[]): Html {
  return parts.length === 0 ? html`` : html`<section><h2>${title}</h2>${parts}</section>`;
}

function outcome({ simulation, zone }: Foresight): Html {
  const { outcome: end, startedAt, endedAt, stuckOn } = simulation;
  const verb = end === 'unfinished' ? 'stands still since' : 'ends';
  const took = formatDuration(endedAt - startedAt);
  return html`<p class="outcome"><span class="${end === 'succeeded' ? 'good' : 'bad'}">${end}</span>: ${verb} <span class="moment">${momentText(endedAt, zone)}</span> ${zone}, after ${took}</p>
${stuckOn.map(({ text, endedBy }) => html`<p class="bad">${text} Ended by ${endedBy}.</p>`)}`;
}

function figures({ foresight, findings }: ForesightReport): Html {
  const { worst } = foresight;
  const small = (text: string): Html => html` <span class="small">${text}</span>`;
  return html`<dl class="figures">
<div class="wide"><dt>Worst case</dt><dd>${worst === null ? 'nobody is ever exposed under a rule that rolls back' : caseText(worst)}${worst === null ? '' : small(`${worst.flag ?? worst.stepId} at ${worst.exposurePercent} %, ${worst.ruleText}`)}</dd></div>
<div><dt>Problems</dt><dd>${findings.length}${findings.length === 0 ? '' : small(severitiesText(findings))}</dd></div>
<div><dt>Approvals</dt><dd>${foresight.approvals.length}</dd></div>
<div><dt>Messages</dt><dd>${foresight.messages.length}</dd></div>
<div><dt>Steps without a way back</dt><dd>${foresight.oneWay.length}</dd></div>
</dl>`;
}

function list(entries: readonly Html[]): readonly Html[] {
  if (entries.length === 0) return [];
  const left = entries.length - MOST_ENTRIES;
  return [
    html`<ul class="list">${entries.slice(0, MOST_ENTRIES).map(
      (entry) => html`<li>${entry}</li>
`,
    )}</ul>${left > 0 ? html`<p class="quiet">… and ${left} more.</p>` : ''}`,
  ];
}

function problems({ findings }: ForesightReport): readonly Html[] {
  return list(
    findings.map(
      ({ severity, place, text, mend }) =>
        html`<p><span class="tag ${severity}">${severity}</span> <code>${place}</code> ${text}</p><p class="quiet">→ ${mend}</p>`,
    ),
  );
}

function trouble(foresight: Foresight): readonly Html[] {
  return list(
    troubleOf(foresight).map(
      (event) =>
        html`<p><span class="quiet">${momentText(event.at, foresight.zone)}</span> ${describeEvent(event)}</p><p class="quiet">${event.reason}</p>`,
    ),
  );
}

function cases({ cases: all, load, casesLeftOut }: Foresight): readonly Html[] {
  const shown = worstPerStage(all);
  if (shown.length === 0) return [];
  const left = shown.length - MOST_ENTRIES;
  const each = `${load.requestsPerUserMinute} a minute`;
  return [
    html`<p class="quiet">A fault that begins right after each exposure is reached, until every instance serves legacy again: the rule that takes longest. ${countOf(load.users, 'user')}, whose requests are ${each} each.</p>
<table><thead><tr><th scope="col">Flag</th><th scope="col" class="number">Exposure</th><th scope="col">Rule</th><th scope="col" class="number">Noticed</th><th scope="col" class="number">Over</th><th scope="col" class="number">Users</th><th scope="col" class="number">User-minutes</th></tr></thead>
<tbody>${shown.slice(0, MOST_ENTRIES).map(caseRow)}</tbody></table>
${left > 0 ? html`<p class="quiet">… and ${left} more.</p>` : ''}
${casesLeftOut > 0 ? html`<p class="quiet">${countOf(casesLeftOut, 'smaller case')} were not played.</p>` : ''}`,
  ];
}

function proofTable({ proofs, load }: Foresight): readonly Html[] {
  const rows = proofRows(proofs);
  if (rows.length === 0) return [];
  const cell = (index: number, text: string): Html =>
    html`<td class="${index === 0 ? '' : 'number'}" data-name="${PROOF_COLUMNS[index] ?? ''}">${text}</td>`;
  return [
    html`<p class="quiet">When the judge has ruled harm out at each exposure, while nothing is wrong, with ${loadText(load)}.</p>
<table><thead><tr><th scope="col">Flag</th>${PROOF_COLUMNS.slice(1).map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${rows.slice(0, MOST_ENTRIES).map(
      (cells) => html`<tr>${cells.map((text, index) => cell(index, text))}</tr>
`,
    )}</tbody></table>`,
  ];
}

function caseRow({
  flag,
  stepId,
  exposurePercent,
  ruleText,
  detectedMs,
  goneMs,
  people,
  personMinutes,
}: ExposureCase): Html {
  const cell = (name: string, text: string): Html => html`<td class="number" data-name="${name}">${text}</td>`;
  return html`<tr><td data-name="Flag">${flag ?? stepId}</td>${cell('Exposure', `${exposurePercent} %`)}<td class="rule" data-name="Rule"><code>${ruleText}</code></td>${cell('Noticed', detectedMs === null ? 'never' : formatDuration(detectedMs))}${cell('Over', goneMs === null ? 'never' : formatDuration(goneMs))}${cell('Users', groupDigits(people))}${cell('User-minutes', personMinutes === null ? 'no end' : groupDigits(personMinutes))}</tr>
`;
}

function approvals({ approvals: asked, zone }: Foresight): readonly Html[] {
  return list(
    asked.map(({ at, question, of, people, waiting, givenAt }) => {
      const whom = people.length === 0 ? of : `${of} (${people.join(', ')})`;
      const agreed = givenAt === null ? 'nobody agrees' : `agreed after ${formatDuration(givenAt - at)}`;
      return html`<p><span class="quiet">${momentText(at, zone)}</span> <b>${whom}</b>: ${question}</p><p class="quiet">Waits: ${waiting}; ${agreed}</p>`;
    }),
  );
}

function messages({ messages: sent, zone }: Foresight): readonly Html[] {
  return list(
    sent.map(
      ({ at, channel, destination, text, delivered }) =>
        html`<p><span class="quiet">${momentText(at, zone)}</span> <b>${channel}</b> <span class="quiet">${destination}</span>${delivered ? '' : html` <span class="bad">not delivered</span>`}</p><div class="text">${text}</div>`,
    ),
  );
}

function oneWay({ oneWay: steps, zone }: Foresight): readonly Html[] {
  return list(
    steps.map(({ title, stepId, why, mitigation, at }) => {
      const when = at === null ? 'not reached' : momentText(at, zone);
      return html`<p><b>${title}</b> <code>${stepId}</code> <span class="warning">${WHY_ONE_WAY[why]}</span> <span class="quiet">${when}</span></p><p class="quiet">${mitigation ?? 'Nothing is said to make it less dangerous.'}</p>`;
    }),
  );
}

function footer({ foresight, file, whatIf, seed }: ForesightReport): Html {
  const { simulation, zone } = foresight;
  const faults = whatIf.length === 0 ? 'no fault' : whatIf.join(' and ');
  return html`<footer><p>Played from <code>${file}</code> with ${faults}, seed ${seed}, from ${momentText(simulation.startedAt, zone)} ${zone}: ${countOf(simulation.checks, 'health check')}, ${countOf(simulation.events.length, 'event')}.</p>
<p>The decisions are those of the engine itself. Traffic, people and programs are modelled: a command takes a second, and an instance serves what was decided within 200 ms, unless a fault says otherwise.</p></footer>`;
}
