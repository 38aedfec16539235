import type { Plan } from '@theseus/core/plan';
import type { Effect } from '@theseus/core/rollout';

/** Effects that any machine with a worker can carry out. */
export const EFFECT_TASK = 'theseus_effect';
/** Effects that run commands: only machines that may run commands take them. */
export const COMMAND_TASK = 'theseus_command';

/** Under which name an effect waits, so that it comes to a machine that may carry it out. */
export function taskFor({ request }: Effect, plan: Plan): string {
  switch (request.kind) {
    case 'command':
      return COMMAND_TASK;
    case 'probe':
      return request.probe.kind === 'command' ? COMMAND_TASK : EFFECT_TASK;
    case 'baseline':
      return Object.values(plan.signals).some(({ source }) => source.kind === 'command') ? COMMAND_TASK : EFFECT_TASK;
    case 'message':
      return EFFECT_TASK;
  }
}
