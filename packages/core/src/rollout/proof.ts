import { explainWatch, type Gate, type Watch } from '../health/index.ts';

/**
 * What a soak that is over still asks for where the judge cannot rule harm out: nothing, more soak, a person, or evidence.
 * No alarm is not health: what is not proven is never silently gone on with.
 */
export type ProofAsked = 'nothing' | 'more-soak' | 'person' | 'evidence';

/** A soak may last so many times as long while evidence gathers. */
const LONGEST_EXTENSION = 2;

export function proofAsked(gate: Gate, { verdict, soakedMs }: Watch, soakMs: number): ProofAsked {
  const judgement = verdict?.judgement;
  // An exposure without a soak was proven by the one before it.
  if (judgement?.verdict !== 'inconclusive' || soakMs === 0 || soakedMs < soakMs) return 'nothing';
  if (gate.mode === 'observe') return 'nothing';
  switch (gate.onInconclusive ?? 'extend') {
    case 'extend':
      return soakedMs < LONGEST_EXTENSION * soakMs ? 'more-soak' : 'evidence';
    case 'approve':
      return 'person';
    case 'hold':
      return 'evidence';
  }
}

/** What is not ruled out, for whoever is asked to go on all the same. */
export function openQuestion(watch: Watch): string {
  const { headline, lines } = explainWatch(watch);
  return `Not proven: ${[headline, ...lines].join('; ')}`;
}
