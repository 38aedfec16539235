/**
 * Where one subject of a data migration stands; each is in exactly one of these.
 *
 * - `pending`: chosen for no wave yet, or waiting for its turn in one
 * - `checked`: fit to be migrated
 * - `saved`: its state from before is stored, and its hash
 * - `migrated`: the handler said so
 * - `validated`: proven to be right; from here on its flag answers candidate
 * - `watched`: validated once more when its watch ended
 * - `done`: nothing is left to do
 * - `failed`: given up, with the reason; it is on legacy, its data as it was saved
 * - `rolled-back`: taken back, its data proven to be as it was saved
 * - `skipped`: not to be migrated, with the reason
 */
export type SubjectState = (typeof SUBJECT_STATES)[number];

export const SUBJECT_STATES = [
  'pending',
  'checked',
  'saved',
  'migrated',
  'validated',
  'watched',
  'done',
  'failed',
  'rolled-back',
  'skipped',
] as const;

/** In these states the subject's flag answers candidate. */
export const CANDIDATE_STATES: readonly SubjectState[] = ['validated', 'watched', 'done'];

const NEXT: Readonly<Record<SubjectState, readonly SubjectState[]>> = {
  pending: ['checked', 'skipped', 'failed'],
  checked: ['saved', 'skipped', 'failed', 'pending'],
  saved: ['migrated', 'failed', 'rolled-back', 'pending'],
  migrated: ['validated', 'failed', 'rolled-back'],
  // An undo first takes the flag back, and the data after it: meanwhile the subject is migrated, and no more than that.
  validated: ['watched', 'done', 'migrated'],
  watched: ['done', 'migrated'],
  done: ['migrated'],
  failed: ['pending', 'skipped'],
  'rolled-back': ['pending'],
  skipped: ['pending'],
};

/** Whether the ledger lets a subject go from one state straight to another. */
export function mayFollow(from: SubjectState, to: SubjectState): boolean {
  return NEXT[from].includes(to);
}
