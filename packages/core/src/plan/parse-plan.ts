import {
  type Document,
  isCollection,
  isMap,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  visit,
} from 'yaml';
import type { Diagnostic } from './diagnostic.ts';
import { environmentsOf } from './environments.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Plan } from './plan.ts';
import { planFromSource } from './plan-from-source.ts';
import { formatPath, type Path, type Problem } from './problems.ts';

export interface ParseOptions {
  /** The name that diagnostics show. */
  readonly file: string;
  /** Values over the plan's own variables. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Which of the plan's environments is meant; needed where it has any. */
  readonly environment?: string;
}

export interface ParsedPlan {
  /** Only when there is no error. */
  readonly plan: Plan | null;
  /** Every problem at once, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a plan file (YAML, and so JSON too) and tells every problem with its line, column and mend. */
export function parsePlan(text: string, options: ParseOptions): ParsedPlan {
  if (text.length > PLAN_LIMITS.fileLength) {
    const message = `the file has ${text.length} characters`;
    return failed(options.file, { code: 'too-large', message, mend: `${PLAN_LIMITS.fileLength} is the most` });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const syntax = document.errors.map((error): Diagnostic => {
    const { line, col } = lines.linePos(error.pos[0]);
    return {
      ...place(options.file, line, col),
      code: 'yaml',
      severity: 'error',
      path: '',
      message: error.code === 'MULTIPLE_DOCS' ? 'a second document begins here' : firstLine(error.message),
      mend: yamlMend(error.code),
    };
  });
  if (syntax.length > 0) return { plan: null, diagnostics: syntax };
  const source = toValue(document);
  if (source instanceof Error) {
    const lost = UNRESOLVED_ALIAS.exec(source.message)?.[1];
    if (lost !== undefined) return { plan: null, diagnostics: [tellLostAlias(document, lines, options.file, lost)] };
    const [message, mend] =
      source instanceof RangeError
        ? ['the file is nested too deeply', `${PLAN_LIMITS.depth} levels are the most`]
        : [firstLine(source.message), `use at most ${PLAN_LIMITS.aliases} aliases`];
    return failed(options.file, { code: 'yaml', message, mend });
  }
  if (source === null || typeof source !== 'object' || Array.isArray(source)) {
    return failed(options.file, {
      code: 'empty',
      message: 'the file is not a plan',
      mend: "begin with 'plan: its-name', or let 'theseus init' write one",
    });
  }
  const { variables, environment } = options;
  const { plan, problems } = planFromSource(source, {
    ...(variables === undefined ? {} : { variables }),
    ...(environment === undefined ? {} : { environment }),
  });
  const diagnostics = problems
    .asWritten()
    .map((problem) => locate(document, lines, options.file, problem))
    .sort((left, right) => left.line - right.line || left.column - right.column);
  return { plan, diagnostics };
}

/** The environments that a plan's text lists; none where it lists none or cannot be read, which {@link parsePlan} tells. */
export function environmentsIn(text: string): readonly string[] {
  if (text.length > PLAN_LIMITS.fileLength) return [];
  const source = toValue(parseDocument(text, { prettyErrors: false, stringKeys: true }));
  return source instanceof Error ? [] : environmentsOf(source);
}

/** `plan.yaml:12:7 error: unknown gate 'standrad' — did you mean 'standard'? [unknown-gate]` */
export function formatDiagnostic({ file, line, column, severity, message, mend, code }: Diagnostic): string {
  return `${file}:${line}:${column} ${severity}: ${message} — ${mend} [${code}]`;
}

function toValue(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: PLAN_LIMITS.aliases });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

const UNRESOLVED_ALIAS = /^Unresolved alias .*: (.*)$/;

function tellLostAlias(document: Document, lines: LineCounter, file: string, name: string): Diagnostic {
  let offset = 0;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.source !== name) return undefined;
      offset = alias.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  const { line, col } = lines.linePos(offset);
  return {
    ...place(file, line, col),
    severity: 'error',
    code: 'yaml',
    path: '',
    message: `'*${name}' stands for what is anchored before it with '&${name}', and nothing is`,
    mend: 'put quotes around it if it is a text',
  };
}

function locate(document: Document, lines: LineCounter, file: string, problem: Problem): Diagnostic {
  const offset = offsetOf(document, problem);
  const { line, col } = lines.linePos(offset);
  return {
    ...place(file, line, col),
    severity: problem.severity ?? 'error',
    code: problem.code,
    path: formatPath(problem.path),
    message: problem.message,
    mend: problem.mend,
  };
}

/** Where the problem's node begins; of a node that is not there, its nearest parent. */
function offsetOf(document: Document, problem: Problem): number {
  if (problem.atKey) {
    const key = keyOffset(document, problem.path);
    if (key !== null) return key;
  }
  for (let depth = problem.path.length; depth > 0; depth -= 1) {
    const node = document.getIn(problem.path.slice(0, depth), true) as Node | undefined;
    if (node?.range && depth === problem.path.length) return node.range[0];
    if (node?.range) return keyOffset(document, problem.path.slice(0, depth)) ?? node.range[0];
  }
  return 0;
}

function keyOffset(document: Document, path: Path): number | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(last),
    );
    return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
  }
  if (!isCollection(parent) || typeof last !== 'number') return null;
  const item = parent.items[last] as Node | undefined;
  return item?.range?.[0] ?? null;
}

function place(file: string, line: number, column: number) {
  return { file, line: Math.max(1, line), column: Math.max(1, column) };
}

function failed(
  file: string,
  problem: { readonly code: string; readonly message: string; readonly mend: string },
): ParsedPlan {
  return { plan: null, diagnostics: [{ ...place(file, 1, 1), severity: 'error', path: '', ...problem }] };
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

function yamlMend(code: string): string {
  if (code === 'DUPLICATE_KEY') return 'keep one of them';
  if (code === 'MULTIPLE_DOCS') return 'a file holds one plan: put what follows into a file of its own';
  if (code === 'TAB_AS_INDENT') return 'indent with spaces';
  return 'mend the YAML here; quotes around the text often help';
}
