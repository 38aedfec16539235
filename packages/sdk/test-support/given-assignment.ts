import { type Arm, type Assignment, type FlagDefinition, NO_VARIANT, NOT_COMPARED } from '@theseus/core/flag';
import { flagOf } from './fake-server.ts';

/** A request of an arm; of nobody who could be compared unless told otherwise. */
export function givenAssignment(
  arm: Arm,
  definition: Partial<FlagDefinition> = {},
  more: Partial<Assignment> = {},
): Assignment {
  const epoch = definition.epoch ?? 0;
  return {
    definition: flagOf('a', definition),
    arm,
    subject: NOT_COMPARED,
    epoch,
    split: epoch,
    strata: 0,
    variant: NO_VARIANT,
    ...more,
  };
}
