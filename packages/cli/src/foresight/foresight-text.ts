import { type ExposureCase, type Foresight, localMoment, type PhaseSpan, type StepSpan } from '@theseus/core/simulate';
import { formatDuration } from '@theseus/core/time';
import pc from 'picocolors';
import { describeEvent } from '../render/describe-event.ts';
import { visibleLength, wrap } from '../render/text-width.ts';
import { withoutControls } from '../render/without-controls.ts';
import {
  caseText,
  countOf,
  type ForesightReport,
  groupDigits,
  momentText,
  severitiesText,
  troubleOf,
  WHY_ONE_WAY,
  worstPerFlag,
  worstPerStage,
} from './foresight-report.ts';
import { loadText, proofLines } from './proof-rows.ts';

export interface ForesightTextOptions {
  readonly color: boolean;
  /** Columns, at most. */
  readonly width: number;
  /** Every stage, every rule and every event, however many there are. */
  readonly all: boolean;
}

/** So many lines of one list are shown unless all are asked for. */
const MOST_LINES = 12;
/** A plan with more steps is shown by phases. */
const MOST_STEPS = 30;

type Colors = ReturnType<typeof pc.createColors>;

interface Page {
  readonly report: ForesightReport;
  readonly options: ForesightTextOptions;
  readonly colors: Colors;
}

/** A foresight for a terminal: what matters most comes first. */
export function renderForesightText(report: ForesightReport, options: ForesightTextOptions): readonly string[] {
  const page = { report: withoutControls(report), options, colors: pc.createColors(options.color) };
  const sections = [
    head(page),
    titled(page, 'Problems', problems(page)),
    titled(page, 'What goes wrong', trouble(page)),
    titled(page, `Timeline, ${report.foresight.zone}`, timeline(page)),
    titled(page, exposureTitle(report.foresight), exposure(page)),
    titled(page, 'How long proof takes, while nothing is wrong', proof(page)),
    titled(page, 'Approvals', approvals(page)),
    titled(page, 'Messages', messages(page)),
    titled(page, 'Cannot be taken back', oneWay(page)),
    options.all ? titled(page, 'Every event', events(page)) : [],
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines, index) => (index === 0 ? lines : ['', ...lines]));
}

function head(page: Page): readonly string[] {
  const { foresight, findings } = page.report;
  const { simulation, zone, worst } = foresight;
  const { outcome, startedAt, endedAt } = simulation;
  const isGood = outcome === 'succeeded';
  const paint = isGood ? page.colors.green : page.colors.red;
  const took = formatDuration(endedAt - startedAt);
  const end = `${outcome === 'unfinished' ? 'stands still since' : 'ends'} ${momentText(endedAt, zone)} ${zone}`;
  return [
    ...hanging(page, `${paint(isGood ? '✓' : '✗')} `, `${page.colors.bold(outcome)}: ${end}, after ${took}`),
    ...simulation.stuckOn.flatMap(({ text, endedBy }) => fact(page, 'Stuck', `${text} Ended by ${endedBy}.`)),
    ...(worst === null
      ? fact(page, 'Worst case', 'nobody is ever exposed under a rule that rolls back')
      : fact(
          page,
          'Worst case',
          `${caseText(worst)} (${worst.flag ?? worst.stepId} at ${worst.exposurePercent}\u00a0%, ${worst.ruleText})`,
        )),
    ...fact(page, 'Problems', severitiesText(findings)),
    ...fact(
      page,
      'Asks for',
      `${countOf(foresight.approvals.length, 'approval')}, ${countOf(foresight.messages.length, 'message')}, ${countOf(foresight.oneWay.length, 'step')} without a way back`,
    ),
  ];
}

function fact(page: Page, name: string, text: string): readonly string[] {
  return hanging(page, `  ${page.colors.dim(name.padEnd(12))}`, text);
}

