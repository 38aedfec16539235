import type { AttributeCondition, AttributeValue } from '../flag/index.ts';
import type { Gate } from '../health/index.ts';
import { parseInstant } from '../time/index.ts';
import { nearest, suggest } from './did-you-mean.ts';
import type { Approver, Channel, Person, PlanFlag, Risk, RiskApproval, Segment, Signal, SignalSource, SignalUnit } from './plan.ts';
import type { Path } from './problems.ts';
import { readDuration, readPercent } from './quantities.ts';
import { type ReadingContext, readCommand, readShape, requireName } from './reading-context.ts';
import { readRule } from './read-rule.ts';
import {
  type ApproveSource,
  type AttributeTestSource,
  type ChannelSource,
  type FlagSource,
  type GateSource,
  type RiskSource,
  signalSchemas,
} from './source-schema.ts';

const DEFAULT_EVERY_MS = 30_000;
const DEFAULT_OVER_MS = 60_000;
/** A telemetry reading older than this is stale unless the signal says otherwise. */
const DEFAULT_FRESH_MS = 90_000;
const REPORT_FRESH_MS = 86_400_000;
const DEFAULT_MIN_SAMPLE = 20;
const FASTEST_GATE_MS = 100;

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
  const read = readShape(context, path, signalSchemas[kind], source);
  if (read === null) return null;
  const freshForMs = optionalDuration(context, [...path, 'freshFor'], read.freshFor, kind === 'reported' ? REPORT_FRESH_MS : DEFAULT_FRESH_MS);
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
    context.problems.add({ path: [...path, later], code: 'not-available', message, mend: `available are: ${kinds.join(', ')}`, atKey: true });
    return null;
  }
  const wrong = keys.find((key) => nearest(key, kinds) !== null);
  const at = wrong === undefined ? path : [...path, wrong];
  const mend = wrong === undefined ? `give it one of: ${kinds.join(', ')}` : suggest(wrong, kinds);
  context.problems.add({ path: at, code: 'unknown-source', message: `signal '${path[1]}' has no source`, mend, atKey: wrong !== undefined });
  return null;
}

function readTelemetrySignal(context: ReadingContext, name: string, path: Path, source: unknown): Signal | null {
  const read = readShape(context, path, signalSchemas.telemetry, source);
  if (read === null) return null;
  const unit = UNIT_OF_METRIC[read.telemetry] ?? 'count';
  if (read.unit !== undefined && read.unit !== unit) {
    const message = `${read.telemetry} is measured in ${unit}, not in ${read.unit}`;
    context.problems.add({ path: [...path, 'unit'], code: 'wrong-unit', message, mend: `write 'unit: ${unit}' or leave it out` });
  }
  const overMs = optionalDuration(context, [...path, 'over'], read.over, DEFAULT_OVER_MS);
  const freshForMs = optionalDuration(context, [...path, 'freshFor'], read.freshFor, DEFAULT_FRESH_MS);
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
      context.problems.add({ path: [...path, 'pointer'], code: 'invalid-pointer', message: `'${pointer}' is not a JSON pointer`, mend });
      return null;
    }
    return valid ? { kind: 'http', url: read.http, pointer } : null;
  }
  if (read.command === undefined) return { kind: 'reported' };
  const command = readCommand(context, [...path, 'command'], read.command, true);
  return command === null ? null : { kind: 'command', argv: command.argv };
}

/** Addresses must be http or https. What stands in `${{ env.NAME }}` is filled in where it is used, never here. */
export function checkUrl(context: ReadingContext, path: Path, text: string): boolean {
  const filled = text.replace(/\$\{\{\s*env\.\w+\s*\}\}/g, (_whole, offset: number) => (offset === 0 ? 'http://secret.invalid' : 'secret'));
  // A variable without a value has been told already.
  if (URL_SHAPE.test(filled) || filled.includes('${{ vars.')) return true;
  context.problems.add({ path, code: 'invalid-url', message: `'${text}' is not an http address`, mend: 'write http://… or https://…' });
  return false;
}

