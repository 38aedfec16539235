import type { Diagnostic } from './diagnostic.ts';
import { PLAN_LIMITS } from './limits.ts';

/** Where in the document: `['phases', 1, 'steps', 0, 'gate']`. */
export type Path = readonly (string | number)[];

export interface Problem {
  readonly path: Path;
  readonly code: string;
  readonly message: string;
  readonly mend: string;
  readonly severity?: Diagnostic['severity'];
  /** Whether the key itself is wrong, not what stands behind it. */
  readonly atKey?: boolean;
}

/** Collects every problem of a plan; one place of the document is reported once for the same thing. */
export class Problems {
  readonly #found = new Map<string, Problem>();
  /** Parts of the plan that were written elsewhere, by where they belong. */
  readonly #written = new Map<string, Path>();

  add(problem: Problem): void {
    const key = `${problem.path.join('/')} ${problem.code}`;
    if (!this.#found.has(key) && !this.#isFull(problem.severity)) this.#found.set(key, problem);
  }

  /** Counted by severity: no number of warnings may hide an error. */
  #isFull(severity: Problem['severity']): boolean {
    return this.all().filter((problem) => problem.severity === severity).length >= PLAN_LIMITS.problems;
  }

  /** Whether something at or below the path is wrong, so that what depends on it need not be reported again. */
  isTouched(path: Path): boolean {
    const prefix = path.join('/');
    return this.all().some((problem) => {
      const place = problem.path.join('/');
      return problem.severity !== 'warning' && (place === prefix || place.startsWith(`${prefix}/`));
    });
  }

  /** Whether this kind of problem was told at or below the path. */
  has(code: string, path: Path): boolean {
    const prefix = path.join('/');
    return this.all().some((problem) => problem.code === code && `${problem.path.join('/')}/`.startsWith(`${prefix}/`));
  }

  hasCode(...codes: readonly string[]): boolean {
    return this.all().some(({ code }) => codes.includes(code));
  }

  all(): readonly Problem[] {
    return [...this.#found.values()];
  }

  /** Notes that what belongs at one path was written at another, so that its problems are told there. */
  standsAt(path: Path, written: Path): void {
    this.#written.set(path.join('/'), written);
  }

  /** All problems with the paths where their authors wrote them. */
  asWritten(): readonly Problem[] {
    return this.all().map((problem) => ({ ...problem, path: this.#writtenPath(problem.path) }));
  }

  #writtenPath(path: Path): Path {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const written = this.#written.get(path.slice(0, depth).join('/'));
      if (written !== undefined) return [...written, ...path.slice(depth)];
    }
    return path;
  }

  get hasErrors(): boolean {
    return this.all().some(({ severity }) => severity !== 'warning');
  }
}

/** `phases[1].steps[0].gate` */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}