function problems(page: Page): readonly string[] {
  const { colors } = page;
  const marks = { error: colors.red('✗'), warning: colors.yellow('!'), note: colors.dim('·') };
  return limited(
    page,
    page.report.findings.map(({ severity, place, text, mend }) => [
      ...hanging(page, `  ${marks[severity]} `, `${place} ${text}`),
      ...hanging(page, '    → ', mend),
    ]),
  );
}

function trouble(page: Page): readonly string[] {
  const { foresight } = page.report;
  return limited(
    page,
    troubleOf(foresight).map((event) =>
      hanging(page, `  ${after(foresight, event.at)}  `, `${describeEvent(event)} — ${event.reason}`),
    ),
  );
}

function timeline(page: Page): readonly string[] {
  const { timeline: phases } = page.report.foresight;
  const withSteps = page.options.all || phases.reduce((sum, { steps }) => sum + steps.length, 0) <= MOST_STEPS;
  return phases.flatMap((phase) => [
    ...spanLine(page, phase, page.colors.bold(phase.name)),
    ...(withSteps ? phase.steps.flatMap((step) => stepLines(page, step)) : []),
  ]);
}

function stepLines(page: Page, step: StepSpan): readonly string[] {
  const name = step.id.slice(step.id.indexOf('/') + 1);
  const what = name.startsWith(step.kind) ? name : `${step.kind} ${name}`;
  const stages = step.stages.map(({ exposurePercent }) => exposurePercent);
  if (!page.options.all) {
    const through = stages.length === 0 ? '' : ` ${stages.join('→')}\u00a0%`;
    return spanLine(page, step, `  ${what}${through}`);
  }
  return [
    ...spanLine(page, step, `  ${what}`),
    ...step.stages.flatMap((stage) => spanLine(page, { ...stage, status: '' }, `    ${stage.exposurePercent}\u00a0%`)),
  ];
}

type Line = Pick<PhaseSpan, 'startAt' | 'endAt'> & { readonly status: string };

function spanLine(page: Page, { startAt, endAt, status }: Line, what: string): readonly string[] {
  const { zone, simulation } = page.report.foresight;
  const when = startAt === null ? ''.padEnd(20) : momentText(startAt, zone);
  const took = startAt === null ? '' : formatDuration((endAt ?? simulation.endedAt) - startAt);
  const state = status === 'completed' || status === '' ? '' : ` (${status})`;
  const indent = /^ */.exec(what)?.[0] ?? '';
  const prefix = `  ${page.colors.dim(when)}  ${took.padStart(7)}  ${indent}`;
  return hanging(page, prefix, `${what.trimStart()}${page.colors.red(state)}`);
}

function exposureTitle({ load }: Foresight): string {
  return `If it breaks at its worst moment (${loadText(load)})`;
}

/** Cases under the rule that they are the worst of, since most flags share their gate. */
function exposure(page: Page): readonly string[] {
  const { cases, casesLeftOut } = page.report.foresight;
  const shown = page.options.all ? worstPerStage(cases) : worstPerFlag(cases);
  if (shown.length === 0) return [];
  const names = Math.min(LONGEST_NAME, Math.max(...shown.map((known) => nameOf(known).length)));
  const ruleOf = ({ gate, ruleText }: ExposureCase): string => `${gate}: ${ruleText}`;
  const groups = [...new Set(shown.map(ruleOf))].flatMap((rule) => [
    hanging(page, '  ', rule),
    ...shown.filter((known) => ruleOf(known) === rule).map((known) => caseLines(page, known, names)),
  ]);
  const rest = casesLeftOut === 0 ? [] : [`  ${groupDigits(casesLeftOut)} smaller cases were not played.`];
  return [page.colors.dim(columns(names, COLUMN_NAMES)), ...limited(page, groups), ...rest];
}

/** By how much traffic each exposure is proven. */
function proof(page: Page): readonly string[] {
  return limited(
    page,
    [...proofLines(page.report.foresight.proofs)].map((line) => [line]),
  );
}

