import { TheseusError } from '@theseus/core/error';

const SUMS = ['seen', 'failed', 'n', 'e', 's', 't', 'n2', 'e2', 'ne', 's2', 'ns', 't2', 'nt'] as const;

/** More segments than this are refused: the state of a judge grows with them. */
const MOST_SEGMENTS = 64;

interface Counted {
  readonly req: number;
  readonly err: number;
}

/** The first line of a run: what is known before its soak begins. Latency buckets are eighths of an octave from 1 ms on. */
export interface RunHeader {
  readonly type: 'run';
  readonly run: string;
  readonly tickSec: number;
  readonly soakTicks: number;
  readonly assigned: { readonly control: number; readonly candidate: number };
  readonly slowBucket: number;
  readonly tailBucket: number;
  readonly segments: readonly string[];
  readonly baseline: { readonly control: Counted; readonly candidate: Counted };
}

/** What one arm did in one tick, and its users' running sums. */
export interface ArmTick {
  /** Bucket, count, bucket, count … */
  readonly lat: readonly number[];
  /** Requests and errors by segment. */
  readonly seg: readonly number[];
  readonly risk: number;
  readonly cum: Readonly<Record<(typeof SUMS)[number], number>>;
}

export interface Tick {
  readonly type: 'tick';
  readonly t: number;
  readonly control: ArmTick | 'not-a-number' | null;
  readonly candidate: ArmTick | 'not-a-number' | null;
}

export type StreamLine = RunHeader | Tick | { readonly type: 'end' };

/**
 * One line of a stream, checked.
 *
 * @throws TheseusError `invalid-argument` with the line's number and what is wrong with it
 */
export function readLine(text: string, number: number): StreamLine {
  const parsed = parse(text, number);
  const type = isRecord(parsed) ? parsed['type'] : undefined;
  if (type === 'tick') return readTick(parsed as Readonly<Record<string, unknown>>, number);
  if (type === 'end') return { type };
  if (type === 'run') return readHeader(parsed as Readonly<Record<string, unknown>>, number);
  throw wrong(number, `its type is ${JSON.stringify(type)}, not "run", "tick" or "end"`);
}

function parse(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong(number, `it is no JSON: ${text.slice(0, 60)}`);
  }
}

function readHeader(header: Readonly<Record<string, unknown>>, number: number): RunHeader {
  const { run, tickSec, soakTicks, slowBucket, tailBucket, segments = [], assigned, baseline } = header;
  const counted = (of: unknown, name: string, ...keys: readonly string[]): void => {
    if (!isRecord(of)) throw wrong(number, `${name} is missing`);
    const lacking = keys.find((key) => !isCount(of[key]));
    if (lacking !== undefined) throw wrong(number, `${name}.${lacking} is no count`);
  };
  if (typeof run !== 'string') throw wrong(number, 'run is no text');
  counted(header, 'the run', 'tickSec', 'soakTicks', 'slowBucket', 'tailBucket');
  if (tickSec === 0 || soakTicks === 0) throw wrong(number, 'tickSec and soakTicks must be above 0');
  counted(assigned, 'assigned', 'control', 'candidate');
  if (!isRecord(baseline)) throw wrong(number, 'baseline is missing');
  counted(baseline['control'], 'baseline.control', 'req', 'err');
  counted(baseline['candidate'], 'baseline.candidate', 'req', 'err');
  if (
    !Array.isArray(segments) ||
    segments.length > MOST_SEGMENTS ||
    segments.some((name) => typeof name !== 'string')
  ) {
    throw wrong(number, `segments is no list of at most ${MOST_SEGMENTS} names`);
  }
  return {
    type: 'run',
    run,
    tickSec,
    soakTicks,
    slowBucket,
    tailBucket,
    segments,
    assigned,
    baseline,
  } as unknown as RunHeader;
}

function readTick(tick: Readonly<Record<string, unknown>>, number: number): Tick {
  const { t } = tick;
  if (typeof t !== 'number') throw wrong(number, 't is no number');
  return {
    type: 'tick',
    t,
    control: readArm(tick['control'], 'control', number),
    candidate: readArm(tick['candidate'], 'candidate', number),
  };
}

/** By hand, since a stream may have millions of ticks. */
function readArm(arm: unknown, name: string, number: number): Tick['control'] {
  if (arm === null || arm === undefined) return null;
  if (!isRecord(arm)) throw wrong(number, `${name} is no object`);
  if (typeof arm['req'] !== 'number') return 'not-a-number';
  const { lat, seg, risk, cum } = arm;
  if (!isCounts(lat) || lat.length % 2 !== 0) throw wrong(number, `${name}.lat is no list of bucket, count …`);
  if (!isCounts(seg)) throw wrong(number, `${name}.seg is no list of counts`);
  if (!isCount(risk)) throw wrong(number, `${name}.risk is no count`);
  if (!isRecord(cum)) throw wrong(number, `${name}.cum is missing`);
  const lacking = SUMS.find((sum) => !isCount(cum[sum]));
  if (lacking !== undefined) throw wrong(number, `${name}.cum.${lacking} is no count`);
  return { lat, seg, risk, cum: cum as ArmTick['cum'] };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0;
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(number: number, what: string): TheseusError {
  return new TheseusError('invalid-argument', `Cannot judge line ${number}: ${what}`);
}
