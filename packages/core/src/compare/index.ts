export {
  type CompareLimits,
  type Comparison,
  type CountedComparison,
  type CountedDifference,
  compareAnswers,
  countDifferences,
  type Difference,
  type DifferingPlace,
} from './compare-answers.ts';
export { type CompareOptions, type CompareRules, compileCompareRules, type Tolerance } from './compare-rules.ts';
export { countValues } from './count-values.ts';
