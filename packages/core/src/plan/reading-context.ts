import type { z } from 'zod';
import { suggest } from './did-you-mean.ts';
import type { Command, Signal } from './plan.ts';
import type { Path, Problems } from './problems.ts';
import { splitCommand } from './split-command.ts';
import { reportIssues } from './zod-problems.ts';

/** What readers of parts of a plan share: where problems go, and the names that exist. */
export interface ReadingContext {
  readonly problems: Problems;
  readonly names: PlanNames;
}

/** The names each part defines, known before anything is read, so that order in the file does not matter. */
export interface PlanNames {
  readonly signals: ReadonlySet<string>;
  readonly gates: ReadonlySet<string>;
  readonly risks: ReadonlySet<string>;
  readonly segments: ReadonlySet<string>;
  readonly flags: ReadonlySet<string>;
  readonly channels: ReadonlySet<string>;
  readonly messages: ReadonlySet<string>;
  readonly phases: readonly string[];
  readonly rolesHeld: ReadonlyMap<string, number>;
  /** The signals that could be read; a broken one is null, so that it is known but not reported again. */
  readonly readSignals: Map<string, Signal | null>;
}

/** Tells when a name does not exist. */
export function requireName(context: ReadingContext, path: Path, what: string, name: string, known: Iterable<string>): boolean {
  const names = [...known];
  if (names.includes(name)) return true;
  context.problems.add({ path, code: `unknown-${what}`, message: `unknown ${what} '${name}'`, mend: suggest(name, names) });
  return false;
}

/** Reads a value by its schema, or tells all that is wrong with it. */
export function readShape<Schema extends z.ZodObject>(context: ReadingContext, path: Path, schema: Schema, value: unknown): z.output<Schema> | null {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  reportIssues(context.problems, path, parsed.error.issues, Object.keys(schema.shape));
  return null;
}

/** A command as an argument list, or null after telling why it is none. */
export function readCommand(
  context: ReadingContext,
  path: Path,
  source: string | readonly string[],
  repeatable: boolean,
): Command | null {
  if (typeof source !== 'string') return { argv: source, repeatable };
  const split = splitCommand(source);
  if (split.kind === 'argv') return { argv: split.argv, repeatable };
  context.problems.add({ path, code: 'invalid-command', message: split.message, mend: split.mend });
  return null;
}
