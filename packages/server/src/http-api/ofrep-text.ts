import type { CompiledFlags, Evaluation, EvaluationContext } from '@theseus/core/flag';

const ENCODER = new TextEncoder();
const HEAD = ENCODER.encode('{"flags":[');
const NOTHING = new Uint8Array();

interface Ending extends Pick<Evaluation, 'variant' | 'reason'> {
  /** Whether the flag answers the name of its variant. */
  readonly isDivided: boolean;
  readonly errorCode: Evaluation['errorCode'];
  readonly text: Uint8Array;
}

interface Beginning {
  readonly key: string;
  readonly isDivided: boolean;
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
  readonly #beginnings: readonly Beginning[];
  /** Bytes of all beginnings. */
  readonly #length: number;
  /** A handful: as many as there are answers. */
  readonly #endings: Ending[] = [];
  #longestEnding = 0;

  constructor(flags: CompiledFlags, answerOf: (evaluation: Evaluation) => { readonly key: string }) {
    this.#flags = flags;
    this.#answerOf = answerOf;
    this.#beginnings = [...flags.keys()].map((key, at) => ({
      key,
      isDivided: flags.definition(key)?.variants !== undefined,
      text: ENCODER.encode(`${at === 0 ? '' : ','}{"key":${JSON.stringify(key)},`),
    }));
    this.#length = this.#beginnings.reduce((sum, { text }) => sum + text.length, 0);
  }

  /**
   * `{"flags":[…],…}` for one subject, in UTF-8.
   *
   * @param draw the number drawn for this call, for flags that keep nobody
   * @param rest what else the answer holds, after the flags
   */
  write(subject: EvaluationContext, draw: number, rest: Readonly<Record<string, unknown>>): Uint8Array<ArrayBuffer> {
    const endings = this.#beginnings.map(({ key, isDivided }) =>
      this.#ending(this.#flags.evaluate(key, subject, draw), isDivided),
    );
    const tail = ENCODER.encode(`],${JSON.stringify(rest).slice(1)}`);
    const text = new Uint8Array(HEAD.length + this.#length + endings.length * this.#longestEnding + tail.length);
    let length = 0;
    const add = (part: Uint8Array): void => {
      text.set(part, length);
      length += part.length;
    };
    add(HEAD);
    for (let at = 0; at < endings.length; at += 1) {
      add(this.#beginnings[at]?.text ?? NOTHING);
      add(endings[at] ?? NOTHING);
    }
    add(tail);
    return text.subarray(0, length);
  }

  /** All of an answer but its key. */
  #ending(evaluation: Evaluation, isDivided: boolean): Uint8Array {
    const { variant, reason, errorCode } = evaluation;
    for (const known of this.#endings) {
      const isSame = known.reason === reason && known.variant === variant && known.errorCode === errorCode;
      if (isSame && known.isDivided === isDivided) return known.text;
    }
    const { key: _key, ...rest } = this.#answerOf(evaluation);
    const text = ENCODER.encode(JSON.stringify(rest).slice(1));
    this.#endings.push({ variant, isDivided, reason, errorCode, text });
    this.#longestEnding = Math.max(this.#longestEnding, text.length);
    return text;
  }
}
