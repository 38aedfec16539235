import type { Plan } from '../plan/index.ts';
import { formatDuration } from '../time/index.ts';
import type { ForeseenApproval } from './approvals.ts';
import { type Finding, pathOfStep } from './finding.ts';
import { prerequisitesOf } from './flag-relations.ts';
import { localMoment } from './local-moment.ts';
import type { ForeseenMessage } from './messages.ts';
import type { SimulationResult } from './simulate.ts';

export interface CalendarInput {
  readonly plan: Plan;
  readonly result: SimulationResult;
  readonly zone: string;
  readonly approvals: readonly ForeseenApproval[];
  readonly messages: readonly ForeseenMessage[];
}

/** Messages so near to each other read as one moment. */
const SAME_MOMENT_MS = 60_000;
/** So many collisions of one kind are told; more of them say no more. */
const MOST_OF_A_KIND = 20;

/** What collides in time: with the clock of the people who are needed, with the past, and with each other. */
export function calendarFindings(input: CalendarInput): readonly Finding[] {
  return [outOfHours, pastWaits, overlappingRamps, simultaneousMessages].flatMap((find) =>
    find(input).slice(0, MOST_OF_A_KIND),
  );
}

function outOfHours({ plan, zone, approvals }: CalendarInput): readonly Finding[] {
  return approvals.flatMap(({ at, stepId, of }): readonly Finding[] => {
    const { date, time, weekday, isNight, isWeekend } = localMoment(at, zone);
    if (!isNight && !isWeekend) return [];
    const when = isWeekend ? 'on a weekend' : 'at night';
    return [
      {
        severity: 'warning',
        code: 'asked-out-of-hours',
        path: pathOfStep(plan, stepId),
        at,
        text: `${stepId} asks ${of} ${when}: ${weekday} ${date} ${time} ${zone}`,
        mend: "start the plan at another moment, or put a 'wait: { until: … }' before it",
      },
    ];
  });
}

function pastWaits({ plan, result }: CalendarInput): readonly Finding[] {
  return result.events.flatMap((event): readonly Finding[] => {
    if (event.type !== 'step.started' || event.until === null || event.until >= event.at) return [];
    return [
      {
        severity: 'warning',
        code: 'wait-is-past',
        path: pathOfStep(plan, event.stepId),
        at: event.at,
        text: `${event.stepId} waits for a moment that is ${formatDuration(event.at - event.until)} ago when it begins`,
        mend: 'write a later instant, start earlier, or make the steps before it shorter',
      },
    ];
  });
}

interface RampSpan {
  readonly stepId: string;
  readonly flag: string;
  readonly from: number;
  readonly to: number;
}

function overlappingRamps({ plan, result }: CalendarInput): readonly Finding[] {
  const spans = rampSpans(result);
  const findings: Finding[] = [];
  for (const [index, later] of spans.entries()) {
    for (const earlier of spans.slice(0, index)) {
      if (earlier.to <= later.from || findings.length >= MOST_OF_A_KIND) continue;
      const common = sharedPrerequisite(plan, earlier.flag, later.flag);
      if (common === null) continue;
      const overlapMs = Math.min(earlier.to, later.to) - later.from;
      findings.push({
        severity: 'warning',
        code: 'ramps-overlap',
        path: pathOfStep(plan, later.stepId),
        at: later.from,
        text: `${earlier.flag} and ${later.flag} ramp at the same time for ${formatDuration(overlapMs)} and share ${common}: when health falls, nobody can tell which of them it is`,
        mend: `let phase ${phaseOf(later.stepId)} need phase ${phaseOf(earlier.stepId)}, or give them windows that do not meet`,
      });
    }
  }
  return findings;
}

/** Ramps that began, by their beginning. */
function rampSpans({ view, endedAt }: SimulationResult): readonly RampSpan[] {
  return view.phases
    .flatMap(({ steps }) => steps)
    .flatMap(({ id, ramp, startedAt, endedAt: to }) =>
      ramp === null || startedAt === null ? [] : [{ stepId: id, flag: ramp.flag, from: startedAt, to: to ?? endedAt }],
    )
    .sort((left, right) => left.from - right.from);
}

function sharedPrerequisite(plan: Plan, left: string, right: string): string | null {
  const wanted = prerequisitesOf(plan, left);
  return [...prerequisitesOf(plan, right)].find((key) => wanted.has(key)) ?? null;
}

function phaseOf(stepId: string): string {
  return stepId.slice(0, stepId.indexOf('/'));
}

function simultaneousMessages({ plan, messages }: CalendarInput): readonly Finding[] {
  return messages.flatMap(({ at, channel, stepId }, index): readonly Finding[] => {
    const before = messages.slice(0, index).findLast((other) => other.channel === channel);
    if (before === undefined || stepId === null || at - before.at >= SAME_MOMENT_MS) return [];
    return [
      {
        severity: 'note',
        code: 'messages-at-once',
        path: pathOfStep(plan, stepId),
        at,
        text: `${stepId} writes to ${channel} within a minute of ${before.stepId ?? 'another message'}`,
        mend: 'leave one out, or make one message of both',
      },
    ];
  });
}
