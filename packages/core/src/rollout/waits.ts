import { isHealthy, type Watch } from '../health/index.ts';
import type { Step } from '../plan/index.ts';
import { formatDuration, isOpen, nextOpening } from '../time/index.ts';
import type { RampStep, RetireStep } from './plan-index.ts';
import { describeApprovers, missingApprovers } from './quorum.ts';
import { keptOut, keptOutText, retiresAt } from './retirement.ts';
import type { Hold, RollbackState, RolloutState, StepState } from './state.ts';
import type { WaitView } from './view.ts';
import { currentSteps } from './wake.ts';
import { soakOf } from './watch-targets.ts';

type Watches = ReadonlyMap<string, Watch>;

/** One sentence for each thing the run waits for, and who or what can end the wait [ALL-6]. */
export function waitsOf(state: RolloutState, watches: Watches, now: number): readonly WaitView[] {
  const rollbacks = state.rollbacks
    .filter(({ status }) => status === 'running')
    .map((known) => rollbackWait(state, known));
  if (state.status === 'finished') return [...rollbacks, ...freezeWaits(state)];
  const steps = currentSteps(state)
    .filter((step) => !state.rollbacks.some(({ status, steps: ids }) => status === 'running' && ids.includes(step.id)))
    .map((step) => stepWait(state, step, watches, now));
  return [...pauseWait(state), ...rollbacks, ...steps];
}

/** A change freeze that outlives its run is somebody's morning: it must be seen. */
function freezeWaits(state: RolloutState): readonly WaitView[] {
  return Object.entries(state.freezes).flatMap(([stepId, { status }]) => {
    if (status === 'lifted') return [];
    if (status === 'on')
      return [wait(stepId, 'worker', `The change freeze of ${stepId} is being lifted.`, 'a worker', null)];
    const text = `The change freeze of ${stepId} could not be lifted.`;
    return [wait(stepId, 'person', text, 'an operator who lifts it by hand', null)];
  });
}

function pauseWait(state: RolloutState): readonly WaitView[] {
  if (state.status !== 'paused') return [];
  return state.pausedBy.map((scope) =>
    scope === 'run'
      ? wait(
          null,
          'person',
          'The run is paused: nothing moves, health is still judged.',
          'an operator',
          `theseus resume ${state.runId}`,
        )
      : wait(
          null,
          'person',
          'The whole system is paused: nothing moves, health is still judged.',
          'an operator',
          'theseus resume --all',
        ),
  );
}

function rollbackWait(state: RolloutState, rollback: RollbackState): WaitView {
  const exposed = rollback.flags.filter((key) => (state.flags[key]?.exposure ?? 0) > 0);
  const unconfirmed = rollback.flags.filter((key) => !state.flags[key]?.confirmed);
  const name = `${rollback.id} of ${rollback.scope} ${rollback.target}`;
  if (exposed.length > 0) {
    const until = rollback.initiatedAt + rollback.overMs;
    const text = `${name} takes ${exposed.join(', ')} down in steps.`;
    return { ...wait(null, 'time', text, 'itself', rollbackNow(state, rollback)), until };
  }
  if (unconfirmed.length > 0) {
    return wait(
      null,
      'instances',
      `${name} waits for every instance to serve legacy for ${unconfirmed.join(', ')}.`,
      'the instances',
      null,
    );
  }
  return wait(null, 'worker', `${name} is taking steps back and verifying.`, 'a worker', null);
}

function rollbackNow(state: RolloutState, { scope, target }: RollbackState): string {
  const what = { flag: `--flag ${target}`, phase: `--phase ${target}`, point: `--to ${target}`, plan: '--plan' }[scope];
  return `theseus rollback ${state.runId} ${what}`;
}

function stepWait(state: RolloutState, step: Step, watches: Watches, now: number): WaitView {
  const known = state.steps[step.id];
  if (known === undefined || known.status === 'pending') return pendingWait(state, step, now);
  if (known.hold !== null) return holdWait(state, step, known.hold);
  if (known.approval !== null) return approvalWait(state, step, known.approval, now);
  switch (step.kind) {
    case 'ramp':
      return rampWait(state, step, known, watches, now);
    case 'wait':
      return {
        ...wait(
          step.id,
          'time',
          `${step.title} waits ${formatDuration(Math.max(0, (known.until ?? now) - now))} more.`,
          'time',
          `theseus promote ${state.runId} --step ${step.id}`,
        ),
        until: known.until,
      };
    case 'retire':
      return retirementWait(state, step, now);
    case 'watch':
      return healthWait(state, step, watches, `watching ${step.flags.join(', ') || 'health'}`, now);
    default:
      return wait(step.id, 'worker', `${step.title} is at work.`, 'the worker that runs it', null);
  }
}

