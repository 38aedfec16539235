import type { RecordedEvent } from '@theseus/core/rollout';
import type { Played } from './play.ts';
import type { Finding } from './run-range.ts';
import type { Scenario } from './scenario.ts';

const LAST_EVENTS = 25;
const LONGEST_DETAIL = 160;

/** A violation as text: how to see it again, what came last, and the smallest scenario that still shows it. */
export function describeFinding(finding: Finding, shrunk: Scenario, played: Played | null): string {
  const { source, ...world } = shrunk;
  return [
    `VIOLATION in run ${finding.index} (seed ${finding.runSeed})`,
    `  ${finding.text}`,
    `  see it again: npm run sim -- --replay ${finding.runSeed}`,
    '',
    'Shrunk plan:',
    indent(JSON.stringify({ ...source, signals: '(as always)', people: '(as always)' }, null, 1)),
    'Shrunk world:',
    indent(JSON.stringify(world, null, 1)),
    `Its last events${played?.violation ? `, before ${played.violation.text}` : ''}:`,
    describeEvents(played?.events.slice(-LAST_EVENTS) ?? [], shrunk.startAt),
  ].join('\n');
}

/** One line for each event, with seconds since the start. */
export function describeEvents(events: readonly RecordedEvent[], startAt: number): string {
  return events
    .map(({ seq, event }) => {
      const { type, at, actor, reason: _reason, ...rest } = event;
      const details = JSON.stringify({ ...rest, plan: undefined, evidence: undefined }).slice(0, LONGEST_DETAIL);
      return `  ${String(seq).padStart(4)} ${((at - startAt) / 1000).toFixed(3).padStart(10)}s ${type} by ${actor.name} ${details}`;
    })
    .join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
