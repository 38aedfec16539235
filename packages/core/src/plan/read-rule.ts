import type { Bound, Comparison, Condition, GateRule, Reference, RollbackScope, RuleAction } from '../health/index.ts';
import { nearest, suggest } from './did-you-mean.ts';
import { PLAN_LIMITS } from './limits.ts';
import type { Signal, SignalUnit } from './plan.ts';
import type { Path, Problems } from './problems.ts';
import { readDuration } from './quantities.ts';
import { readEvidence } from './read-evidence.ts';
import type { PlanNames } from './reading-context.ts';

const CONDITION = /^\s*([\w.-]+)\s*(>=|<=|>|<)\s*(.+?)(?:\s+for\s+(.+?))?\s*$/;
const FACTOR = /^(\d+(?:\.\d+)?)\s*x\s+(\w+)$/;
const SHARE = /^(\d+(?:\.\d+)?)\s*%\s+of\s+(\w+)$/;
const OFFSET = /^(\w+)\s*([+-])\s*(\d+(?:\.\d+)?)\s*(points?|%|ms|s|\/s)?$/;
const ABSOLUTE = /^(-?\d+(?:\.\d+)?)\s*(%|ms|s|\/s)?$/;
const ACTION = /^rollback(?:\s+(flag|phase|plan)|\s+to\s+([\w.-]+))?(?:\s+(now)|\s+over\s+(\S+))?$/;

const HOLD_UNTIL = /^hold\s+until\s+(.+)$/;

const CONDITION_SHAPE =
  "write it like 'errors > 5%', 'latency > 2x baseline for 2m', 'errors > legacy + 5 points' or 'errors worse than legacy'";
const ACTION_SHAPE =
  "write 'rollback now', 'rollback over 5m', 'rollback phase now', 'rollback plan now', 'rollback to POINT now', 'hold', 'hold until CONDITION' or 'warn'";

/** One entry of a gate's rules, or null after telling what is wrong with it. */
export function readRule(
  problems: Problems,
  path: Path,
  rule: Readonly<Record<string, string>>,
  names: Pick<PlanNames, 'readSignals' | 'points'>,
): GateRule | null {
  const [entry, ...more] = Object.entries(rule);
  // An entry whose action is no text has been told.
  if (entry === undefined && problems.isTouched(path)) return null;
  if (entry === undefined || more.length > 0) {
    const message = 'a rule is one condition with one action';
    problems.add({ path, code: 'invalid-rule', message, mend: "write '- errors > 5%: rollback now', one to a line" });
    return null;
  }
  const [written, asked] = entry;
  const at = [...path, written];
  const condition = readCondition(problems, at, written, names.readSignals);
  const action = readAction(problems, at, asked, names);
  return condition === null || action === null ? null : { condition, action };
}

export function readCondition(
  problems: Problems,
  path: Path,
  text: string,
  signals: ReadonlyMap<string, Signal | null>,
): Condition | null {
  const tell = (code: string, message: string, mend: string): null => {
    problems.add({ path, code, message, mend, atKey: true });
    return null;
  };
  if (text.length > PLAN_LIMITS.conditionLength) {
    const most = `${PLAN_LIMITS.conditionLength} is the most`;
    return tell('invalid-condition', `the condition has ${text.length} characters`, most);
  }
  const evidence = readEvidence(text, signals);
  if (evidence !== null) return 'bound' in evidence ? evidence : tell(evidence.code, evidence.message, evidence.mend);
  const match = CONDITION.exec(text);
  if (match === null) return tell('invalid-condition', `'${text}' is not a condition`, CONDITION_SHAPE);
  const [, name = '', comparison = '>', boundText = '', forText] = match;
  if (!signals.has(name)) return tell('unknown-signal', `unknown signal '${name}'`, suggest(name, signals.keys()));
  const signal = signals.get(name) ?? null;
  const forMs = forText === undefined ? 0 : readDuration(problems, path, forText);
  if (signal === null || forMs === null) return null;
  if (signal.source.kind === 'goal') {
    const message = `'${name}' is known by an interval only, which widens and narrows with its users`;
    return tell('not-comparable', message, `write '${name} worse than legacy'`);
  }
  const bound = readBound(boundText.trim(), signal);
  if (typeof bound === 'string') return tell('invalid-bound', `'${boundText.trim()}' cannot bound ${name}`, bound);
  const { unit } = signal;
  return { signal: name, comparison: comparison as Comparison, bound, forMs, text: text.trim(), unit };
}

