import type { Arm, MigrationStage } from '@theseus/core/flag';

/** What is read and written at a stage, and by which side it is decided how an operation ended. */
export interface StageRule {
  readonly reads: Arm | 'both';
  /** Its write is done first and decides, and at a stage that reads both its answer is given, unless the flag prefers another. */
  readonly authority: Arm;
  readonly writes: Arm | 'both';
}

/** The six stages, as the field knows them. */
export const STAGE_TABLE: Readonly<Record<MigrationStage, StageRule>> = {
  off: { reads: 'legacy', authority: 'legacy', writes: 'legacy' },
  dualwrite: { reads: 'legacy', authority: 'legacy', writes: 'both' },
  shadow: { reads: 'both', authority: 'legacy', writes: 'both' },
  live: { reads: 'both', authority: 'candidate', writes: 'both' },
  rampdown: { reads: 'candidate', authority: 'candidate', writes: 'both' },
  complete: { reads: 'candidate', authority: 'candidate', writes: 'candidate' },
};

export function otherSide(side: Arm): Arm {
  return side === 'legacy' ? 'candidate' : 'legacy';
}
