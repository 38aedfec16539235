export {
  type ChosenWave,
  chooseWave,
  type SubjectAttributes,
  stratumOf,
  type WaveCandidate,
  type WaveRule,
} from './choose-wave.ts';
export { selectionText } from './selection-text.ts';
export { spreadOver } from './spread-over.ts';
export { CANDIDATE_STATES, mayFollow, SUBJECT_STATES, type SubjectState } from './subject-state.ts';
export type { WaveCounts, WavePermit, WaveProgress, WaveSelection } from './wave.ts';
export { type SharedWave, type SubjectsThere, type WaveSize, waveCount } from './wave-size.ts';
