import type { TimeWindow } from '../time/index.ts';
import { suggest } from './did-you-mean.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Command, Signal } from './plan.ts';
import type { Path, Problems } from './problems.ts';
import { readSpan } from './quantities.ts';
import { splitCommand } from './split-command.ts';

/** What readers of parts of a plan share: where problems go, and the names that exist. */
export interface ReadingContext {
  readonly problems: Problems;
  readonly names: PlanNames;
}

/** The names each part defines, known before anything is read, so that order in the file does not matter. */
export interface PlanNames {
  readonly gates: ReadonlySet<string>;
  readonly risks: ReadonlySet<string>;
  readonly segments: ReadonlySet<string>;
  readonly flags: ReadonlySet<string>;
  readonly channels: ReadonlySet<string>;
  readonly messages: ReadonlySet<string>;
  readonly phases: readonly string[];
  /** Rollback points, as steps name them. */
  readonly points: ReadonlySet<string>;
  /** Windows that are named, broken ones too. */
  readonly windows: ReadonlySet<string>;
  /** Named windows; a broken one is null. */
  readonly readWindows: Map<string, readonly TimeWindow[] | null>;
  /** T in epoch milliseconds; null where the plan names none, undefined where it could not be read. */
  readonly launchAt: number | null | undefined;
  readonly rolesHeld: ReadonlyMap<string, number>;
  /** The signals that could be read; a broken one is null, so that it is known but not reported again. */
  readonly readSignals: Map<string, Signal | null>;
  /** Parts of which nobody can tell what they define: references into them are not judged. */
  readonly uncertain: ReadonlySet<string>;
}

/** Tells when a name does not exist. */
export function requireName(
  context: ReadingContext,
  path: Path,
  what: string,
  name: string,
  known: Iterable<string>,
): boolean {
  const names = [...known];
  if (names.includes(name)) return true;
  if (context.names.uncertain.has(`${what}s`)) return false;
  const message = `unknown ${what} '${name}'`;
  context.problems.add({ path, code: `unknown-${what}`, message, mend: suggest(name, names) });
  return false;
}

/** A command as an argument list, or null after telling why it is none. */
export function readCommand(
  context: ReadingContext,
  path: Path,
  source: string | readonly string[],
  options: { readonly repeatable: boolean },
): Command | null {
  const tell = (message: string, mend: string): null => {
    context.problems.add({ path, code: 'invalid-command', message, mend });
    return null;
  };
  const length = typeof source === 'string' ? source.length : source.join(' ').length;
  if (length > PLAN_LIMITS.commandLength) {
    return tell(
      `the command has ${length} characters`,
      `${PLAN_LIMITS.commandLength} is the most: put it into a script`,
    );
  }
  const split = typeof source === 'string' ? splitCommand(source) : ({ kind: 'argv', argv: source } as const);
  if (split.kind === 'problem') return tell(split.message, split.mend);
  if (split.argv[0]?.trim() === '') return tell('the command names no program', 'name the program to run first');
  return { argv: split.argv, repeatable: options.repeatable };
}

export function optionalSpan(
  context: ReadingContext,
  path: Path,
  text: string | undefined,
  otherwise: number,
): number | null {
  return text === undefined ? otherwise : readSpan(context.problems, path, text);
}
