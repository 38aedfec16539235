import { parseInstant, parseWindow } from '../time/index.ts';
import { suggest } from './did-you-mean.ts';
import type { Capture, Command, Probe, Step, StepCommon, WaitUntil } from './plan.ts';
import type { Path } from './problems.ts';
import { readDuration } from './quantities.ts';
import { checkUrl, optionalDuration, readApprove, readApprovers, readThrough } from './read-parts.ts';
import { type ReadingContext, readCommand, readShape, requireName } from './reading-context.ts';
import { type ProbeSource, probeSchemas, type RiskSource, STEP_KINDS, type SourceStepKind, type StepSource, stepSchemas } from './source-schema.ts';

/** Kinds of steps that later versions bring. */
const LATER_KINDS = ['rehearse', 'stage', 'migrate', 'checklist', 'freeze', 'retire'];
const DEFAULT_WITHIN_MS = 5_000;

export interface StepPlace {
  readonly phase: string;
  readonly path: Path;
  /** Ids that are taken already. */
  readonly taken: Set<string>;
  /** What the risks say, by name, as written. */
  readonly risks: Readonly<Record<string, RiskSource>>;
  /** The risk a flag belongs to. */
  readonly riskOf: (flag: string) => string | undefined;
}

type AnyStepSource = { [Kind in SourceStepKind]: StepSource<Kind> }[SourceStepKind];

/** One step, or null after telling all that is wrong with it. */
export function readStep(context: ReadingContext, place: StepPlace, source: unknown): Step | null {
  const kind = stepKind(context, place.path, source);
  if (kind === null) return null;
  const before = context.problems.all().length;
  const read = readShape(context, place.path, stepSchemas[kind], source) as AnyStepSource | null;
  if (read === null) return null;
  const common = readCommon(context, place, kind, read);
  const own = readOwn(context, place, kind, read);
  const broken = context.problems.all().length > before && context.problems.isTouched(place.path);
  return common === null || own === null || broken ? null : ({ ...common, ...own } as Step);
}

function stepKind(context: ReadingContext, path: Path, source: unknown): SourceStepKind | null {
  const isMap = typeof source === 'object' && source !== null && !Array.isArray(source);
  const keys = isMap ? Object.keys(source) : [];
  const found = STEP_KINDS.filter((kind) => keys.includes(kind));
  // `backup` has its command under `run`, `approve` belongs to ramps too.
  const main = found.find((kind) => kind === 'backup' || kind === 'ramp') ?? found[0];
  const extra = found.filter((kind) => kind !== main && !(main === 'backup' && kind === 'run') && !(main === 'ramp' && kind === 'approve'));
  if (main !== undefined && extra.length === 0) return main;
  if (main !== undefined) {
    const message = `a step does one thing, this one says ${[main, ...extra].join(' and ')}`;
    context.problems.add({ path: [...path, extra[0] ?? ''], code: 'ambiguous-step', message, mend: 'make two steps of it', atKey: true });
    return null;
  }
  const later = keys.find((key) => LATER_KINDS.includes(key));
  if (later !== undefined) {
    const mend = `available are: ${STEP_KINDS.join(', ')}`;
    context.problems.add({ path: [...path, later], code: 'not-available', message: `'${later}' steps are not available yet`, mend, atKey: true });
    return null;
  }
  const [first = ''] = keys;
  const at = first === '' ? path : [...path, first];
  const message = first === '' ? 'this is not a step' : `unknown kind of step '${first}'`;
  context.problems.add({ path: at, code: 'unknown-step', message, mend: suggest(first, STEP_KINDS), atKey: first !== '' });
  return null;
}

function readCommon(context: ReadingContext, place: StepPlace, kind: SourceStepKind, read: AnyStepSource): StepCommon | null {
  const { path, phase } = place;
  const id = stepId(context, place, kind, read);
  const timeoutMs = read.timeout === undefined ? null : readDuration(context.problems, [...path, 'timeout'], read.timeout);
  const budgetMs = read.budget === undefined ? null : readDuration(context.problems, [...path, 'budget'], read.budget);
  const undo = read.undo === undefined ? null : readCommand(context, [...path, 'undo'], read.undo, true);
  if (read.risk !== undefined && kind !== 'ramp') requireName(context, [...path, 'risk'], 'risk', read.risk, context.names.risks);
  return {
    id,
    title: read.title ?? id.slice(phase.length + 1),
    needs: (read.needs ?? []).map((need) => (need.includes('/') ? need : `${phase}/${need}`)),
    window: readWindow(context, [...path, 'window'], read.window),
    timeoutMs,
    budgetMs,
    undo,
    irreversible: read.irreversible ?? false,
    mitigation: read.mitigation ?? null,
  };
}

