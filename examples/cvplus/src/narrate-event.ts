import type { MigrationStage } from '@theseus/core/flag';
import type { Plan } from '@theseus/core/plan';
import type { RolloutEvent, RunView } from '@theseus/core/rollout';
import type { Fact } from './fact.ts';

type EventOf<Type extends RolloutEvent['type']> = Extract<RolloutEvent, { readonly type: Type }>;

const PARTS_OF_A_PERCENT = 1_000;

/** What to say about an event, or null where it would only be noise. Pure. */
export function narrateEvent(event: RolloutEvent, plan: Plan): Fact | null {
  switch (event.type) {
    case 'phase.started':
      return fact('phase-started', 'heading', `Phase ${event.phase}: ${titleOf(plan, event.phase)}`, {
        phase: event.phase,
      });
    case 'phase.finished':
      return fact('phase-finished', 'quiet', `phase ${event.phase} is ${event.status}`, {
        phase: event.phase,
        status: event.status,
      });
    case 'step.completed':
      return narrateStep(event, plan);
    case 'step.held':
      // A stage that has just begun has no evidence yet; should that last, the view shows it.
      if (event.hold === 'no-evidence') return null;
      return fact('held', 'notice', `${event.stepId} holds: ${event.reason}`, { step: event.stepId, hold: event.hold });
    case 'step.warned':
      return fact('warned', 'notice', `${event.stepId} warns: ${event.rules}`, { step: event.stepId });
    case 'step.skipped':
      return fact('skipped', 'notice', `${event.stepId} is skipped: ${event.reason}`, { step: event.stepId });
    case 'flag.exposure-changed':
      return narrateExposure(event, plan);
    case 'flag.exposure-confirmed':
      // With each stage that everybody has come to, a migration is at 0 % of the next.
      return event.exposure === 0 && !isMigration(plan, event.flag) ? narrateBackOnLegacy(event) : null;
    case 'approval.requested':
      return fact('approval-requested', 'notice', `A person is asked: ${event.question}`, { step: event.stepId });
    case 'approval.given':
      return fact('approval-given', 'good', `${event.person} approves: ${event.reason}`, {
        step: event.stepId,
        person: event.person,
      });
    case 'approval.rejected':
      return fact('approval-rejected', 'bad', `${event.person} rejects: ${event.reason}`, {
        step: event.stepId,
        person: event.person,
      });
    case 'rollback.initiated':
      return narrateRollback(event);
    case 'rollback.completed':
      return narrateRolledBack(event);
    case 'rollback.failed':
      return fact('rollback-failed', 'bad', `${event.rollbackId} FAILED: ${event.standing}`, {
        rollback: event.rollbackId,
      });
    case 'run.paused':
      return fact('run-paused', 'notice', `the run is paused: ${event.reason}`);
    case 'run.resumed':
      return fact('run-resumed', 'plain', `the run goes on: ${event.reason}`);
    case 'run.finished':
      return fact('run-finished', 'heading', `The run is finished, ${event.outcome}: ${event.reason}`, {
        outcome: event.outcome,
      });
    default:
      return null;
  }
}

const STAGE_MEANINGS: Readonly<Record<MigrationStage, string>> = {
  off: 'only legacy is read and written',
  dualwrite: 'both sides are written, legacy is read',
  shadow: 'both sides are read and compared, legacy answers',
  live: 'both sides are read and compared, the candidate answers everybody',
  rampdown: 'the candidate answers alone, both sides are still written',
  complete: 'legacy is neither read nor written any more',
};

const LONG_HOLD_MS = 5_000;

/** Holds that last, each told once: `told` remembers them. */
export function narrateLongHolds(run: RunView, told: Set<string>): readonly Fact[] {
  return run.phases
    .flatMap(({ steps }) => steps)
    .flatMap(({ id, hold }): readonly Fact[] => {
      if (hold === null || run.now - hold.since < LONG_HOLD_MS || told.has(`${id} ${hold.since}`)) return [];
      told.add(`${id} ${hold.since}`);
      return [fact('held-long', 'notice', `${id} still waits: ${hold.text}`, { step: id, hold: hold.reason })];
    });
}

