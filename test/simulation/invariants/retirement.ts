import type { Step } from '@theseus/core/plan';
import type { EventCheck, Moment } from './invariant.ts';

type Retirement = Extract<Step, { readonly kind: 'retire' }>;

function retirementOf({ before }: Moment, flag: string): Retirement | undefined {
  const steps = before.plan.phases.flatMap((phase) => phase.steps);
  return steps.find((step): step is Retirement => step.kind === 'retire' && step.flag === flag);
}

/** A flag is retired only where everybody has been on the candidate for long enough; a person may be quicker. */
const retiresWhole: EventCheck = (moment) => {
  const { event, before, history } = moment;
  if (event.type !== 'flag.retired') return null;
  const step = retirementOf(moment, event.flag);
  if (step === undefined) return `${event.flag} is retired by no step`;
  const flag = before.flags[event.flag];
  const isMigration = before.plan.flags[event.flag]?.migration !== undefined;
  const isWhole = isMigration ? flag?.stage === 'complete' : flag?.exposure === 100_000;
  if (!isWhole) return `${event.flag} is retired at ${flag?.stage ?? flag?.exposure ?? 0}`;
  const lacking = before.plan.flags[event.flag]?.requires.find((key) => before.flags[key]?.status !== 'retired');
  if (lacking !== undefined) return `${event.flag} is retired before ${lacking}, which it requires`;
  const since = history.risenAt.get(event.flag) ?? 0;
  if (event.actor.kind === 'person' || event.at - since >= step.afterMs) return null;
  return `${event.flag} is retired ${event.at - since} ms after it reached everybody`;
};

/** Whoever is to be asked before a flag is retired has agreed. */
const retiresApproved: EventCheck = (moment) => {
  const { event, history } = moment;
  const step = event.type === 'flag.retired' ? retirementOf(moment, event.flag) : undefined;
  if (step === undefined || step.approve === null || history.hasAgreed(step.id, step.approve, 0)) return null;
  return `${step.flag} is retired without its approvals`;
};

/** What is taken down is retired no more. */
const unretiresFirst: EventCheck = ({ event, before }) => {
  const isDown = event.type === 'flag.exposure-changed' && event.to < event.from;
  if (!isDown && event.type !== 'flag.stage-changed') return null;
  return before.flags[event.flag]?.status === 'retired' ? `${event.flag} goes down while it is retired` : null;
};

export const RETIREMENT_CHECKS: Readonly<Record<string, EventCheck>> = {
  'retires-whole': retiresWhole,
  'retires-approved': retiresApproved,
  'unretires-first': unretiresFirst,
};