function stepId(context: ReadingContext, place: StepPlace, kind: SourceStepKind, read: AnyStepSource): string {
  const natural = 'ramp' in read ? read.ramp : 'backup' in read ? read.backup : undefined;
  const wanted = `${place.phase}/${read.name ?? natural ?? kind}`;
  if (!place.taken.has(wanted)) {
    place.taken.add(wanted);
    return wanted;
  }
  if (read.name !== undefined) {
    const message = `there is a step '${wanted}' already`;
    context.problems.add({ path: [...place.path, 'name'], code: 'duplicate-step', message, mend: 'give it another name' });
    return wanted;
  }
  let number = 2;
  while (place.taken.has(`${wanted}-${number}`)) number += 1;
  place.taken.add(`${wanted}-${number}`);
  return `${wanted}-${number}`;
}

function readWindow(context: ReadingContext, path: Path, text: string | undefined): StepCommon['window'] {
  if (text === undefined) return null;
  const window = parseWindow(text);
  if (window === null) {
    const message = `'${text}' is not a window`;
    context.problems.add({ path, code: 'invalid-window', message, mend: "write '02:00-04:00 UTC' or '22:00-02:00 Europe/Berlin'" });
  }
  return window;
}

/** What only this kind of step has. */
function readOwn(context: ReadingContext, place: StepPlace, kind: SourceStepKind, read: AnyStepSource): object | null {
  const { path } = place;
  if ('ramp' in read) return readRamp(context, place, read);
  if ('backup' in read) {
    const command = readCommand(context, [...path, 'run'], read.run, read.repeatable ?? false);
    const verify = read.verify === undefined ? null : readCommand(context, [...path, 'verify'], read.verify, true);
    return command === null ? null : { kind, name: read.backup, command, verify, captures: readCaptures(context, path, read.capture) };
  }
  if ('run' in read) {
    const command = readCommand(context, [...path, 'run'], read.run, read.repeatable ?? false);
    return command === null ? null : { kind, command, captures: readCaptures(context, path, read.capture) };
  }
  if ('check' in read) {
    const probe = readProbe(context, [...path, 'check'], read.check);
    return probe === null ? null : { kind, probe };
  }
  if ('baseline' in read) {
    const overMs = readDuration(context.problems, [...path, 'baseline', 'over'], read.baseline.over);
    return overMs === null ? null : { kind, overMs };
  }
  if ('watch' in read) return readWatch(context, path, read);
  if ('wait' in read) return readWait(context, path, read);
  if ('notify' in read) {
    requireName(context, [...path, 'notify'], 'channel', read.notify, context.names.channels);
    requireName(context, [...path, 'message'], 'message', read.message, context.names.messages);
    return { kind, channel: read.notify, message: read.message };
  }
  const by = readApprovers(context, [...path, 'by'], read.by);
  return by === null ? null : { kind, by, question: read.approve };
}

function readRamp(context: ReadingContext, place: StepPlace, read: StepSource<'ramp'>): object | null {
  const { path, risks } = place;
  if (!requireName(context, [...path, 'ramp'], 'flag', read.ramp, context.names.flags)) return null;
  const gate = requireGate(context, path, read.gate, `ramp of '${read.ramp}'`);
  const riskName = read.risk ?? place.riskOf(read.ramp);
  if (read.risk !== undefined) requireName(context, [...path, 'risk'], 'risk', read.risk, context.names.risks);
  const risk = riskName === undefined ? undefined : risks[riskName];
  const through = read.through ?? risk?.through;
  const soak = read.soak ?? risk?.soak;
  if (through === undefined || soak === undefined) {
    if (riskName === undefined) {
      const message = `the ramp of '${read.ramp}' has no exposures`;
      context.problems.add({ path, code: 'missing-risk', message, mend: "give its flag a risk, or the step 'through:' and 'soak:'" });
    }
    return null;
  }
  const own = { through: [...path, 'through'], soak: [...path, 'soak'], approve: [...path, 'approve'] };
  const shared = { through: ['risks', riskName ?? '', 'through'], soak: ['risks', riskName ?? '', 'soak'], approve: ['risks', riskName ?? '', 'approve'] };
  const exposures = readThrough(context, read.through === undefined ? shared.through : own.through, through);
  const soakMs = readDuration(context.problems, read.soak === undefined ? shared.soak : own.soak, soak);
  const approve = readApprove(context, read.approve === undefined ? shared.approve : own.approve, read.approve ?? risk?.approve);
  const verify = (read.verify ?? []).map((probe, index) => readProbe(context, [...path, 'verify', index], probe));
  if (gate === null || exposures === null || soakMs === null || approve === undefined || verify.includes(null)) return null;
  return { kind: 'ramp', flag: read.ramp, gate, through: exposures, soakMs, approve, verify };
}

