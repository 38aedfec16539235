import type { Command, FollowUp, Probe, Step } from '../plan/index.ts';
import { type Draft, requestEffect } from './draft.ts';
import type { EffectRequest } from './effect.ts';
import type { Actor } from './event.ts';
import { waitEnd } from './initial-state.ts';
import { indexOf } from './plan-index.ts';
import { rehearsedParts } from './rehearsal.ts';
import { retiresAt } from './retirement.ts';
import type { RolloutState } from './state.ts';

/** Starts a step, or starts it again after a hold. */
export function startStep(draft: Draft, step: Step, reason: string, actor?: Actor): void {
  const attempt = (draft.state.steps[step.id]?.attempt ?? 0) + 1;
  const until = endOf(draft, step);
  draft.emit({ type: 'step.started', stepId: step.id, attempt, until }, reason, actor);
  if (step.kind === 'fallback-off' && !draft.state.flags[step.flag]?.fallbackOff) {
    draft.emit({ type: 'flag.fallback-changed', flag: step.flag, fallback: false }, `${step.title} asks for it`, actor);
  }
  const request = nextRequest(draft.state, step);
  if (request !== null) requestStepEffect(draft, step, request);
}

/** When time alone ends a step that begins now; null where it does not. */
function endOf(draft: Draft, step: Step): number | null {
  if (step.kind === 'retire') return retiresAt(draft.state, step);
  return step.kind === 'wait' ? waitEnd(step, draft.now) : null;
}

/** Asks for what the step does next, under an id that names step, attempt and part. */
export function requestStepEffect(draft: Draft, step: Step, request: EffectRequest): void {
  const state = draft.state.steps[step.id];
  const id = `${step.id}#${state?.attempt ?? 1}.${(state?.effectsDone ?? 0) + 1}`;
  requestEffect(
    draft,
    id,
    request,
    { kind: 'step', stepId: step.id },
    { reason: `${step.title} asks for it`, timeoutMs: step.timeoutMs },
  );
}

/** The next thing a step has to do outside the engine, or null when there is nothing (more). */
export function nextRequest(state: RolloutState, step: Step): EffectRequest | null {
  const done = state.steps[step.id]?.effectsDone ?? 0;
  switch (step.kind) {
    case 'check':
      return done === 0 ? probeRequest(state, step.probe) : null;
    case 'run':
      return done === 0 ? { ...commandRequest(state, step.command), captures: step.captures } : null;
    case 'backup':
      if (done === 0) return { ...commandRequest(state, step.command), captures: step.captures };
      return done === 1 && step.verify !== null ? commandRequest(state, step.verify) : null;
    case 'baseline':
      return done === 0
        ? {
            kind: 'baseline',
            overMs: step.overMs,
            flags: [...indexOf(state.plan).rampsOf.keys()],
            ...(step.shape === undefined ? {} : { shape: step.shape }),
          }
        : null;
    case 'notify':
      return done === 0 ? followUpRequest(state, step, null, step) : null;
    case 'rehearse': {
      const part = rehearsedParts(state.plan, step)[done];
      if (part === undefined) return null;
      return part.kind === 'probe' ? probeRequest(state, part.probe) : commandRequest(state, part.command);
    }
    case 'freeze':
      return done === 0 ? commandRequest(state, step.command) : null;
    case 'ramp':
    case 'approve':
    case 'fallback-off':
    case 'point':
    case 'retire':
    case 'wait':
    case 'watch':
      return null;
  }
}

/** Fills captured artefacts into each argument by itself, so that none can become two arguments or an option list. */
export function commandRequest(
  state: RolloutState,
  command: Command,
): Extract<EffectRequest, { readonly kind: 'command' }> {
  return { kind: 'command', argv: filled(state, command), repeatable: command.repeatable, captures: [] };
}

/** A probe to ask; one that is a command may use artefacts as any other does. */
export function probeRequest(state: RolloutState, probe: Probe): Extract<EffectRequest, { readonly kind: 'probe' }> {
  if (probe.kind === 'http') return { kind: 'probe', probe };
  return { kind: 'probe', probe: { ...probe, command: { ...probe.command, argv: filled(state, probe.command) } } };
}

function filled(state: RolloutState, { argv }: Command): readonly string[] {
  return argv.map((argument) =>
    argument.replace(/\$\{\{\s*([\w-]+)\s*\}\}/g, (whole, name: string) => state.captures[name] ?? whole),
  );
}

/** What a message about a rollback or a contingency may say of it. */
export interface Trouble {
  readonly reason: string;
  readonly target: string;
  readonly standing: string;
}

/** A command to run or a message to send, with everything filled in. */
export function followUpRequest(
  state: RolloutState,
  action: FollowUp | Extract<Step, { readonly kind: 'notify' }>,
  trouble: Trouble | null,
  step?: Step,
): EffectRequest {
  if (action.kind === 'run') return commandRequest(state, action.command);
  const phase = step === undefined ? undefined : indexOf(state.plan).phaseOf.get(step.id);
  const fields: Readonly<Record<string, string>> = {
    ...state.captures,
    'plan.name': state.plan.name,
    'plan.title': state.plan.title,
    'phase.name': phase?.name ?? '',
    'phase.title': phase?.title ?? '',
    'step.title': step?.title ?? '',
    'run.id': state.runId,
    'run.status': state.status,
    ...(trouble === null
      ? {}
      : {
          'trouble.reason': trouble.reason,
          'trouble.target': trouble.target,
          'trouble.standing': trouble.standing,
        }),
  };
  const template = state.plan.messages[action.message] ?? action.message;
  const text = template.replace(
    /\{\{\s*([\w.-]+)\s*\}\}/g,
    (_whole, name: string) => fields[name] ?? `(${name} is not known yet)`,
  );
  return { kind: 'message', channel: action.channel, text };
}
