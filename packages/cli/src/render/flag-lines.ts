import type { FlagExplanation } from '@theseus/core/flag';
import { formatDuration } from '@theseus/core/time';
import type { FlagOverview } from '@theseus/server';
import { utcClock } from './describe-event.ts';
import { tableLines } from './table-lines.ts';
import { withoutControls } from './without-controls.ts';

const HEADING = ['FLAG', 'ENVIRONMENT', 'PLAN', 'EXPOSURE', 'STATE', 'LAST CHANGE', 'INSTANCES'];
/** More names than these of one list are counted instead. */
const NAMES_SHOWN = 10;

/** What to say where there is nothing to show. */
export function noFlags(environment: string | undefined): string {
  const where = environment === undefined ? 'here' : `in environment '${environment}'`;
  return `No flag is known ${where}: flags come with plans, so start one with 'theseus run plan.yaml'`;
}

/** One line for each flag. */
export function flagListLines(flags: readonly FlagOverview[]): readonly string[] {
  const rows = withoutControls(flags).map((flag) => [
    flag.key,
    flag.environment,
    flag.isPlanned ? flag.run.plan : `${flag.run.plan} (no more)`,
    exposureText(flag),
    flag.lifecycle,
    momentText(flag.history.exposureChangedAt),
    instancesText(flag),
  ]);
  return tableLines([HEADING, ...rows]);
}

/** All there is to know about one flag. */
export function flagLines(given: FlagOverview, now: number): readonly string[] {
  const flag = withoutControls(given);
  const { definition, run } = flag;
  const { overrides, requires, rules } = definition;
  const outcome = run.outcome ?? run.status;
  const rows = [
    ['plan', `${run.plan} (run ${run.runId}, ${outcome})${flag.isPlanned ? '' : '; its newest run has no such flag'}`],
    ['changed', changedText(flag, now)],
    ['bucketed by', `${definition.cohort}, salt '${definition.salt}'`],
    ['requires', namesText(requires, 'nothing')],
    ['required by', namesText(flag.requiredBy, 'nothing')],
    ['let in', namesText(overrides.candidate)],
    ['kept out', namesText(overrides.legacy)],
    ...(rules.length === 0 ? [['rules', 'none']] : rules.map(ruleRow)),
    ['fallback', definition.fallback ? 'legacy answers where the candidate throws' : 'off'],
    ...migrationRows(flag),
    ...variantRows(flag),
    ['instances', `${instancesText(flag)} live ones serve it as it stands`],
  ];
  const title = `${flag.key} in ${flag.environment}: ${flag.lifecycle}, ${exposureText(flag)}`;
  return [title, ...tableLines(rows).map((line) => `  ${line}`)];
}

/** Each test of an evaluation, numbered, and what came of them. */
export function explanationLines(given: FlagExplanation): readonly string[] {
  const { evaluation, tests } = withoutControls(given);
  const lines = tests.map(({ outcome, text }, at) => `${String(at + 1).padStart(3)}  ${outcome.padEnd(7)}  ${text}`);
  return [...lines, `  →  ${answerText(evaluation)}`];
}

/** The answer to an evaluation, in one line. */
export function answerText({ arm, variant, reason, errorCode }: FlagExplanation['evaluation']): string {
  const which = variant === arm ? arm : `${arm}, variant ${variant}`;
  return `${which} (${reason}${errorCode === undefined ? '' : `, ${errorCode}`})`;
}

/** The share, of everybody or of the only ones it is about; of a migration the stage that everybody has reached, too. */
function exposureText({ definition: { exposure, audience, migration } }: FlagOverview): string {
  if (audience !== undefined) return `${audience.exposure / 1000} % of ${audience.segment}`;
  if (migration === undefined) return `${exposure / 1000} %`;
  const { legacy, candidate } = migration.stages;
  return legacy === candidate ? legacy : `${legacy}, ${exposure / 1000} % ${candidate}`;
}

function momentText(at: number | null): string {
  return at === null ? 'never' : `${utcClock(at)} UTC`;
}

function changedText({ history, fullSince }: FlagOverview, now: number): string {
  const changed = momentText(history.exposureChangedAt);
  return fullSince === null ? changed : `${changed}, at 100 % for ${formatDuration(now - fullSince)}`;
}

function instancesText({ instances: { live, serving } }: FlagOverview): string {
  return `${serving} of ${live}`;
}

function namesText(names: readonly string[], none = 'nobody'): string {
  if (names.length === 0) return none;
  const shown = names.slice(0, NAMES_SHOWN).join(', ');
  return names.length <= NAMES_SHOWN ? shown : `${shown} and ${names.length - NAMES_SHOWN} more`;
}

function ruleRow({ segment, exposure }: { readonly segment: string; readonly exposure: number }, at: number): string[] {
  return [at === 0 ? 'rules' : '', `${at + 1}. segment '${segment}' at ${exposure / 1000} %`];
}

function migrationRows({ definition: { migration } }: FlagOverview): readonly string[][] {
  if (migration === undefined) return [];
  const { legacy, candidate } = migration.stages;
  return [['migration', `stage ${candidate} on the candidate, ${legacy} on legacy`]];
}

function variantRows({ definition: { variants = [], goals = [] } }: FlagOverview): readonly string[][] {
  const parts = variants.map(({ name, weight }) => `${name} ${weight / 1000} %`);
  return [
    ...(parts.length === 0 ? [] : [['variants', parts.join(', ')]]),
    ...(goals.length === 0 ? [] : [['goals', goals.join(', ')]]),
  ];
}