function requireGate(context: ReadingContext, path: Path, gate: string | undefined, what: string): string | null {
  if (gate !== undefined) return requireName(context, [...path, 'gate'], 'gate', gate, context.names.gates) ? gate : null;
  const [only] = context.names.gates;
  const mend = only === undefined ? "define one under 'gates:' and add 'gate: its-name'" : `add 'gate: ${only}'`;
  context.problems.add({ path, code: 'missing-gate', message: `the ${what} has no gate: nothing would judge its health`, mend });
  return null;
}

function readWatch(context: ReadingContext, path: Path, read: StepSource<'watch'>): object | null {
  const gate = requireGate(context, path, read.gate, 'watch');
  const forMs = readDuration(context.problems, [...path, 'watch', 'for'], read.watch.for);
  const flags = read.watch.flags ?? [...context.names.flags];
  read.watch.flags?.forEach((flag, index) => void requireName(context, [...path, 'watch', 'flags', index], 'flag', flag, context.names.flags));
  return gate === null || forMs === null ? null : { kind: 'watch', gate, forMs, flags };
}

function readWait(context: ReadingContext, path: Path, read: StepSource<'wait'>): object | null {
  const until = waitUntil(context, path, read.wait);
  return until === null ? null : { kind: 'wait', until };
}

function waitUntil(context: ReadingContext, path: Path, wait: StepSource<'wait'>['wait']): WaitUntil | null {
  if (typeof wait === 'string') {
    const durationMs = readDuration(context.problems, [...path, 'wait'], wait);
    return durationMs === null ? null : { kind: 'duration', durationMs };
  }
  const at = parseInstant(wait.until);
  if (at !== null) return { kind: 'instant', at };
  const mend = 'write 2026-05-05T09:00:00Z or 2026-05-05T09:00[Europe/Berlin]';
  context.problems.add({ path: [...path, 'wait', 'until'], code: 'invalid-instant', message: `'${wait.until}' is not an instant`, mend });
  return null;
}

export function readProbe(context: ReadingContext, path: Path, source: ProbeSource): Probe | null {
  if ('http' in source) {
    const read = readShape(context, path, probeSchemas.http, source);
    if (read === null || !checkUrl(context, [...path, 'http'], read.http)) return null;
    const withinMs = optionalDuration(context, [...path, 'expect', 'within'], read.expect?.within, DEFAULT_WITHIN_MS);
    if (withinMs === null) return null;
    const expect = { status: read.expect?.status ?? 200, withinMs, contains: read.expect?.contains ?? null };
    return { kind: 'http', url: read.http, method: read.method ?? 'GET', expect };
  }
  const command: Command | null = readCommand(context, [...path, 'run'], source.run, true);
  if (command === null) return null;
  return { kind: 'command', command, expect: { exitCode: source.expect?.exitCode ?? 0, contains: source.expect?.contains ?? null } };
}

function readCaptures(context: ReadingContext, path: Path, capture: Readonly<Record<string, string>> | undefined): readonly Capture[] {
  return Object.entries(capture ?? {}).flatMap(([name, pattern]) => {
    const wrong = patternProblem(pattern);
    if (wrong === null) return [{ name, pattern }];
    const message = `'${pattern}' cannot capture '${name}': ${wrong}`;
    context.problems.add({ path: [...path, 'capture', name], code: 'invalid-pattern', message, mend: "write a pattern with one group, such as 'saved as (\\S+)'" });
    return [];
  });
}

/** Patterns run in linear time on the server, so what needs backtracking is refused here. */
function patternProblem(pattern: string): string | null {
  if (/\(\?<?[=!]/.test(pattern)) return 'look-around is not supported';
  if (/\\[1-9]/.test(pattern)) return 'back-references are not supported';
  try {
    const groups = new RegExp(`${pattern}|`).exec('')?.length ?? 1;
    return groups > 1 ? null : 'it has no group';
  } catch {
    return 'it is not a regular expression';
  }
}
