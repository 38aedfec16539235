import type { z } from 'zod';
import { checkUrl } from './check-url.ts';
import { nearest, suggest } from './did-you-mean.ts';
import type { Signal, SignalSource, SignalUnit } from './plan.ts';
import type { Path } from './problems.ts';
import { readLeniently } from './read-outline.ts';
import { optionalSpan, type ReadingContext, readCommand } from './reading-context.ts';
import { signalSchemas } from './signal-schemas.ts';

const DEFAULT_OVER_MS = 60_000;
/** A telemetry reading older than this is stale unless the signal says otherwise. */
const DEFAULT_FRESH_MS = 90_000;
const REPORT_FRESH_MS = 86_400_000;

const UNIT_OF_METRIC: Readonly<Record<string, SignalUnit>> = {
  'error-rate': 'percent',
  'success-rate': 'percent',
  'latency-p50': 'ms',
  'latency-p95': 'ms',
  'latency-p99': 'ms',
  'request-rate': 'per-second',
  'agreement-rate': 'percent',
};

/** Alertmanager says nothing while nothing fires, but for an alert that always does. */
const ALERT_FRESH_MS = 900_000;

export function readSignal(context: ReadingContext, name: string, source: unknown): Signal | null {
  const path = ['signals', name];
  const kind = signalKind(context, path, source);
  if (kind === null) return null;
  if (kind === 'telemetry') return readTelemetrySignal(context, name, path, source);
  const read = readLeniently(context.problems, path, signalSchemas[kind], source);
  if (read === undefined) return null;
  const usual = FRESH_MS[kind] ?? DEFAULT_FRESH_MS;
  const freshForMs = optionalSpan(context, [...path, 'freshFor'], read.freshFor, usual);
  const from = sourceFrom(context, path, read);
  if (from === null || freshForMs === null) return null;
  return { name, source: from, unit: unitOf(read), overMs: DEFAULT_OVER_MS, freshForMs };
}

const FRESH_MS: Readonly<Partial<Record<keyof typeof signalSchemas, number>>> = {
  reported: REPORT_FRESH_MS,
  alert: ALERT_FRESH_MS,
};

type PlainSource = Exclude<z.output<(typeof signalSchemas)[keyof typeof signalSchemas]>, { telemetry: string }>;

function unitOf(read: PlainSource): SignalUnit {
  if ('goal' in read) return read.measure === 'value' ? 'count' : 'percent';
  const unit = 'unit' in read ? read.unit : undefined;
  return unit === 'ratio' ? 'percent' : (unit ?? 'count');
}

function signalKind(context: ReadingContext, path: Path, source: unknown): keyof typeof signalSchemas | null {
  const kinds = Object.keys(signalSchemas) as (keyof typeof signalSchemas)[];
  const keys = typeof source === 'object' && source !== null && !Array.isArray(source) ? Object.keys(source) : [];
  const found = kinds.find((kind) => keys.includes(kind));
  if (found !== undefined) return found;
  const wrong = keys.find((key) => nearest(key, kinds) !== null);
  const at = wrong === undefined ? path : [...path, wrong];
  const mend = wrong === undefined ? `give it one of: ${kinds.join(', ')}` : suggest(wrong, kinds);
  context.problems.add({
    path: at,
    code: 'unknown-source',
    message: `signal '${path[1]}' has no source`,
    mend,
    atKey: wrong !== undefined,
  });
  return null;
}

function readTelemetrySignal(context: ReadingContext, name: string, path: Path, source: unknown): Signal | null {
  const read = readLeniently(context.problems, path, signalSchemas.telemetry, source);
  if (read === undefined) return null;
  const unit = UNIT_OF_METRIC[read.telemetry] ?? 'count';
  if (read.unit !== undefined && read.unit !== unit) {
    const message = `${read.telemetry} is measured in ${unit}, not in ${read.unit}`;
    context.problems.add({
      path: [...path, 'unit'],
      code: 'wrong-unit',
      message,
      mend: `write 'unit: ${unit}' or leave it out`,
    });
  }
  const overMs = optionalSpan(context, [...path, 'over'], read.over, DEFAULT_OVER_MS);
  const freshForMs = optionalSpan(context, [...path, 'freshFor'], read.freshFor, DEFAULT_FRESH_MS);
  if (overMs === null || freshForMs === null) return null;
  return { name, source: { kind: 'telemetry', metric: read.telemetry }, unit, overMs, freshForMs };
}