/** The bound, or how to mend it. */
function readBound(text: string, signal: Signal): Bound | string {
  const factor = FACTOR.exec(text) ?? SHARE.exec(text);
  if (factor !== null) {
    const divisor = SHARE.test(text) ? 100 : 1;
    return relative(factor[2] ?? '', signal, (reference) => ({
      kind: 'factor',
      reference,
      factor: Number(factor[1]) / divisor,
    }));
  }
  const offset = OFFSET.exec(text);
  if (offset !== null && Number.isNaN(Number(text))) {
    const [, reference = '', sign, amount, unit] = offset;
    if (!OFFSET_SIGNS[signal.unit].includes(unit)) {
      return `${signal.name} is measured in ${signal.unit}: write it like '${reference} ${sign} ${OFFSET_SHAPE[signal.unit]}'`;
    }
    const size = (sign === '-' ? -1 : 1) * Number(amount) * (unit === 's' ? 1_000 : 1);
    return relative(reference, signal, (known) => ({ kind: 'offset', reference: known, offset: size }));
  }
  const absolute = ABSOLUTE.exec(text);
  if (absolute === null) return CONDITION_SHAPE;
  return absoluteBound(Number(absolute[1]), absolute[2], signal);
}

function relative(written: string, signal: Signal, build: (reference: Reference) => Bound): Bound | string {
  if (written !== 'baseline' && written !== 'legacy') {
    return `'${written}' is no reference; did you mean '${nearest(written, ['baseline', 'legacy']) ?? 'baseline'}'?`;
  }
  if (written === 'legacy' && !knowsArms(signal)) {
    const mend = signal.source.kind === 'prometheus' ? "give the signal a 'legacy' query, or " : '';
    return `${signal.source.kind} signals do not know arms; ${mend}compare with baseline or a number`;
  }
  return build(written);
}

function knowsArms({ source }: Signal): boolean {
  return source.kind === 'telemetry' || (source.kind === 'prometheus' && source.legacy !== null);
}

const UNIT_SIGNS: Readonly<Record<SignalUnit, readonly (string | undefined)[]>> = {
  percent: ['%'],
  ms: ['ms', 's'],
  'per-second': ['/s', undefined],
  count: [undefined],
};

/** Points are those of a percentage: 3 % and 5 points are 8 %. */
const OFFSET_SIGNS: Readonly<Record<SignalUnit, readonly (string | undefined)[]>> = {
  percent: ['point', 'points', '%'],
  ms: ['ms', 's'],
  'per-second': ['/s', undefined],
  count: [undefined],
};
const OFFSET_SHAPE: Readonly<Record<SignalUnit, string>> = {
  percent: '5 points',
  ms: '200ms',
  'per-second': '10',
  count: '10',
};

function absoluteBound(value: number, sign: string | undefined, signal: Signal): Bound | string {
  if (!UNIT_SIGNS[signal.unit].includes(sign)) {
    const shown = { percent: '5%', ms: '500ms', 'per-second': '100', count: '100' }[signal.unit];
    return `${signal.name} is measured in ${signal.unit}: write a bound like ${shown}`;
  }
  if (signal.unit === 'percent' && signal.source.kind === 'telemetry' && !(value >= 0 && value <= 100)) {
    return `a ${signal.source.metric} is never below 0% or above 100%: write a bound between them`;
  }
  return { kind: 'absolute', value: sign === 's' ? value * 1_000 : value };
}

function readAction(
  problems: Problems,
  path: Path,
  text: string,
  { points, readSignals }: Pick<PlanNames, 'readSignals' | 'points'>,
): RuleAction | null {
  const trimmed = text.trim();
  const until = HOLD_UNTIL.exec(trimmed)?.[1];
  if (until !== undefined) return readHoldUntil(problems, path, until, readSignals);
  if (trimmed === 'hold' || trimmed === 'warn') return { kind: trimmed };
  const match = ACTION.exec(trimmed);
  if (match === null) {
    const near = nearest(trimmed.split(/\s+/)[0] ?? '', ['rollback', 'hold', 'warn']);
    const mend = near === null ? ACTION_SHAPE : `did you mean '${near}'? ${ACTION_SHAPE}`;
    problems.add({ path, code: 'invalid-action', message: `'${trimmed}' is not an action`, mend });
    return null;
  }
  const [, scope, point, , over] = match;
  const overMs = over === undefined ? 0 : readDuration(problems, path, over);
  if (point !== undefined && !points.has(point)) {
    problems.add({ path, code: 'unknown-point', message: `unknown point '${point}'`, mend: suggest(point, points) });
    return null;
  }
  if (overMs === null) return null;
  if (point !== undefined) return { kind: 'rollback', scope: 'point', point, overMs };
  return { kind: 'rollback', scope: (scope ?? 'flag') as RollbackScope, overMs };
}

/** What ends a hold is a number that is seen: a comparison with what changes meanwhile could be met by the trouble itself. */
function readHoldUntil(
  problems: Problems,
  path: Path,
  text: string,
  signals: ReadonlyMap<string, Signal | null>,
): RuleAction | null {
  const until = readCondition(problems, path, text, signals);
  if (until === null) return null;
  const { bound } = until;
  if (bound.kind === 'absolute' && until.forMs === 0) return { kind: 'hold', until: { ...until, bound } };
  const message = `'${text}' cannot end a hold`;
  const mend = "compare with a number, without 'for': 'hold until validated >= 98%'";
  problems.add({ path, code: 'invalid-action', message, mend });
  return null;
}
