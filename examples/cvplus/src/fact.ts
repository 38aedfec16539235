/** How a fact is meant, for its colour on a terminal. */
export type Tone = 'heading' | 'plain' | 'good' | 'bad' | 'notice' | 'quiet';

/** Something the demo tells: a sentence for people, and data for programs. */
export interface Fact {
  readonly kind: string;
  readonly tone: Tone;
  readonly text: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Takes facts and shows them. */
export type Tell = (fact: Fact) => void;
