export type { CompareOptions, CountedDifference, Tolerance } from '@theseus/core/compare';
export { decryptAndCompare } from './decrypt-and-compare.ts';
export {
  type DomSimilarity,
  type DomSimilarityOptions,
  domSimilarity,
  type ToldDifference,
} from './dom/dom-similarity.ts';
export { type JsonDifference, jsonDifference } from './json-difference.ts';
export { type PerformanceOptions, type PerformanceRatio, performanceWithin } from './performance-within.ts';
export {
  type Row,
  type RowCountDifference,
  rowCounts,
  type TableChecksum,
  type TableChecksumOptions,
  tableChecksum,
} from './table-checksum.ts';