function narrateStep(event: EventOf<'step.completed'>, plan: Plan): Fact | null {
  const step = plan.phases.flatMap(({ steps }) => steps).find(({ id }) => id === event.stepId);
  if (step === undefined || step.kind === 'approve' || step.kind === 'notify') return null;
  if (step.kind === 'ramp' && step.move !== undefined)
    return fact('stage-reached', 'good', `${step.flag} is at ${step.move.to}: ${STAGE_MEANINGS[step.move.to]}`, {
      flag: step.flag,
      stage: step.move.to,
    });
  if (step.kind === 'ramp')
    return fact('flag-moved', 'good', `${step.flag} has moved, everybody is on the candidate`, { flag: step.flag });
  return fact('step-completed', 'plain', `done: ${step.title}`, { step: step.id });
}

function isMigration({ flags }: Plan, flag: string): boolean {
  return flags[flag]?.migration !== undefined;
}

function narrateExposure(event: EventOf<'flag.exposure-changed'>, plan: Plan): Fact {
  const { flag, from, to, stage } = event;
  const of = isMigration(plan, flag) ? ' of the next stage' : '';
  const move = `${flag} ${percent(from)} → ${percent(to)}${of}`;
  const data = {
    flag,
    fromPercent: from / PARTS_OF_A_PERCENT,
    toPercent: to / PARTS_OF_A_PERCENT,
    reason: event.reason,
  };
  // On the way down the reason was told when the rollback began.
  return stage === null
    ? fact('exposure-changed', 'bad', move, data)
    : fact('exposure-changed', 'plain', `${move.padEnd(42)} ${event.reason}`, data);
}

function narrateBackOnLegacy({ flag, instances, tookMs }: EventOf<'flag.exposure-confirmed'>): Fact {
  const who = instances === 1 ? 'the one SDK instance serves' : `all ${instances} SDK instances serve`;
  return fact(
    'back-on-legacy',
    'good',
    `${flag}: ${who} legacy, confirmed ${Math.round(tookMs)} ms after the flag changed`,
    { flag, instances, tookMs },
  );
}

function narrateRollback(event: EventOf<'rollback.initiated'>): Fact {
  const rules = event.evidence?.verdict.rules.filter(({ verdict }) => verdict === 'fail') ?? [];
  const lines = [
    `ROLLBACK of ${event.scope} ${event.target}, ${event.overMs === 0 ? 'now' : `over ${event.overMs} ms`}: ${event.reason}`,
    ...rules.map(({ text, sample }) => `  ${text}${sample === null ? '' : `, from ${sample} requests`}`),
    `  takes back ${event.flags.join(', ')} and nothing else, within ${Math.round(event.budgetMs / 1000)} s`,
  ];
  return fact('rollback-initiated', 'bad', lines.join('\n'), {
    rollback: event.rollbackId,
    scope: event.scope,
    target: event.target,
    reason: event.reason,
    rules: rules.map(({ rule, value, threshold, sample }) => ({ rule, value, threshold, sample })),
  });
}

function narrateRolledBack(event: EventOf<'rollback.completed'>): Fact {
  const lines = [
    `${event.rollbackId} is done in ${event.durationMs} ms, ${event.withinBudget ? 'within' : 'BEYOND'} its budget, and verified:`,
    ...event.verification.map((line) => `  ${line}`),
  ];
  return fact('rollback-completed', 'good', lines.join('\n'), {
    rollback: event.rollbackId,
    durationMs: event.durationMs,
    withinBudget: event.withinBudget,
    verification: event.verification,
  });
}

function titleOf(plan: Plan, phase: string): string {
  return plan.phases.find(({ name }) => name === phase)?.title ?? phase;
}

function percent(exposure: number): string {
  return `${exposure / PARTS_OF_A_PERCENT} %`;
}

function fact(kind: string, tone: Fact['tone'], text: string, data?: Fact['data']): Fact {
  return { kind, tone, text, ...(data === undefined ? {} : { data }) };
}
