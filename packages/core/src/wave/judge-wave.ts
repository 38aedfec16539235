import { EXPOSURE_WHOLE } from '../flag/index.ts';
import { formatDuration, isOpen, nextOpening, type TimeWindow } from '../time/index.ts';
import { CANDIDATE_STATES, type SubjectState } from './subject-state.ts';
import type { WaveCounts, WavePermit, WaveProgress } from './wave.ts';

/** When a wave is stopped, and when it may go on. Shares are parts of 100 000. */
export interface WaveStop {
  /** A greater share of failed validations pauses the wave at once. */
  readonly failures: number;
  /** It goes on once at least this share of what had failed is valid when it is validated again. */
  readonly resume: number;
  /** So long after such a pause, by the clock and not by windows, it is taken back. */
  readonly afterMs: number;
}

/** Where a plan says nothing. */
export const USUAL_STOP: WaveStop = { failures: 5_000, resume: 98_000, afterMs: 4 * 3_600_000 };

/** What a run knows of one of its waves, from its events. */
export interface WaveStanding {
  readonly permit: WavePermit;
  /** Why it is paused; null where it is not. */
  readonly pause: WavePause | null;
  /** How many of its members were chosen. */
  readonly total: number;
  /** The last moment at which anything about it was seen to change; epoch milliseconds. */
  readonly movedAt: number;
  /** When its undo began; null before. */
  readonly undoBegunAt: number | null;
}

export interface WavePause {
  readonly at: number;
  /** `person` is ended by a person only. */
  readonly cause: 'failures' | 'person' | 'window';
  /** How many subjects are being validated again; null where nobody has asked for it. */
  readonly revalidating: number | null;
}

/** By what a wave is bounded. */
export interface WaveBounds {
  readonly windows: readonly TimeWindow[];
  readonly stop: WaveStop;
  /** How long taking it back may take; null where nothing bounds it. */
  readonly budgetMs: number | null;
}

/** What is to be done about a wave now. Only `stay` is no transition. */
export type WaveVerdict =
  | { readonly kind: 'stay' /** What it waits for, for people. */; readonly waiting: string }
  | { readonly kind: 'open'; readonly reason: string }
  | { readonly kind: 'pause'; readonly cause: 'failures' | 'window'; readonly reason: string }
  | { readonly kind: 'resume'; readonly reason: string }
  | { readonly kind: 'roll-back'; readonly reason: string }
  | { readonly kind: 'finish'; readonly reason: string }
  /** Taken back as far as it can be; conflicts are left to a person. */
  | { readonly kind: 'undone'; readonly conflicts: number; readonly reason: string };

/** So few validations say little of a share: one that fails among the first of a large wave does not stop it. */
const FEW = 20;
/** Somebody must be told when nothing has moved for so long although it may. */
export const SILENT_AFTER_MS = 300_000;

/** What is to be done about a wave, by its numbers at one moment. */
export function judgeWave(standing: WaveStanding, bounds: WaveBounds, progress: WaveProgress): WaveVerdict {
  switch (standing.permit) {
    case 'selected':
      return judgeSelected(bounds, progress.at);
    case 'open':
      return judgeOpen(standing, bounds, progress);
    case 'paused':
      return judgePaused(standing, bounds, progress);
    case 'undoing':
      return judgeUndo(standing, bounds, progress);
    case 'closed':
      return { kind: 'stay', waiting: '' };
  }
}

function judgeSelected({ windows }: WaveBounds, at: number): WaveVerdict {
  return isOpen(windows, at)
    ? { kind: 'open', reason: 'its members are frozen' }
    : { kind: 'stay', waiting: waitForWindow(windows, at) };
}

function judgeOpen(standing: WaveStanding, bounds: WaveBounds, { counts, at, isIdle }: WaveProgress): WaveVerdict {
  const failing = failureReason(counts, standing.total, bounds.stop);
  if (failing !== null) return { kind: 'pause', cause: 'failures', reason: failing };
  const left = inStates(counts, UNFINISHED);
  if (left > 0 && !isOpen(bounds.windows, at)) {
    const reason = `its window has closed with ${left} of ${standing.total} left; ${waitForWindow(bounds.windows, at)}`;
    return { kind: 'pause', cause: 'window', reason };
  }
  const watched = inStates(counts, WATCHED);
  if (left === 0 && watched === 0 && isIdle) return { kind: 'finish', reason: settledText(counts, standing.total) };
  if (left === 0) return { kind: 'stay', waiting: `${watched} of ${standing.total} are still being watched` };
  return { kind: 'stay', waiting: silenceText(standing, at, left) ?? `${left} of ${standing.total} are left` };
}

/** Said of work that may go on and does not; null while it does. */
function silenceText({ movedAt, total }: WaveStanding, at: number, left: number): string | null {
  const silentMs = at - movedAt;
  if (silentMs < SILENT_AFTER_MS) return null;
  const since = `nothing has moved for ${formatDuration(silentMs)}, with ${left} of ${total} left`;
  return `${since}: is a worker running that allows its handler?`;
}

