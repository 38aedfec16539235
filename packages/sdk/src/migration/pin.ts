import { type Arm, MIGRATION_STAGES, type MigrationStage, murmur3 } from '@theseus/core/flag';

/** What a pin says: where the work began. */
export interface Pinned {
  readonly flag: string;
  readonly arm: Arm;
  readonly stage: MigrationStage;
  /** Of the flags when the work began. */
  readonly version: number;
}

export type ReadPin =
  | { readonly kind: 'pin'; readonly pinned: Pinned }
  | { readonly kind: 'invalid'; readonly reason: string };

const FORM = /^m1\.(?<arm>[lc])\.(?<stage>\d)\.(?<version>\d{1,16})\.(?<check>[0-9a-z]{1,7})\.(?<flag>.+)$/s;

/**
 * A short text that a caller keeps beside its work: form, arm, stage, version, check, flag. The check finds texts that were cut or mixed up;
 * it is no signature, so a pin must not come from whom one does not trust.
 */
export function writePin({ flag, arm, stage, version }: Pinned): string {
  const head = `m1.${arm === 'legacy' ? 'l' : 'c'}.${MIGRATION_STAGES.indexOf(stage)}.${version}`;
  return `${head}.${checkOf(head, flag)}.${flag}`;
}

export function readPin(text: unknown, flag: string): ReadPin {
  const parts = typeof text === 'string' ? FORM.exec(text)?.groups : undefined;
  if (parts === undefined) return { kind: 'invalid', reason: 'it is no pin' };
  const { arm, stage, version, check, flag: of } = parts as Record<keyof Pinned | 'check', string>;
  if (check !== checkOf(`m1.${arm}.${stage}.${version}`, of))
    return { kind: 'invalid', reason: 'its check does not match' };
  if (of !== flag) return { kind: 'invalid', reason: `it belongs to '${of}'` };
  const known = MIGRATION_STAGES[Number(stage)];
  if (known === undefined) return { kind: 'invalid', reason: 'its stage is not known' };
  const pinned: Pinned = {
    flag: of,
    arm: (arm as string) === 'l' ? 'legacy' : 'candidate',
    stage: known,
    version: Number(version),
  };
  return { kind: 'pin', pinned };
}

function checkOf(head: string, flag: string): string {
  return murmur3(`${head}.${flag}`).toString(36);
}