function retirementWait(state: RolloutState, step: RetireStep, now: number): WaitView {
  const at = retiresAt(state, step);
  if (at === null) {
    const text = `${step.title} waits for ${step.flag} to be at 100 %.`;
    return wait(step.id, 'person', text, 'an operator who skips it', `theseus skip ${state.runId} --step ${step.id}`);
  }
  const named = keptOut(state, step.flag);
  if (at <= now && named.length > 0) {
    const text = `${step.title} waits: ${keptOutText(step.flag, named)}.`;
    return wait(step.id, 'person', text, 'an operator', `theseus flags overrides ${step.flag}`);
  }
  const text = `${step.flag} is retired in ${formatDuration(Math.max(0, at - now))}.`;
  return { ...wait(step.id, 'time', text, 'time', `theseus promote ${state.runId} --step ${step.id}`), until: at };
}

function pendingWait(state: RolloutState, step: Step, now: number): WaitView {
  const hold = state.steps[step.id]?.hold ?? null;
  if (hold !== null) return holdWait(state, step, hold);
  if (step.notBefore !== null && now < step.notBefore) {
    const text = `${step.title} begins at ${new Date(step.notBefore).toISOString()}.`;
    return { ...wait(step.id, 'time', text, 'time', null), until: step.notBefore };
  }
  if (!isOpen(step.windows, now)) {
    const until = nextOpening(step.windows, now);
    return { ...wait(step.id, 'time', `${step.title} waits for its window.`, 'time', null), until };
  }
  const open = step.needs.filter((id) => ['pending', 'running'].includes(state.steps[id]?.status ?? ''));
  return wait(
    step.id,
    'worker',
    `${step.title} waits for ${open.join(', ') || 'its turn'}.`,
    'the steps before it',
    null,
  );
}

function holdWait(state: RolloutState, step: Step, hold: Hold): WaitView {
  const command = (verb: string): string => `theseus ${verb} ${state.runId} --step ${step.id}`;
  switch (hold.reason) {
    case 'person':
      return wait(
        step.id,
        'person',
        `${step.title} is held by a person: ${hold.text}.`,
        'an operator',
        command('release'),
      );
    case 'destination':
      return wait(
        step.id,
        'health',
        `${step.title} is not rolled back by itself, because legacy is no better: ${hold.text}.`,
        'health returning on either side, or an operator who rolls back all the same',
        rollbackCommand(state, step),
      );
    case 'gate':
    case 'no-evidence':
    case 'blind':
      return healthHoldWait(step, hold.reason, hold.text, command);
    case 'unrepaired':
      return wait(
        step.id,
        'health',
        `${step.title} waits until both sides have all that was written: ${hold.text}.`,
        'repairs that succeed, or an operator who goes on all the same',
        command('promote'),
      );
    case 'rejected':
      return wait(
        step.id,
        'person',
        `${step.title} is held: ${hold.text}.`,
        'an approver who agrees after all, or a rollback',
        command('approve'),
      );
    case 'outcome-unknown':
      return wait(
        step.id,
        'person',
        `${step.title} was cut off and may or may not have happened: ${hold.text}.`,
        'an operator who looks, then retries or promotes it',
        command('retry'),
      );
    case 'check-failed':
    case 'command-failed':
    case 'baseline-failed':
    case 'rehearsal-failed':
    case 'timed-out':
      return wait(
        step.id,
        'person',
        `${step.title} is held: ${hold.text}.`,
        'an operator who mends it and retries',
        command('retry'),
      );
  }
}

/** What returning health ends by itself. */
function healthHoldWait(
  step: Step,
  reason: 'gate' | 'no-evidence' | 'blind',
  text: string,
  command: (verb: string) => string,
): WaitView {
  switch (reason) {
    case 'gate': {
      const why = `${step.title} is held by its gate: ${text}.`;
      return wait(step.id, 'health', why, 'health returning, or an operator', command('promote'));
    }
    case 'no-evidence': {
      const why = `${step.title} is held because nobody can tell whether it is healthy: ${text}.`;
      return wait(step.id, 'health', why, 'fresh data, or an operator', command('promote'));
    }
    case 'blind': {
      const why = `${step.title} was taken back because nobody could tell: ${text}.`;
      return wait(step.id, 'health', why, 'healthy data, or an operator who begins it again', command('retry'));
    }
  }
}

