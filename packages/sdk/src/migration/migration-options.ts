import { type CompareOptions, type Comparison, compareAnswers, compileCompareRules } from '@theseus/core/compare';
import { TheseusError } from '@theseus/core/error';
import type { EvaluationContext } from '@theseus/core/flag';
import { describeValue, type Redact } from './difference-log.ts';
import type { RepairQueue } from './repair-queue.ts';
import type { SideCall, WriteCall } from './side-call.ts';

/** The two ways of reading. Both are sync, or both return a promise; a deadline holds for promises only. */
export interface ReadSides<P, R> {
  readonly legacy: (payload: P, call: SideCall) => R;
  readonly candidate: (payload: P, call: SideCall) => R;
}

type WriteFunction<W, V> = (payload: W, call: WriteCall) => V;

/**
 * One way of writing. `idempotent` promises that a write of one idempotency key is done once however often it is asked for: only then is a
 * write whose end is unknown done again, or done by the other side instead.
 */
export type WriteSide<W, V> = WriteFunction<W, V> | { readonly run: WriteFunction<W, V>; readonly idempotent: boolean };

export interface WriteSides<W, V> {
  readonly legacy: WriteSide<W, V>;
  readonly candidate: WriteSide<W, V>;
  /** What keeps its order: writes of one key are done one after another. The flag's cohort unless given. */
  readonly key?: (payload: W, context: EvaluationContext) => string;
}

/** @template P what is asked for, @template R what a read returns, @template W what is written (JSON), @template V what a write returns */
export interface MigrationOptions<P, R, W = unknown, V = unknown> {
  readonly read: ReadSides<P, R>;
  readonly write?: WriteSides<W, V>;
  /** Tells several migrations of one flag apart, in the repair queue too: keep it the same for ever. `main` unless given. */
  readonly operation?: string;
  /** Where second writes that failed are kept; in memory, which loses them with the process, unless given. */
  readonly repairs?: RepairQueue;
  /** How answers are compared; by structure, exactly, unless given. */
  readonly compare?: CompareOptions | ((legacy: Awaited<R>, candidate: Awaited<R>) => boolean);
  /** What is shown of values that differ; types and lengths unless given. */
  readonly redact?: Redact;
  /** Taken of an answer that will be compared, before the caller gets it: needed where callers change answers. */
  readonly copy?: (answer: Awaited<R>) => Awaited<R>;
  readonly shadows?: ShadowOptions;
}

export interface ShadowOptions {
  /** Shadow reads under way at once; 32 unless given. */
  readonly concurrency?: number;
  /** Shadow reads that may wait beside them; 1 000 unless given. More are dropped, and counted. */
  readonly room?: number;
  /** How long a shadow read may take where the flag has no deadline, in milliseconds; 5 000 unless given. */
  readonly limitMs?: number;
}

export type Side = (payload: unknown, call: WriteCall) => unknown;

export interface ResolvedWrite {
  readonly legacy: { readonly run: Side; readonly isIdempotent: boolean };
  readonly candidate: { readonly run: Side; readonly isIdempotent: boolean };
  readonly key: ((payload: unknown, context: EvaluationContext) => string) | undefined;
}

/** The options after every one of them was checked and defaulted; types are the caller's own from here on. */
export interface ResolvedMigration {
  readonly read: { readonly legacy: Side; readonly candidate: Side };
  readonly write: ResolvedWrite | undefined;
  readonly operation: string;
  readonly repairs: RepairQueue | undefined;
  readonly compare: (legacy: unknown, candidate: unknown) => Comparison;
  readonly redact: Redact;
  readonly copy: ((answer: unknown) => unknown) | undefined;
  readonly shadows: Required<ShadowOptions>;
}

const SHADOWS: Required<ShadowOptions> = { concurrency: 32, room: 1_000, limitMs: 5_000 };

/** @throws TheseusError `invalid-argument` naming the option that cannot be used */
export function resolveMigration<P, R, W, V>(flag: string, options: MigrationOptions<P, R, W, V>): ResolvedMigration {
  const { read, write, operation = 'main', repairs, redact = describeValue, copy } = options;
  if (typeof flag !== 'string' || flag === '') throw unusable('flag', 'it must be the key of a flag');
  if (typeof operation !== 'string' || !/^[\w-]{1,60}$/.test(operation)) {
    throw unusable('operation', 'it must be 1 to 60 letters, digits, - or _');
  }
  for (const [name, value] of [
    ['redact', redact],
    ['copy', copy ?? redact],
  ] as const) {
    if (typeof value !== 'function') throw unusable(name, 'it must be a function');
  }
  return {
    read: { legacy: functionOf(read?.legacy, 'read.legacy'), candidate: functionOf(read?.candidate, 'read.candidate') },
    write: write === undefined ? undefined : resolveWrite(write as WriteSides<unknown, unknown>),
    operation,
    repairs,
    compare: resolveCompare(options.compare as CompareOptions | undefined),
    redact,
    copy: copy as ResolvedMigration['copy'],
    shadows: resolveShadows(options.shadows ?? {}),
  };
}

function resolveWrite({ legacy, candidate, key }: WriteSides<unknown, unknown>): ResolvedWrite {
  if (key !== undefined && typeof key !== 'function') throw unusable('write.key', 'it must be a function');
  const side = (given: WriteSide<unknown, unknown>, name: string) =>
    typeof given === 'object' && given !== null
      ? { run: functionOf(given.run, `${name}.run`), isIdempotent: given.idempotent === true }
      : { run: functionOf(given, name), isIdempotent: false };
  return { legacy: side(legacy, 'write.legacy'), candidate: side(candidate, 'write.candidate'), key };
}

function resolveCompare(
  compare: CompareOptions | ((legacy: unknown, candidate: unknown) => boolean) = {},
): ResolvedMigration['compare'] {
  if (typeof compare !== 'function') {
    const rules = compileCompareRules(compare);
    return (legacy, candidate) => compareAnswers(legacy, candidate, rules);
  }
  return (legacy, candidate) =>
    compare(legacy, candidate)
      ? { kind: 'equal' }
      : { kind: 'different', differences: [{ path: '$', kind: 'changed', legacy, candidate }] };
}

function resolveShadows(given: ShadowOptions): Required<ShadowOptions> {
  const shadows = { ...SHADOWS, ...given };
  for (const [name, value] of Object.entries(shadows)) {
    if (!Number.isFinite(value) || value < 1) throw unusable(`shadows.${name}`, 'it must be a number from 1');
  }
  return shadows;
}

function functionOf(value: unknown, name: string): Side {
  if (typeof value !== 'function') throw unusable(name, 'it must be a function');
  return value as Side;
}

function unusable(name: string, mend: string): TheseusError {
  return new TheseusError('invalid-argument', `Cannot define the migration by this '${name}': ${mend}`);
}
