import { parseInstant, parseOffset, parseWindows } from '../time/index.ts';
import { patternProblem } from './capture-pattern.ts';
import { nearest, suggest } from './did-you-mean.ts';
import type { Capture, Step, StepCommon, WaitUntil } from './plan.ts';
import { kindsOf, misspeltKind, type StepReading } from './plan-reading.ts';
import type { Path } from './problems.ts';
import { readDuration, readSpan } from './quantities.ts';
import { isMap, readLeniently } from './read-outline.ts';
import { readApprovers } from './read-parts.ts';
import { readProbe } from './read-probe.ts';
import { readGateOf, readRamp, readStage } from './read-ramp.ts';
import { readMessageTo, readUndo } from './read-undo.ts';
import { type ReadingContext, readCommand, requireName } from './reading-context.ts';
import { type SourceStepKind, STEP_KINDS, type StepSource, stepSchemas } from './source-schema.ts';
import type { StepPlace } from './step-place.ts';

/** Kinds of steps that later versions bring. */
const LATER_KINDS = ['migrate', 'checklist'];

type AnyStepSource = { [Kind in SourceStepKind]: StepSource<Kind> }[SourceStepKind];

/** One step, after telling all that is wrong with it. */
export function readStep(context: ReadingContext, place: StepPlace, source: unknown): StepReading {
  const { path } = place;
  const written = isMap(source) ? source : {};
  const kind = stepKind(context, path, written);
  const id = stepId(context, place, kind, written);
  const read = kind === null ? undefined : readLeniently(context.problems, path, stepSchemas[kind], written);
  return { id, path, kind, source: written, step: read === undefined ? null : readWhole(context, place, id, read) };
}

function readWhole(context: ReadingContext, place: StepPlace, id: string, read: AnyStepSource): Step | null {
  const common = readCommon(context, place, id, read);
  const own = readOwn(context, place, read);
  return own === null || context.problems.isTouched(place.path) ? null : { ...common, ...own };
}

function stepKind(
  context: ReadingContext,
  path: Path,
  source: Readonly<Record<string, unknown>>,
): SourceStepKind | null {
  const [kind, ...extra] = kindsOf(source);
  if (kind !== undefined && extra.length === 0) return kind;
  const keys = Object.keys(source);
  const tell = (key: string | undefined, code: string, message: string, mend: string): null => {
    const at = key === undefined ? path : [...path, key];
    context.problems.add({ path: at, code, message, mend, atKey: key !== undefined });
    return null;
  };
  if (kind !== undefined) {
    const message = `a step does one thing, this one says ${[kind, ...extra].join(' and ')}`;
    return tell(extra[0], 'ambiguous-step', message, 'make two steps of it');
  }
  const later = keys.find((key) => LATER_KINDS.includes(key));
  if (later !== undefined) {
    return tell(
      later,
      'not-available',
      `'${later}' steps are not available yet`,
      `available are: ${STEP_KINDS.join(', ')}`,
    );
  }
  const wrong = misspeltKind(keys) ?? keys[0];
  if (wrong === undefined)
    return tell(wrong, 'unknown-step', 'this is not a step', `write one of: ${STEP_KINDS.join(', ')}`);
  return tell(wrong, 'unknown-step', `unknown kind of step '${wrong}'`, suggest(wrong, STEP_KINDS));
}

/** `phase/name`; a step without a name is called by its flag, its backup or its kind, with a number where that is taken. */
function stepId(
  context: ReadingContext,
  { phase, path, taken }: StepPlace,
  kind: SourceStepKind | null,
  source: Readonly<Record<string, unknown>>,
): string {
  const named = typeof source['name'] === 'string' ? source['name'] : null;
  const wanted = `${phase}/${named ?? naturalName(kind, source) ?? kind ?? '?'}`;
  if (named !== null && taken.has(wanted)) {
    const message = `there is a step '${wanted}' already`;
    context.problems.add({ path: [...path, 'name'], code: 'duplicate-step', message, mend: 'give it another name' });
  }
  let id = wanted;
  for (let number = 2; taken.has(id); number += 1) id = `${wanted}-${number}`;
  taken.add(id);
  return id;
}

function naturalName(kind: SourceStepKind | null, source: Readonly<Record<string, unknown>>): string | null {
  if (kind !== 'ramp' && kind !== 'backup' && kind !== 'stage' && kind !== 'retire') return null;
  const of = source[kind];
  if (typeof of !== 'string') return null;
  if (kind === 'retire') return `retire-${of}`;
  return kind === 'stage' && typeof source['to'] === 'string' ? `${of}-${source['to']}` : of;
}

