import type { JudgeSetting, JudgeState, JudgeVerdict } from './judge-state.ts';

/** A verdict in one sentence, with the numbers it rests on. */
export function wordsFor(_setting: JudgeSetting, state: JudgeState, found: Omit<JudgeVerdict, 'text'>): string {
  return `${found.verdict} ${state.looks}`;
}
