import { readFile } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { errorText, TheseusError } from '@theseus/core/error';
import {
  type Diagnostic,
  formatDiagnostic,
  type ParsedPlan,
  parsePlan,
  environmentsIn as planEnvironments,
} from '@theseus/core/plan';
import type { Output } from '../output.ts';

export interface ReadPlanFile extends ParsedPlan {
  /** The text that diagnostics point into. */
  readonly text: string;
}

/** What a plan file leaves open, as the command line says it. */
export interface PlanChoice {
  /** Values of variables. */
  readonly set?: Readonly<Record<string, string>>;
  /** Which of its environments is meant. */
  readonly env?: string;
}

const CODE = ['.ts', '.mts', '.js', '.mjs'];

/** Reads a plan from YAML, JSON, or a TypeScript file that exports definePlan(…); the latter is evaluated here only. */
export async function readPlanFile(file: string, choice: PlanChoice): Promise<ReadPlanFile> {
  const text = await textOf(file);
  const options = {
    file,
    variables: choice.set ?? {},
    ...(choice.env === undefined ? {} : { environment: choice.env }),
  };
  if (!CODE.includes(extname(file))) return { ...parsePlan(text, options), text };
  const source = await evaluate(file);
  const json = JSON.stringify(source, null, 2);
  if (json === undefined)
    throw new TheseusError(
      'invalid-plan',
      `${file} has no default export: end it with 'export default definePlan({ … })'`,
    );
  return { ...parsePlan(json, options), text: json };
}

/** The environments that a plan file lists; none where it cannot be read, which is told when it is. */
export async function environmentsIn(file: string): Promise<readonly string[]> {
  try {
    const text = CODE.includes(extname(file)) ? JSON.stringify(await evaluate(file)) : await textOf(file);
    return planEnvironments(text);
  } catch {
    return [];
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : errorText(error);
    throw new TheseusError('invalid-argument', `Cannot read the plan ${file}: ${why}`, { cause: error });
  }
}

async function evaluate(file: string): Promise<unknown> {
  const { createJiti } = await import('jiti');
  try {
    const jiti = createJiti(import.meta.url, { moduleCache: false, fsCache: false });
    return await jiti.import(resolve(file), { default: true });
  } catch (error) {
    throw new TheseusError('invalid-plan', `Cannot evaluate ${file}: ${errorText(error)}`, { cause: error });
  }
}

/** Tells problems where trouble is told: standard error for people, NDJSON for machines. */
export function tellDiagnostics(diagnostics: readonly Diagnostic[], text: string, output: Output): void {
  for (const diagnostic of diagnostics) {
    output.emit({ kind: 'diagnostic', ...diagnostic });
    if (output.json) continue;
    output.warn(formatDiagnostic(diagnostic));
    for (const frame of codeFrame(diagnostic, text)) output.warn(frame);
  }
}

/** A diagnostic with the line it points to and a caret under the place. */
export function codeFrame(diagnostic: Diagnostic, text: string): readonly string[] {
  const line = text.split('\n')[diagnostic.line - 1];
  if (line === undefined || line.trim() === '') return [];
  const gutter = String(diagnostic.line);
  const caret = ' '.repeat(Math.max(0, diagnostic.column - 1));
  return [`  ${gutter} | ${line}`, `  ${' '.repeat(gutter.length)} | ${caret}^`];
}
