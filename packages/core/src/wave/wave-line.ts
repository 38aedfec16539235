import { CANDIDATE_STATES, type SubjectState } from './subject-state.ts';
import type { WavePermit, WaveProgress } from './wave.ts';
import type { WaveEnd } from './wave-end.ts';

const PERMIT_WORDS: Readonly<Record<WavePermit, string | null>> = {
  closed: 'closed',
  open: null,
  paused: 'paused',
  selected: 'not begun',
  undoing: 'being taken back',
};
const TOLD: readonly SubjectState[] = ['failed', 'skipped', 'rolled-back'];

/**
 * Where a wave stands, in one line.
 *
 * @param end when it ends at the pace it has; null where nobody can tell
 * @example waveLine(progress, 'open', end) // 'pilot 31 of 50 · 2 failed · 18/s · ends about 2026-05-05 02:40 UTC'
 */
export function waveLine({ wave, counts }: WaveProgress, permit: WavePermit, end: WaveEnd | null): string {
  const { byState, perSecond, conflicts } = counts;
  const total = Object.values(byState).reduce((sum, subjects) => sum + subjects, 0);
  const proven = CANDIDATE_STATES.reduce((sum, state) => sum + byState[state], 0);
  const isMoving = permit === 'open' || permit === 'undoing';
  const parts = [
    `${wave} ${proven} of ${total}`,
    PERMIT_WORDS[permit],
    ...TOLD.map((state) => (byState[state] === 0 ? null : `${byState[state]} ${state.replace('-', ' ')}`)),
    conflicts === 0 ? null : `${conflicts} wait for a person`,
    isMoving && perSecond > 0 ? `${paceText(perSecond)}/s` : null,
    permit === 'open' && end !== null ? endText(end) : null,
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

function paceText(perSecond: number): string {
  return perSecond >= 10 ? String(Math.round(perSecond)) : String(Math.round(perSecond * 10) / 10);
}

function endText({ at, openings }: WaveEnd): string {
  const moment = `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return openings > 1 ? `ends about ${moment}, over ${openings} windows` : `ends about ${moment}`;
}