function judgePaused(
  { pause, total }: WaveStanding,
  { windows, stop }: WaveBounds,
  { counts, at }: WaveProgress,
): WaveVerdict {
  if (pause === null || pause.cause === 'person') return { kind: 'stay', waiting: 'a person has paused it' };
  if (pause.cause === 'failures') {
    const proof = resumeReason(pause, counts, stop);
    if (proof === null) return judgeUnresolved(pause, stop, { counts, at });
    if (isOpen(windows, at) || inStates(counts, UNFINISHED) === 0) return { kind: 'resume', reason: proof };
    return { kind: 'pause', cause: 'window', reason: `${proof}; ${waitForWindow(windows, at)}` };
  }
  if (isOpen(windows, at)) return { kind: 'resume', reason: 'its window has opened' };
  const failing = failureReason(counts, total, stop);
  // Batches that were under way when the window closed end after it, and may show what must stop it.
  if (failing !== null) return { kind: 'pause', cause: 'failures', reason: failing };
  return { kind: 'stay', waiting: waitForWindow(windows, at) };
}

function judgeUnresolved(
  { at: since, revalidating }: WavePause,
  { afterMs, resume }: WaveStop,
  { counts, at }: Pick<WaveProgress, 'at' | 'counts'>,
): WaveVerdict {
  if (at - since >= afterMs) {
    return { kind: 'roll-back', reason: `its failed validations are unresolved for ${formatDuration(afterMs)}` };
  }
  const then = `it is taken back in ${formatDuration(afterMs - (at - since))} unless ${percentText(resume)} are valid`;
  if (revalidating === null) return { kind: 'stay', waiting: `failed subjects must be validated again; ${then}` };
  const valid = counts.validated - counts.invalid;
  const told = `${counts.validated} of ${revalidating} are validated again, ${valid} of them are valid`;
  return { kind: 'stay', waiting: `${told}; ${then}` };
}

function judgeUndo(standing: WaveStanding, { budgetMs }: WaveBounds, progress: WaveProgress): WaveVerdict {
  const { counts, at, isIdle } = progress;
  const tookMs = at - (standing.undoBegunAt ?? at);
  const late = budgetMs !== null && tookMs > budgetMs ? `, over its budget of ${formatDuration(budgetMs)}` : '';
  const left = inStates(counts, TO_TAKE_BACK);
  // A conflict is left as it is, on the candidate, until a person has decided.
  if (isIdle && left <= counts.conflicts) {
    const kept = counts.conflicts === 0 ? '' : `, ${counts.conflicts} changed since and wait for a person`;
    const reason = `${counts.byState['rolled-back']} are taken back in ${formatDuration(tookMs)}${late}${kept}`;
    return { kind: 'undone', conflicts: counts.conflicts, reason };
  }
  const waiting = silenceText(standing, at, left) ?? `${left} of ${standing.total} are still to be taken back`;
  return { kind: 'stay', waiting: `${waiting}${late}` };
}

const UNFINISHED: readonly SubjectState[] = ['pending', 'checked', 'saved', 'migrated'];
const WATCHED: readonly SubjectState[] = ['validated', 'watched'];
const TO_TAKE_BACK: readonly SubjectState[] = ['saved', 'migrated', ...CANDIDATE_STATES];

/** Why the wave must stop, or null where it need not. Of few validations the share is taken of as many as {@link FEW}. */
function failureReason({ validated, invalid }: WaveCounts, total: number, { failures }: WaveStop): string | null {
  const of = Math.max(validated, Math.min(total, FEW));
  if (invalid * EXPOSURE_WHOLE <= failures * of) return null;
  return `${invalid} of ${validated} validations failed, more than ${percentText(failures)}`;
}

/** What proves that the wave may go on, or null where nothing does. Nothing validated again is no proof. */
function resumeReason(
  { revalidating }: WavePause,
  { validated, invalid }: WaveCounts,
  { resume }: WaveStop,
): string | null {
  if (revalidating === null || validated === 0 || validated < revalidating) return null;
  const valid = validated - invalid;
  if (valid * EXPOSURE_WHOLE < resume * validated) return null;
  return `${valid} of ${validated} are valid now, at least ${percentText(resume)}`;
}

function settledText({ byState }: WaveCounts, total: number): string {
  const others = (['failed', 'rolled-back', 'skipped'] as const).flatMap((state) =>
    byState[state] === 0 ? [] : [`${byState[state]} ${state}`],
  );
  return [`${byState.done} of ${total} are done`, ...others].join(', ');
}

function waitForWindow(windows: readonly TimeWindow[], at: number): string {
  return `its window opens at ${new Date(nextOpening(windows, at)).toISOString()}`;
}

function inStates({ byState }: WaveCounts, states: readonly SubjectState[]): number {
  return states.reduce((sum, state) => sum + byState[state], 0);
}

function percentText(share: number): string {
  return `${share / 1_000} %`;
}
