import { type RolloutEvent, replay } from '@theseus/core/rollout';
import { simulate } from '@theseus/core/simulate';
import { type Figure, type Measured, measuredOf } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';
import { eightWeeks } from './eight-weeks.ts';

const ROUNDS = 5;
const EVENTS = 20_000;

/** Events per second, from milliseconds for all of them. */
const perSecond = ({ median, least, most }: Measured): Measured =>
  measuredOf([least, median, most].map((ms) => (EVENTS / ms) * 1_000));

/** How fast a log is folded into its state, against reading the same log from JSON. */
export function benchReplay(): readonly Figure[] {
  const log = longLog();
  const text = log.map((event) => JSON.stringify(event));
  const folded = rounds(ROUNDS, () => replay(log));
  const parsed = rounds(ROUNDS, () => text.map((line) => JSON.parse(line) as RolloutEvent));
  return [
    {
      name: `replay of ${EVENTS.toLocaleString('en')} events`,
      unit: 'events/s',
      measured: perSecond(folded.wall),
      floor: { name: 'JSON.parse of the same', measured: perSecond(parsed.wall) },
    },
  ];
}

/** A run that was paused and resumed over and over. */
function longLog(): readonly RolloutEvent[] {
  const plan = eightWeeks();
  const { events } = simulate(plan, { startAt: 0, whatIf: [], approvalDelayMs: 60_000, seed: 1 });
  const log: RolloutEvent[] = events.filter(({ type }) => type !== 'run.finished' && type !== 'phase.finished');
  const last = log.at(-1);
  if (last === undefined) throw new Error('the simulation said nothing');
  const { at, actor } = last;
  while (log.length < EVENTS) {
    log.push({ type: 'run.paused', scope: 'run', at, actor, reason: 'again' });
    log.push({ type: 'run.resumed', scope: 'run', pausedMs: 0, at, actor, reason: 'and on' });
  }
  return log.slice(0, EVENTS);
}
