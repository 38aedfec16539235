export { CANDIDATE_STATES, mayFollow, SUBJECT_STATES, type SubjectState } from './subject-state.ts';
export type { WaveCounts, WavePermit, WaveProgress, WaveSelection } from './wave.ts';