function sourceFrom(context: ReadingContext, path: Path, read: PlainSource): SignalSource | null {
  if ('http' in read) return readHttpSource(context, path, read);
  if ('prometheus' in read) return readPrometheusSource(context, path, read);
  if ('sql' in read) return readSqlSource(context, path, read);
  if ('alert' in read) return { kind: 'alert', alert: read.alert, labels: read.labels ?? {} };
  if ('reported' in read) return { kind: 'reported' };
  if ('goal' in read) {
    const better = read.lowerIsBetter === true ? 'lower' : 'higher';
    return { kind: 'goal', goal: read.goal, measure: read.measure ?? 'rate', better };
  }
  const at = [...path, 'command'];
  const command = readCommand(context, at, read.command, { repeatable: true });
  if (command?.argv.some((argument) => argument.includes('${{')) && !context.problems.isTouched(at)) {
    const message = `the command of signal '${path[1]}' holds an artefact, which is filled in for steps only`;
    context.problems.add({ path: at, code: 'unknown-artefact', message, mend: 'let the program find it by itself' });
  }
  return command === null ? null : { kind: 'command', argv: command.argv };
}

function readHttpSource(
  context: ReadingContext,
  path: Path,
  { http, pointer = '' }: Extract<PlainSource, { http: string }>,
): SignalSource | null {
  const valid = checkUrl(context, [...path, 'http'], http);
  if (pointer !== '' && !pointer.startsWith('/')) {
    const mend = `did you mean '/${pointer}'?`;
    const message = `'${pointer}' is not a JSON pointer`;
    context.problems.add({ path: [...path, 'pointer'], code: 'invalid-pointer', message, mend });
    return null;
  }
  return valid ? { kind: 'http', url: http, pointer } : null;
}

function readPrometheusSource(
  context: ReadingContext,
  path: Path,
  { prometheus, legacy, sample, at, unit }: Extract<PlainSource, { prometheus: string }>,
): SignalSource | null {
  const queries = { prometheus, legacy, sample };
  const known = Object.entries(queries).map(([key, query]) => checkPlaceholders(context, [...path, key], query));
  if (at !== undefined && !checkUrl(context, [...path, 'at'], at)) return null;
  if (known.includes(false)) return null;
  if (unit === 'percent') warnRatio(context, path, prometheus);
  const scale = unit === 'ratio' ? 100 : 1;
  return {
    kind: 'prometheus',
    query: prometheus,
    legacy: legacy ?? null,
    sample: sample ?? null,
    url: at ?? null,
    scale,
  };
}

/** One rate divided by another is 0 to 1; taken for percent, every service looks broken, or perfect. */
function warnRatio(context: ReadingContext, path: Path, query: string): void {
  if (!query.includes('/') || /\b100\b/.test(query)) return;
  context.problems.add({
    path: [...path, 'unit'],
    code: 'looks-like-a-ratio',
    severity: 'warning',
    message: 'a quotient answers 0 to 1, and percent are 0 to 100',
    mend: "write 'unit: ratio', or multiply the query by 100",
  });
}

function readSqlSource(
  context: ReadingContext,
  path: Path,
  { sql, database, unit }: Extract<PlainSource, { sql: string }>,
): SignalSource | null {
  const isKnown = checkPlaceholders(context, [...path, 'sql'], sql);
  const filled = database.replace(/\$\{\{\s*env\.\w+\s*\}\}/g, (_whole, offset: number) =>
    offset === 0 ? 'postgres://secret.invalid' : 'secret',
  );
  if (!/^postgres(ql)?:\/\/\S+$/.test(filled)) {
    const mend = 'write postgres://…, or ${{ env.NAME }} for a secret of the server';
    const message = `'${database}' is not the address of a PostgreSQL database`;
    context.problems.add({ path: [...path, 'database'], code: 'invalid-url', message, mend });
    return null;
  }
  return isKnown ? { kind: 'sql', query: sql, database, scale: unit === 'ratio' ? 100 : 1 } : null;
}

const PLACEHOLDER = /\$\{\{\s*([^}]*?)\s*\}\}/g;
const PLACEHOLDERS = ['flag', 'environment'];

function checkPlaceholders(context: ReadingContext, path: Path, query: string | undefined): boolean {
  const unknown = [...(query ?? '').matchAll(PLACEHOLDER)]
    .map(([, name = '']) => name)
    .find((name) => !PLACEHOLDERS.includes(name) && !name.startsWith('vars.'));
  if (unknown === undefined) return true;
  const message = `nothing fills in '\${{ ${unknown} }}' here`;
  context.problems.add({ path, code: 'unknown-placeholder', message, mend: suggest(unknown, PLACEHOLDERS) });
  return false;
}
