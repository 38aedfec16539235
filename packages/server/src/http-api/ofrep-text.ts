import type { CompiledFlags, Evaluation, EvaluationContext } from '@theseus/core/flag';

const ENCODER = new TextEncoder();
const HEAD = ENCODER.encode('{"flags":[');
const TAIL = ENCODER.encode(']}');

interface Ending extends Pick<Evaluation, 'arm' | 'reason'> {
  readonly errorCode: Evaluation['errorCode'];
  readonly text: Uint8Array;
}

/**
 * Writes the answers for all flags of one version as JSON. Made from pieces that are kept: a thousand answers differ by
 * their keys and a handful of endings, and turning each into an object and that into text took longer than evaluating.
 */
export class OfrepText {
  readonly #flags: CompiledFlags;
  readonly #answerOf: (evaluation: Evaluation) => { readonly key: string };
  /** Each flag with what its answer begins with. */
  readonly #beginnings: readonly (readonly [key: string, text: Uint8Array])[];
  /** Bytes of all beginnings. */
  readonly #length: number;
  /** A handful: as many as there are answers. */
  readonly #endings: Ending[] = [];
  #longestEnding = 0;

  constructor(flags: CompiledFlags, answerOf: (evaluation: Evaluation) => { readonly key: string }) {
    this.#flags = flags;
    this.#answerOf = answerOf;
    this.#beginnings = [...flags.keys()].map((key, at) => [
      key,
      ENCODER.encode(`${at === 0 ? '' : ','}{"key":${JSON.stringify(key)},`),
    ]);
    this.#length = this.#beginnings.reduce((sum, [, text]) => sum + text.length, 0);
  }

  /** `{"flags":[…]}` for one subject, in UTF-8. */
  write(subject: EvaluationContext): Uint8Array<ArrayBuffer> {
    const endings = this.#beginnings.map(([key]) => this.#ending(this.#flags.evaluate(key, subject)));
    const text = new Uint8Array(HEAD.length + this.#length + endings.length * this.#longestEnding + TAIL.length);
    let length = 0;
    const add = (part: Uint8Array): void => {
      text.set(part, length);
      length += part.length;
    };
    add(HEAD);
    for (let at = 0; at < endings.length; at += 1) {
      add(this.#beginnings[at]?.[1] ?? HEAD);
      add(endings[at] ?? TAIL);
    }
    add(TAIL);
    return text.subarray(0, length);
  }

  /** All of an answer but its key. */
  #ending(evaluation: Evaluation): Uint8Array {
    const { arm, reason, errorCode } = evaluation;
    for (const known of this.#endings) {
      if (known.reason === reason && known.arm === arm && known.errorCode === errorCode) return known.text;
    }
    const { key: _key, ...rest } = this.#answerOf(evaluation);
    const text = ENCODER.encode(JSON.stringify(rest).slice(1));
    this.#endings.push({ arm, reason, errorCode, text });
    this.#longestEnding = Math.max(this.#longestEnding, text.length);
    return text;
  }
}
