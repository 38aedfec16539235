import type { Arm } from '../flag/index.ts';
import type { RollbackScope, Watch } from '../health/index.ts';
import type { Plan } from '../plan/index.ts';
import type { EffectResult } from './effect.ts';
import type { Actor } from './event.ts';
import type { PauseScope } from './state.ts';

/** What a person asks for. */
export type Verb =
  | { readonly verb: 'pause'; readonly scope?: PauseScope }
  | { readonly verb: 'resume'; readonly scope?: PauseScope }
  | { readonly verb: 'hold'; readonly stepId?: string }
  | { readonly verb: 'release'; readonly stepId?: string }
  | { readonly verb: 'approve'; readonly stepId?: string }
  | { readonly verb: 'reject'; readonly stepId?: string }
  | { readonly verb: 'promote'; readonly stepId?: string; readonly toEnd?: boolean }
  | { readonly verb: 'skip'; readonly stepId?: string }
  | { readonly verb: 'retry'; readonly stepId?: string; readonly andAfter?: boolean }
  | { readonly verb: 'trigger'; readonly name: string }
  | { readonly verb: 'rollback'; readonly scope: RollbackScope; readonly target?: string; readonly overMs: number }
  | { readonly verb: 'edit'; readonly plan: Plan; readonly planHash: string }
  /** Lets subjects in or keeps them out one by one; with null the plan decides about them again. */
  | {
      readonly verb: 'override';
      readonly flag: string;
      readonly subjects: readonly string[];
      readonly to: Arm | null;
      /** They are the flag's exact cohort, which is frozen by that. */
      readonly asCohort?: boolean;
    }
  | { readonly verb: 'cancel' }
  | { readonly verb: 'abort' };

export type VerbName = Verb['verb'];

/** A verb with who asks, why, and the revision they were looking at. */
export interface Command {
  readonly verb: Verb;
  readonly actor: Actor;
  readonly reason: string;
  /** When given and no longer current, the command is refused; rollback and abort are never refused for it. */
  readonly expectedRevision?: number;
}

/** Everything that can make a run move. */
export type Input =
  | { readonly kind: 'command'; readonly command: Command }
  | { readonly kind: 'timer' }
  | { readonly kind: 'effect-finished'; readonly effectId: string; readonly result: EffectResult }
  | { readonly kind: 'judged'; readonly watch: Watch }
  | {
      readonly kind: 'exposure-confirmed';
      readonly flag: string;
      /** The revision whose exposure the instances serve. */
      readonly revision: number;
      readonly instances: number;
      readonly silent: number;
    };