function readCommon(context: ReadingContext, place: StepPlace, id: string, read: AnyStepSource): StepCommon {
  const { path, phase } = place;
  const duration = (key: 'timeout' | 'budget' | 'takes'): number | null => {
    const text = read[key];
    return text === undefined ? null : readSpan(context.problems, [...path, key], text);
  };
  if (read.risk !== undefined) requireName(context, [...path, 'risk'], 'risk', read.risk, context.names.risks);
  return {
    id,
    title: read.title ?? id.slice(phase.length + 1),
    needs: (read.needs ?? []).map((need) => (need.includes('/') ? need : `${phase}/${need}`)),
    windows: read.window === undefined ? [] : readWindow(context, [...path, 'window'], read.window),
    notBefore: read.at === undefined ? null : readMoment(context, [...path, 'at'], read.at),
    takesMs: duration('takes'),
    timeoutMs: duration('timeout'),
    budgetMs: duration('budget'),
    undo: read.undo === undefined ? null : readUndo(context, [...path, 'undo'], read.undo),
    irreversible: read.irreversible ?? ('stage' in read && read.to === 'complete'),
    mitigation: read.mitigation ?? null,
  };
}

function readWindow(context: ReadingContext, path: Path, text: string): StepCommon['windows'] {
  const { windows, readWindows: read, uncertain } = context.names;
  if (windows.has(text) || uncertain.has('windows')) return read.get(text) ?? [];
  return readWindows(context, path, text) ?? [];
}

/** Windows as they are written, or null after telling that they are none. */
export function readWindows(context: ReadingContext, path: Path, text: string): StepCommon['windows'] | null {
  const windows = parseWindows(text);
  if (windows !== null) return windows;
  const near = nearest(text, context.names.readWindows.keys());
  const shape = "write '02:00-04:00 UTC', 'Mon-Fri 22:00-02:00 Europe/Berlin' or 'Mon,Wed,Fri 10:00-12:00 UTC'";
  const mend = near === null ? shape : `did you mean '${near}'?`;
  context.problems.add({ path, code: 'invalid-window', message: `'${text}' is not a window`, mend });
  return null;
}

/** A moment by itself or by its distance from T. */
function readMoment(context: ReadingContext, path: Path, text: string): number | null {
  const { problems, names } = context;
  const offset = parseOffset(text);
  if (offset === null) {
    const at = parseInstant(text);
    if (at !== null) return at;
    const mend = "write 'T-30m', 'T+15m', or a moment such as 2026-05-05T09:00:00Z";
    problems.add({ path, code: 'invalid-moment', message: `'${text}' is not a moment`, mend });
    return null;
  }
  if (names.launchAt === null) {
    const mend = "say when T is, at the top: 'launch: 2026-05-05T09:00[Europe/Berlin]'";
    problems.add({
      path,
      code: 'missing-launch',
      message: `'${text}' counts from a T that the plan does not name`,
      mend,
    });
  }
  return typeof names.launchAt === 'number' ? names.launchAt + offset : null;
}

type Own<Kind extends Step['kind']> = Omit<Extract<Step, { kind: Kind }>, keyof StepCommon>;
type AnyOwn = { [Kind in Step['kind']]: Own<Kind> }[Step['kind']];

/** What only this kind of step has. */
function readOwn(context: ReadingContext, place: StepPlace, read: AnyStepSource): AnyOwn | null {
  const { path } = place;
  if ('ramp' in read) return readRamp(context, place, read);
  if ('stage' in read) return readStage(context, place, read);
  if ('backup' in read) return readBackup(context, path, read);
  if ('run' in read) return readRun(context, path, read);
  if ('check' in read) {
    const probe = readProbe(context, [...path, 'check'], read.check);
    return probe === null ? null : { kind: 'check', probe };
  }
  if ('baseline' in read) {
    const overMs = readSpan(context.problems, [...path, 'baseline', 'over'], read.baseline.over);
    const { shape } = read.baseline;
    return overMs === null ? null : { kind: 'baseline', overMs, ...(shape === undefined ? {} : { shape }) };
  }
  if ('watch' in read) return readWatch(context, path, read);
  if ('wait' in read) return readWait(context, path, read);
  if ('notify' in read) {
    readMessageTo(context, path, read);
    return { kind: 'notify', channel: read.notify, message: read.message };
  }
  if ('rehearse' in read) return readRehearsal(context, path, read);
  if ('fallback-off' in read) {
    const flag = read['fallback-off'];
    requireName(context, [...path, 'fallback-off'], 'flag', flag, context.names.flags);
    return { kind: 'fallback-off', flag };
  }
  if ('point' in read) return { kind: 'point', name: read.point };
  if ('retire' in read) return readRetirement(context, path, read);
  if ('freeze' in read) return readFreeze(context, path, read);
  const by = readApprovers(context, [...path, 'by'], read.by);
  return by === null ? null : { kind: 'approve', by, question: read.approve };
}

function readRun(context: ReadingContext, path: Path, read: StepSource<'run'>): Own<'run'> | null {
  const command = readCommand(context, [...path, 'run'], read.run, { repeatable: read.repeatable ?? false });
  const captures = readCaptures(context, path, read.capture);
  return command === null ? null : { kind: 'run', command, captures };
}