const LONGEST_NAME = 30;
const COLUMN_NAMES = ['', 'at', 'noticed', 'over', 'users', 'user-minutes'] as const;

function caseLines(page: Page, known: ExposureCase, names: number): readonly string[] {
  const { exposurePercent, detectedMs, goneMs, people, personMinutes } = known;
  const name = nameOf(known);
  const cells = [
    `${exposurePercent}\u00a0%`,
    detectedMs === null ? 'never' : formatDuration(detectedMs),
    goneMs === null ? 'never' : formatDuration(goneMs),
    groupDigits(people),
    personMinutes === null ? 'no end' : groupDigits(personMinutes),
  ];
  if (name.length <= names) return [columns(names, [name, ...cells])];
  return [...hanging(page, '    ', name), columns(names, ['', ...cells])];
}

function columns(names: number, [name = '', ...cells]: readonly string[]): string {
  const widths = [7, 9, 9, 7, 13];
  return `    ${name.padEnd(names)}${cells.map((cell, index) => cell.padStart(widths[index] ?? 0)).join('')}`;
}

function nameOf({ flag, stepId }: ExposureCase): string {
  return flag ?? stepId;
}

function approvals(page: Page): readonly string[] {
  const { approvals: asked, zone } = page.report.foresight;
  return limited(
    page,
    asked.map(({ at, of, people, question, waiting, givenAt }) => {
      const whom = people.length === 0 ? of : `${of} (${people.join(', ')})`;
      const agreed = givenAt === null ? 'nobody agrees' : `agreed after ${formatDuration(givenAt - at)}`;
      return [
        ...hanging(page, `  ${page.colors.dim(momentText(at, zone))}  `, `${whom}: ${question}`),
        ...hanging(page, '    waits ', `${waiting}; ${agreed}`),
      ];
    }),
  );
}

function messages(page: Page): readonly string[] {
  const { messages: sent, zone } = page.report.foresight;
  return limited(
    page,
    sent.map(({ at, channel, destination, text, delivered }) => {
      const to = `${channel} (${destination})${delivered ? '' : ', not delivered'}`;
      return hanging(page, `  ${page.colors.dim(momentText(at, zone))}  `, `${to}: ${text}`);
    }),
  );
}

function oneWay(page: Page): readonly string[] {
  return limited(
    page,
    page.report.foresight.oneWay.map(({ stepId, why, mitigation }) =>
      hanging(page, '  ', `${stepId}: ${WHY_ONE_WAY[why]}; ${mitigation ?? 'nothing makes it less dangerous'}`),
    ),
  );
}

function events(page: Page): readonly string[] {
  const { foresight } = page.report;
  return foresight.simulation.events.flatMap((event) => {
    const why = event.type === 'rollback.initiated' || event.type === 'step.held' ? ` — ${event.reason}` : '';
    return hanging(page, `  ${after(foresight, event.at)}  `, `${describeEvent(event)}${why}`);
  });
}

function after({ simulation, zone }: Foresight, at: number): string {
  const { weekday, time } = localMoment(at, zone);
  return `${`+${formatDuration(at - simulation.startedAt)}`.padEnd(9)} ${weekday} ${time}`;
}

function titled({ colors }: Page, title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [colors.bold(title), ...lines];
}

function limited({ options }: Page, entries: readonly (readonly string[])[]): readonly string[] {
  if (options.all || entries.length <= MOST_LINES) return entries.flat();
  return [...entries.slice(0, MOST_LINES).flat(), `  … and ${entries.length - MOST_LINES} more: --all shows them`];
}

/** Text beside a prefix, going on under itself. */
function hanging({ options }: Page, prefix: string, text: string): readonly string[] {
  const indent = visibleLength(prefix);
  const [first = '', ...rest] = wrap(text, options.width - indent);
  return [`${prefix}${first}`.trimEnd(), ...rest.map((line) => ' '.repeat(indent) + line.replace(/^ +/, ''))];
}
