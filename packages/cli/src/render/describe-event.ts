import type { RolloutEvent, WaitView } from '@theseus/core/rollout';
import { formatDuration } from '@theseus/core/time';
import { withoutControls } from './without-controls.ts';

const percent = (exposure: number): string => `${exposure / 1_000} %`;

function resumed({ scope, pausedMs }: Extract<RolloutEvent, { readonly type: 'run.resumed' }>): string {
  const who = scope === 'system' ? 'whole system' : 'run';
  return pausedMs === 0 ? `${who} resumed` : `${who} resumed after ${formatDuration(pausedMs)}`;
}

function exposureChanged({
  flag,
  from,
  to,
}: Extract<RolloutEvent, { readonly type: 'flag.exposure-changed' }>): string {
  if (from === to) return `${flag} stays at ${percent(to)}, and nobody is let in by name`;
  return `${flag} ${percent(from)} → ${percent(to)}`;
}

const MOST_NAMED = 3;

function overridden({ flag, subjects, to }: Extract<RolloutEvent, { readonly type: 'flag.overridden' }>): string {
  const named = subjects.slice(0, MOST_NAMED).join(', ');
  const who = subjects.length > MOST_NAMED ? `${named} and ${subjects.length - MOST_NAMED} more` : named;
  if (to === null) return `${flag}: as the plan says again for ${who}`;
  return to === 'candidate' ? `${flag}: ${who} let in` : `${flag}: ${who} kept on legacy`;
}

type FlagEvent = Extract<RolloutEvent, { readonly type: `flag.${string}` }>;

function describeFlagEvent(event: FlagEvent): string {
  switch (event.type) {
    case 'flag.exposure-changed':
      return exposureChanged(event);
    case 'flag.stage-changed':
      return `${event.flag} is at stage ${event.to}, and was at ${event.from}`;
    case 'flag.exposure-confirmed':
      return `${event.flag} at ${percent(event.exposure)} confirmed by ${event.instances} instances in ${formatDuration(event.tookMs)}${event.silent > 0 ? `, ${event.silent} silent` : ''}`;
    case 'flag.overridden':
      return overridden(event);
    case 'flag.fallback-changed':
      return `${event.flag}: legacy ${event.fallback ? 'answers again' : 'no longer answers'} when the candidate fails`;
    case 'flag.retired':
      return `${event.flag} retired${event.variant === undefined ? '' : `, and ${event.variant} stays`}`;
    case 'flag.unretired':
      return `${event.flag} no longer retired`;
  }
}

function describeContingency(event: Extract<RolloutEvent, { readonly type: `contingency.${string}` }>): string {
  switch (event.type) {
    case 'contingency.fired':
      return `contingency ${event.name} acts`;
    case 'contingency.advanced':
      return `contingency ${event.name} goes on`;
    case 'contingency.ended':
      return `contingency ${event.name} ${event.outcome}`;
  }
}

/** What happened, in one line, without its moment, actor and reason. */
export function describeEvent(event: RolloutEvent): string {
  switch (event.type) {
    case 'run.started':
      return `run of '${event.plan.title}' started`;
    case 'run.paused':
      return event.scope === 'system' ? 'whole system paused' : 'run paused';
    case 'run.resumed':
      return resumed(event);
    case 'run.finished':
      return `run finished: ${event.outcome}`;
    case 'steps.reset':
      return `begins again: ${event.steps.join(', ')}`;
    case 'plan.edited':
      return `plan edited, which touches ${event.touched.join(', ') || 'no step'}${event.voided.length > 0 ? ` and voids approvals of ${event.voided.join(', ')}` : ''}`;
    case 'phase.started':
      return `phase ${event.phase} started`;
    case 'phase.finished':
      return `phase ${event.phase} ${event.status}`;
    case 'step.started':
      return `${event.stepId} started${event.attempt > 1 ? ` (attempt ${event.attempt})` : ''}`;
    case 'step.held':
      return `${event.stepId} held (${event.hold})`;
    case 'step.released':
      return `${event.stepId} goes on`;
    case 'step.completed':
      return `${event.stepId} completed`;
    case 'step.skipped':
      return `${event.stepId} skipped`;
    case 'step.rolled-back':
      return `${event.stepId} rolled back by ${event.rollbackId}`;
    case 'step.warned':
      return `${event.stepId} warns: ${event.rules}`;
    case 'watch.soaked':
      return `${event.watchId} healthy for as long as asked`;
    case 'effect.requested':
      return `${event.effect.id} requested (${event.effect.request.kind})`;
    case 'effect.finished':
      return `${event.effectId} ${event.result.outcome} in ${formatDuration(event.result.durationMs)}`;
    case 'flag.exposure-changed':
    case 'flag.stage-changed':
    case 'flag.exposure-confirmed':
    case 'flag.fallback-changed':
    case 'flag.overridden':
    case 'flag.retired':
    case 'flag.unretired':
      return describeFlagEvent(event);
    case 'approval.requested':
      return `${event.stepId} asks: ${event.question}`;
    case 'approval.given':
      return `${event.person} agreed to ${event.stepId}`;
    case 'approval.rejected':
      return `${event.person} rejected ${event.stepId}`;
    case 'rollback.initiated':
      return `${event.rollbackId} of ${event.scope} ${event.target} initiated${event.overMs > 0 ? ` over ${formatDuration(event.overMs)}` : ''}`;
    case 'rollback.part-ended':
      return `${event.rollbackId} ${event.part.kind} ${event.part.name} ${event.part.status} in ${formatDuration(event.part.durationMs)}`;
    case 'rollback.overran':
      return `${event.rollbackId} is over its budget of ${formatDuration(event.budgetMs)}`;
    case 'rollback.completed':
      return `${event.rollbackId} completed in ${formatDuration(event.durationMs)}${event.withinBudget ? '' : ', over its budget'}`;
    case 'rollback.failed':
      return `${event.rollbackId} ${event.outcome === 'partial' ? 'only PARTIAL' : 'FAILED'} after ${formatDuration(event.durationMs)}`;
    case 'freeze.lifted':
      return `change freeze of ${event.stepId} ${event.lifted ? 'lifted' : 'could NOT be lifted'}`;
    case 'contingency.fired':
    case 'contingency.advanced':
    case 'contingency.ended':
      return describeContingency(event);
  }
}

/** One line for a wait: what is waited for, who or what ends it, and the command that does. */
export function waitText({ text, endedBy, command }: WaitView): string {
  return withoutControls(
    `Waiting: ${text} Ended by ${endedBy}.${command === null ? '' : ` To end it: ${command} --reason '…'`}`,
  );
}

/** One line of a log: moment in UTC, what happened, why, and who where it was a person. */
export function formatEventLine(event: RolloutEvent, clock: (at: number) => string): string {
  const who = event.actor.kind === 'person' ? ` [${event.actor.name}]` : '';
  return withoutControls(`${clock(event.at)}  ${describeEvent(event)} — ${event.reason}${who}`);
}

export function utcClock(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').slice(0, 19);
}