function readBackup(context: ReadingContext, path: Path, read: StepSource<'backup'>): Own<'backup'> | null {
  const command = readCommand(context, [...path, 'run'], read.run, { repeatable: read.repeatable ?? false });
  const captures = readCaptures(context, path, read.capture);
  const verify =
    read.verify === undefined ? null : readCommand(context, [...path, 'verify'], read.verify, { repeatable: true });
  return command === null ? null : { kind: 'backup', name: read.backup, command, verify, captures };
}

function readWatch(context: ReadingContext, path: Path, read: StepSource<'watch'>): Own<'watch'> | null {
  const gate = readGateOf(context, path, read.gate, 'watch');
  const forMs = readDuration(context.problems, [...path, 'watch', 'for'], read.watch.for);
  read.watch.flags?.forEach((flag, index) => {
    requireName(context, [...path, 'watch', 'flags', index], 'flag', flag, context.names.flags);
  });
  if (gate === null || forMs === null) return null;
  return { kind: 'watch', gate, forMs, flags: read.watch.flags ?? [...context.names.flags] };
}

function readRehearsal(context: ReadingContext, path: Path, read: StepSource<'rehearse'>): Own<'rehearse'> {
  const { rehearse } = read;
  const at = [...path, 'rehearse'];
  if (rehearse === 'rollback') return { kind: 'rehearse', scope: 'plan', target: '' };
  if ('flag' in rehearse) {
    requireName(context, [...at, 'flag'], 'flag', rehearse.flag, context.names.flags);
    return { kind: 'rehearse', scope: 'flag', target: rehearse.flag };
  }
  requireName(context, [...at, 'phase'], 'phase', rehearse.phase, context.names.phases);
  return { kind: 'rehearse', scope: 'phase', target: rehearse.phase };
}

function readFreeze(context: ReadingContext, path: Path, read: StepSource<'freeze'>): Own<'freeze'> | null {
  const command = readCommand(context, [...path, 'freeze'], read.freeze, { repeatable: true });
  const lift = readCommand(context, [...path, 'lift'], read.lift, { repeatable: true });
  return command === null || lift === null ? null : { kind: 'freeze', command, lift };
}

/** A flag is gone from the source two weeks after everybody has been on the candidate, unless the plan says otherwise. */
const RETIRE_AFTER = '2w';

function readRetirement(context: ReadingContext, path: Path, read: StepSource<'retire'>): Own<'retire'> | null {
  const known = requireName(context, [...path, 'retire'], 'flag', read.retire, context.names.flags);
  const afterMs = readDuration(context.problems, [...path, 'after'], read.after ?? RETIRE_AFTER);
  const approve = read.approve === 'none' ? 'none' : readApprovers(context, [...path, 'approve'], read.approve);
  if (!known || afterMs === null || approve === null) return null;
  const variant = read.variant === undefined ? {} : { variant: read.variant };
  return { kind: 'retire', flag: read.retire, afterMs, ...variant, approve: approve === 'none' ? null : approve };
}

function readWait(context: ReadingContext, path: Path, read: StepSource<'wait'>): Own<'wait'> | null {
  const until = readUntil(context, [...path, 'wait'], read.wait);
  return until === null ? null : { kind: 'wait', until };
}

function readUntil(context: ReadingContext, path: Path, wait: StepSource<'wait'>['wait']): WaitUntil | null {
  if (typeof wait === 'string') {
    const durationMs = readDuration(context.problems, path, wait);
    return durationMs === null ? null : { kind: 'duration', durationMs };
  }
  const at = parseInstant(wait.until);
  if (at !== null) return { kind: 'instant', at };
  const message = `'${wait.until}' is not an instant`;
  const mend = 'write 2026-05-05T09:00:00Z or 2026-05-05T09:00[Europe/Berlin]';
  context.problems.add({ path: [...path, 'until'], code: 'invalid-instant', message, mend });
  return null;
}

/** What is filled in for `${{ name }}`: a name of other characters would stay as it is written. */
const ARTEFACT_NAME = /^[\w-]+$/;

function readCaptures(
  context: ReadingContext,
  path: Path,
  capture: Readonly<Record<string, string>> | undefined,
): readonly Capture[] {
  return Object.entries(capture ?? {}).flatMap(([name, pattern]) => {
    if (!ARTEFACT_NAME.test(name)) {
      const message = `'${name}' cannot be the name of an artefact`;
      const mend = 'use letters, digits, - and _, such as backup_id';
      context.problems.add({ path: [...path, 'capture', name], code: 'invalid-name', message, mend, atKey: true });
    }
    const wrong = patternProblem(pattern);
    if (wrong === null) return [{ name, pattern }];
    const message = `'${pattern}' cannot capture '${name}': ${wrong}`;
    const mend = "write a pattern with one group, such as 'saved as (\\S+)'";
    context.problems.add({ path: [...path, 'capture', name], code: 'invalid-pattern', message, mend });
    return [];
  });
}