const URL_SHAPE = /^https?:\/\/[^\s/?#]+[^\s]*$/;

export function readGate(context: ReadingContext, name: string, source: GateSource): Gate | null {
  const path = ['gates', name];
  const everyMs = optionalDuration(context, [...path, 'every'], source.every, DEFAULT_EVERY_MS);
  if (everyMs !== null && everyMs < FASTEST_GATE_MS) {
    const message = `'${source.every}' is too often`;
    context.problems.add({ path: [...path, 'every'], code: 'too-often', message, mend: `every ${FASTEST_GATE_MS}ms is the most` });
  }
  const rules = source.rules.map((rule, index) => readRule(context.problems, [...path, 'rules', index], rule, context.names.readSignals));
  if (everyMs === null || rules.includes(null)) return null;
  return { name, everyMs, rules: rules.filter((rule) => rule !== null), minSample: source.minSample ?? DEFAULT_MIN_SAMPLE };
}

export function readRisk(context: ReadingContext, name: string, source: RiskSource): Risk | null {
  const path = ['risks', name];
  const through = readThrough(context, [...path, 'through'], source.through);
  const soakMs = readDuration(context.problems, [...path, 'soak'], source.soak);
  const approve = readApprove(context, [...path, 'approve'], source.approve);
  if (through === null || soakMs === null || approve === undefined) return null;
  return { name, through, soakMs, approve };
}

/** Exposures must grow: a ramp that shrinks would take people off the candidate by plan. */
export function readThrough(context: ReadingContext, path: Path, source: readonly string[]): readonly number[] | null {
  const through = source.map((text, index) => readPercent(context.problems, [...path, index], text));
  const whole = through.filter((exposure) => exposure !== null);
  if (whole.length < through.length) return null;
  for (const [index, exposure] of whole.entries()) {
    const before = whole[index - 1] ?? 0;
    if (exposure > before) continue;
    const message = `${source[index]} does not grow: ${source[index - 1]} stands before it`;
    const sorted = [...new Set(whole)].sort((left, right) => left - right).map((parts) => `${parts / 1_000}%`);
    context.problems.add({ path: [...path, index], code: 'shrinking-percentage', message, mend: `write [${sorted.join(', ')}]` });
    return null;
  }
  return whole;
}

/** Undefined after telling what is wrong; null where nobody has to approve. */
export function readApprove(context: ReadingContext, path: Path, source: ApproveSource | undefined): RiskApproval | null | undefined {
  if (source === undefined) return null;
  if (source === true) return { fromExposure: 0, by: [] };
  const fromExposure = source.from === undefined ? 0 : readPercent(context.problems, [...path, 'from'], source.from);
  const by = readApprovers(context, [...path, 'by'], source.by);
  return fromExposure === null || by === null ? undefined : { fromExposure, by };
}

export function readApprovers(context: ReadingContext, path: Path, source: string | readonly string[] | undefined): readonly Approver[] | null {
  const list = source === undefined ? [] : typeof source === 'string' ? [source] : source;
  const approvers = list.map((text, index) => {
    const at = typeof source === 'string' ? path : [...path, index];
    const match = /^\s*(?:(\d+)\s+of\s+)?([\w-]+)\s*$/.exec(text);
    if (match === null || match[1] === '0') {
      context.problems.add({ path: at, code: 'invalid-approver', message: `'${text}' is not an approver`, mend: "write a role, or '2 of release'" });
      return null;
    }
    return checkRole(context, at, { role: match[2] ?? '', count: Number(match[1] ?? 1) });
  });
  return approvers.includes(null) ? null : approvers.filter((approver) => approver !== null);
}

function checkRole(context: ReadingContext, path: Path, approver: Approver): Approver | null {
  const held = context.names.rolesHeld.get(approver.role) ?? 0;
  if (held >= approver.count) return approver;
  const message = held === 0 ? `nobody holds the role '${approver.role}'` : `only ${held} hold the role '${approver.role}'`;
  const near = nearest(approver.role, context.names.rolesHeld.keys());
  const mend = near === null || held > 0 ? `add them under 'people:', such as 'ana: [${approver.role}]'` : `did you mean '${near}'?`;
  context.problems.add({ path, code: 'unknown-role', message, mend });
  return null;
}

export function readPerson(name: string, source: readonly string[] | { readonly roles: readonly string[] }): Person {
  return { name, roles: 'roles' in source ? source.roles : source };
}

export function readChannel(context: ReadingContext, name: string, source: ChannelSource): Channel | null {
  if ('console' in source) return { kind: 'console', name };
  return checkUrl(context, ['channels', name, 'webhook'], source.webhook) ? { kind: 'webhook', name, url: source.webhook } : null;
}

export function readFlag(context: ReadingContext, key: string, source: FlagSource | null): PlanFlag | null {
  const path = ['flags', key];
  const flag = source ?? {};
  if (flag.risk !== undefined) requireName(context, [...path, 'risk'], 'risk', flag.risk, context.names.risks);
  flag.requires?.forEach((name, index) => void requireName(context, [...path, 'requires', index], 'flag', name, context.names.flags));
  const rules = (flag.segments ?? []).map(({ segment, exposure }, index) => {
    const at = [...path, 'segments', index];
    requireName(context, [...at, 'segment'], 'segment', segment, context.names.segments);
    return { segment, exposure: readPercent(context.problems, [...at, 'exposure'], exposure) ?? 0 };
  });
  return {
    key,
    risk: flag.risk ?? null,
    requires: flag.requires ?? [],
    fallback: flag.fallback ?? true,
    overrides: { candidate: flag.include ?? [], legacy: flag.exclude ?? [] },
    rules,
  };
}

export function readSegment(
  context: ReadingContext,
  key: string,
  source: Readonly<Record<string, AttributeTestSource>>,
): Segment {
  const conditions = Object.entries(source).flatMap(([attribute, test]) =>
    readTest(context, ['segments', key, attribute], attribute, test),
  );
  return { key, conditions };
}

function readTest(
  context: ReadingContext,
  path: Path,
  attribute: string,
  test: AttributeTestSource,
): readonly AttributeCondition[] {
  if (Array.isArray(test)) return [{ attribute, operator: 'in', values: test }];
  if (typeof test !== 'object') return [{ attribute, operator: 'in', values: [test] }];
  return Object.entries(test).flatMap(([operator, value]) => {
    if (operator !== 'after' && operator !== 'before') return readOperator(attribute, operator, value);
    const moment = readMoment(context, [...path, operator], String(value));
    return moment === null ? [] : [{ attribute, operator, value: moment }];
  });
}

/** A date alone is its first moment in UTC. */
function readMoment(context: ReadingContext, path: Path, text: string): string | null {
  const moment = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  const at = parseInstant(moment);
  if (at !== null) return moment;
  const mend = 'write 2026-05-01 or 2026-05-01T09:00:00Z';
  context.problems.add({ path, code: 'invalid-date', message: `'${text}' is not a date`, mend });
  return null;
}

function readOperator(attribute: string, operator: string, value: unknown): readonly AttributeCondition[] {
  switch (operator) {
    case 'in':
    case 'notIn':
      return [{ attribute, operator, values: value as AttributeValue[] }];
    case 'startsWith':
    case 'endsWith':
      return [{ attribute, operator, values: Array.isArray(value) ? value : [String(value)] }];
    case 'atLeast':
    case 'atMost':
    case 'above':
    case 'below':
      return [{ attribute, operator, value: Number(value) }];
    default:
      return [];
  }
}

export function optionalDuration(context: ReadingContext, path: Path, text: string | undefined, otherwise: number): number | null {
  return text === undefined ? otherwise : readDuration(context.problems, path, text);
}
