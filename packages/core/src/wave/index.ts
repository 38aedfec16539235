export {
  type ChosenWave,
  chooseWave,
  type SubjectAttributes,
  stratumOf,
  type WaveCandidate,
  type WaveRule,
} from './choose-wave.ts';
export {
  judgeWave,
  SILENT_AFTER_MS,
  USUAL_STOP,
  type WaveBounds,
  type WavePause,
  type WaveStanding,
  type WaveStop,
  type WaveVerdict,
} from './judge-wave.ts';
export { isLooser, parseScoreBound, type ScoreBound } from './score-bound.ts';
export { selectionText } from './selection-text.ts';
export { spreadOver } from './spread-over.ts';
export { CANDIDATE_STATES, mayFollow, SUBJECT_STATES, type SubjectState } from './subject-state.ts';
export type { WaveCounts, WavePermit, WaveProgress, WaveSelection } from './wave.ts';
export { type WaveEnd, type WaveRest, waveEnd } from './wave-end.ts';
export { waveLine } from './wave-line.ts';
export { type SharedWave, type SubjectsThere, type WaveSize, waveCount } from './wave-size.ts';
export { parseTake, sizeWaves, type TakingWave, type WaveSizing, type WaveTake } from './wave-takes.ts';
