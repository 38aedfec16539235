export {
  type DomSimilarity,
  type DomSimilarityOptions,
  domSimilarity,
  type ToldDifference,
} from './dom/dom-similarity.ts';