function rollbackCommand(state: RolloutState, step: Step): string {
  return step.kind === 'ramp'
    ? `theseus rollback ${state.runId} --flag ${step.flag}`
    : `theseus rollback ${state.runId} --plan`;
}

function approvalWait(
  state: RolloutState,
  step: Step,
  approval: NonNullable<StepState['approval']>,
  now: number,
): WaitView {
  const given = approval.given.map(({ person }) => person);
  const missing = missingApprovers(approval.by, given, state.plan.people);
  if (missing.length === 0) return agreedWait(state, step, now);
  const who = describeApprovers(missing);
  const soFar = given.length === 0 ? '' : ` (${given.join(', ')} agreed)`;
  const text = `${approval.question} Waits for ${who}${soFar}.`;
  return wait(step.id, 'person', text, who, `theseus approve ${state.runId} --step ${step.id}`);
}

/** Everybody has agreed; what still keeps the step is the pause, its window or its health. */
function agreedWait(state: RolloutState, step: Step, now: number): WaitView {
  const agreed = `${step.title} is agreed to and moves`;
  if (state.status === 'paused') {
    const text = `${agreed} once the run is resumed.`;
    const what = state.pausedBy.includes('run') ? state.runId : '--all';
    return wait(step.id, 'person', text, 'an operator', `theseus resume ${what}`);
  }
  if (!isOpen(step.windows, now)) {
    const until = nextOpening(step.windows, now);
    return { ...wait(step.id, 'time', `${agreed} when its window opens.`, 'time', null), until };
  }
  return wait(step.id, 'health', `${agreed} at the next healthy look.`, 'health', null);
}

function rampWait(state: RolloutState, step: RampStep, known: StepState, watches: Watches, now: number): WaitView {
  if (known.stage < 0) {
    if (isOpen(step.windows, now)) return beginWait(state, step);
    const until = nextOpening(step.windows, now);
    return { ...wait(step.id, 'time', `${step.flag} waits for its window.`, 'time', null), until };
  }
  const exposure = (state.flags[step.flag]?.exposure ?? 0) / 1000;
  return healthWait(state, step, watches, `${step.flag} soaks at ${exposure} %`, now);
}

/** A ramp that may begin does; only a migration waits for what must be true before its next stage. */
function beginWait(state: RolloutState, step: RampStep): WaitView {
  const isServed = state.flags[step.flag]?.confirmed ?? true;
  const what = `${step.flag} comes to ${step.move?.to ?? 'its first exposure'}`;
  return isServed
    ? wait(step.id, 'health', `${what} at the next look at what waits to be repaired.`, 'the next look', null)
    : wait(
        step.id,
        'worker',
        `${what} once every instance serves the stage before.`,
        'instances that are behind',
        null,
      );
}

function healthWait(state: RolloutState, step: Step, watches: Watches, what: string, now: number): WaitView {
  const mine = [...watches.values()].filter(
    ({ stepId, stage }) => stepId === step.id && stage === (state.steps[step.id]?.stage ?? -1),
  );
  const soakMs = soakOf(state, step.id);
  const soakedMs = mine.length === 0 ? 0 : Math.min(...mine.map((watch) => watch.soakedMs));
  const leftMs = Math.max(0, soakMs - soakedMs);
  const promote = `theseus promote ${state.runId} --step ${step.id}`;
  const unhealthy = mine.find(({ verdict }) => verdict !== null && !isHealthy(verdict.verdict));
  const progress = `${formatDuration(Math.min(soakedMs, soakMs))} of ${formatDuration(soakMs)} healthy`;
  if (unhealthy?.verdict) {
    return wait(
      step.id,
      'health',
      `${what}: ${progress}, not counting now: ${unhealthy.verdict.text}.`,
      'fresh, healthy data',
      promote,
    );
  }
  if (leftMs === 0 && !isOpen(step.windows, now)) {
    return {
      ...wait(step.id, 'time', `${what}: healthy, waits for its window.`, 'time', null),
      until: nextOpening(step.windows, now),
    };
  }
  return {
    ...wait(step.id, 'health', `${what}: ${progress}.`, 'time, while it stays healthy', promote),
    until: now + leftMs,
  };
}

function wait(
  stepId: string | null,
  on: WaitView['on'],
  text: string,
  endedBy: string,
  command: string | null,
): WaitView {
  return { stepId, on, text, until: null, endedBy, command };
}
