import { checkUrl } from './check-url.ts';
import { nearest, suggest } from './did-you-mean.ts';
import type { Signal, SignalSource, SignalUnit } from './plan.ts';
import type { Path } from './problems.ts';
import { readLeniently } from './read-outline.ts';
import { optionalSpan, type ReadingContext, readCommand } from './reading-context.ts';
import { signalSchemas } from './source-schema.ts';

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
};

/** Sources that later versions bring; named here so that a plan that wants one is told so. */
const LATER_SOURCES = ['prometheus', 'sql', 'alertmanager'];

export function readSignal(context: ReadingContext, name: string, source: unknown): Signal | null {
  const path = ['signals', name];
  const kind = signalKind(context, path, source);
  if (kind === null) return null;
  if (kind === 'telemetry') return readTelemetrySignal(context, name, path, source);
  const read = readLeniently(context.problems, path, signalSchemas[kind], source);
  if (read === undefined) return null;
  const freshForMs = optionalSpan(
    context,
    [...path, 'freshFor'],
    read.freshFor,
    kind === 'reported' ? REPORT_FRESH_MS : DEFAULT_FRESH_MS,
  );
  const from = plainSource(context, path, read);
  if (from === null || freshForMs === null) return null;
  return { name, source: from, unit: read.unit ?? 'count', overMs: DEFAULT_OVER_MS, freshForMs };
}

function signalKind(context: ReadingContext, path: Path, source: unknown): keyof typeof signalSchemas | null {
  const kinds = Object.keys(signalSchemas) as (keyof typeof signalSchemas)[];
  const keys = typeof source === 'object' && source !== null && !Array.isArray(source) ? Object.keys(source) : [];
  const found = kinds.find((kind) => keys.includes(kind));
  if (found !== undefined) return found;
  const later = keys.find((key) => LATER_SOURCES.includes(key));
  if (later !== undefined) {
    const message = `${later} sources are not available yet`;
    context.problems.add({
      path: [...path, later],
      code: 'not-available',
      message,
      mend: `available are: ${kinds.join(', ')}`,
      atKey: true,
    });
    return null;
  }
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

function plainSource(
  context: ReadingContext,
  path: Path,
  read: { http?: string; pointer?: string | undefined; command?: string | string[]; reported?: true },
): SignalSource | null {
  if (read.http !== undefined) {
    const pointer = read.pointer ?? '';
    const valid = checkUrl(context, [...path, 'http'], read.http);
    if (pointer !== '' && !pointer.startsWith('/')) {
      const mend = `did you mean '/${pointer}'?`;
      context.problems.add({
        path: [...path, 'pointer'],
        code: 'invalid-pointer',
        message: `'${pointer}' is not a JSON pointer`,
        mend,
      });
      return null;
    }
    return valid ? { kind: 'http', url: read.http, pointer } : null;
  }
  if (read.command === undefined) return { kind: 'reported' };
  const at = [...path, 'command'];
  const command = readCommand(context, at, read.command, { repeatable: true });
  if (command?.argv.some((argument) => argument.includes('${{')) && !context.problems.isTouched(at)) {
    const message = `the command of signal '${path[1]}' holds an artefact, which is filled in for steps only`;
    context.problems.add({ path: at, code: 'unknown-artefact', message, mend: 'let the program find it by itself' });
  }
  return command === null ? null : { kind: 'command', argv: command.argv };
}
