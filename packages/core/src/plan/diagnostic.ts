/** One problem in a plan file: where it is, what is wrong and how to mend it. Lines and columns count from 1. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** A stable name of the kind of problem, such as `unknown-gate`. */
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the document, such as `phases[1].steps[0].gate`. */
  readonly path: string;
  readonly message: string;
  /** What to do about it. */
  readonly mend: string;
}
