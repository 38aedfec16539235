import { EXPOSURE_WHOLE, PER_CALL, STRATA_LIMIT } from '../flag/index.ts';
import { type Gate, isReadCondition } from '../health/index.ts';
import { checkUrl } from './check-url.ts';
import { nearest } from './did-you-mean.ts';
import type { Approver, Channel, Person, PlanFlag, PlanMigration, Risk, RiskApproval } from './plan.ts';
import type { Path } from './problems.ts';
import { readDuration, readPercent, readSpan, warnNoSoak } from './quantities.ts';
import { readRule } from './read-rule.ts';
import { readExperiment } from './read-variants.ts';
import { optionalSpan, type ReadingContext, requireName } from './reading-context.ts';
import type {
  ApproveSource,
  ChannelSource,
  FlagSource,
  GateSource,
  MigrationSource,
  RiskSource,
} from './source-schema.ts';

const DEFAULT_EVERY_MS = 30_000;
/** A migration's breaker opens where more than one candidate call in ten fails. */
const USUAL_BREAK = EXPOSURE_WHOLE / 10;
const DEFAULT_MIN_SAMPLE = 20;
const FASTEST_GATE_MS = 100;
const DEFAULT_MAX_BLIND_MS = 1_800_000;

/** @param rulesAt where the rules stand, if not under the gate */
export function readGate(
  context: ReadingContext,
  name: string,
  source: GateSource,
  rulesAt: Path | null = null,
): Gate | null {
  const path = rulesAt === null ? ['gates', name] : rulesAt.slice(0, -1);
  const everyMs = optionalSpan(context, [...path, 'every'], source.every, DEFAULT_EVERY_MS);
  if (everyMs !== null && everyMs < FASTEST_GATE_MS) {
    const message = `'${source.every}' is too often`;
    context.problems.add({
      path: [...path, 'every'],
      code: 'too-often',
      message,
      mend: `every ${FASTEST_GATE_MS}ms is the most`,
    });
  }
  // Without knowing the signals, no condition can be judged.
  if (context.names.uncertain.has('signals')) return null;
  const rules = source.rules.map((rule, index) =>
    readRule(context.problems, rulesAt ?? [...path, 'rules', index], rule, context.names),
  );
  const judging = readGateJudging(context, path, source);
  if (everyMs === null || judging === null || rules.includes(null)) return null;
  const { maxBlindMs, ...rest } = judging;
  const gate = { name, everyMs, rules: rules.filter((rule) => rule !== null), ...rest };
  // A contingency has no exposure to go back to.
  if (rulesAt !== null) return gate;
  tellRepeated(context, [...path, 'rules'], gate);
  return { ...gate, maxBlindMs };
}

type GateJudging = Omit<Gate, 'name' | 'everyMs' | 'rules'>;

/** How a gate judges beyond its rules; null after telling what is wrong. */
function readGateJudging(
  context: ReadingContext,
  path: Path,
  source: GateSource,
): (GateJudging & { readonly maxBlindMs: number }) | null {
  const { problems } = context;
  const { profile, mode, onInconclusive } = source;
  const optional = (key: 'warmUp' | 'maxBlind', otherwise: number): number | null =>
    source[key] === undefined ? otherwise : readDuration(problems, [...path, key], source[key]);
  const warmUpMs = optional('warmUp', 0);
  const maxBlindMs = optional('maxBlind', DEFAULT_MAX_BLIND_MS);
  const near = source.near === undefined ? 0 : readPercent(problems, [...path, 'near'], source.near);
  if (near === EXPOSURE_WHOLE) {
    const message = 'what has come the whole way is at its bound, not near it';
    problems.add({ path: [...path, 'near'], code: 'invalid-percentage', message, mend: "write '80%'" });
  }
  if (warmUpMs === null || maxBlindMs === null || near === null) return null;
  return {
    minSample: source.minSample ?? DEFAULT_MIN_SAMPLE,
    ...(profile === undefined ? {} : { profile }),
    ...(mode === undefined ? {} : { mode }),
    ...(warmUpMs === 0 ? {} : { warmUpMs }),
    ...(near === 0 ? {} : { near: near / EXPOSURE_WHOLE }),
    maxBlindMs,
    ...(onInconclusive === undefined ? {} : { onInconclusive }),
  };
}

/** One finding has one rule: a second would never be asked. */
function tellRepeated({ problems }: ReadingContext, path: Path, { rules }: Pick<Gate, 'rules'>): void {
  const first = new Map<string, string>();
  for (const [index, { condition }] of rules.entries()) {
    const { bound, text } = condition;
    if (isReadCondition(condition)) continue;
    const about = bound.kind === 'worse-than-legacy' ? `${bound.kind} ${bound.metric}` : bound.kind;
    const before = first.get(about);
    if (before === undefined) {
      first.set(about, text);
      continue;
    }
    const message = `'${text}' finds out what '${before}' already does`;
    problems.add({
      path: [...path, index],
      code: 'duplicate-rule',
      message,
      mend: 'keep the one whose action is meant',
    });
  }
}

export function readRisk(context: ReadingContext, name: string, source: RiskSource): Risk | null {
  const path = ['risks', name];
  const stages = readStages(
    context,
    { through: [...path, 'through'], soak: [...path, 'soak'], holdback: [...path, 'holdback'] },
    source,
  );
  const approve = readApprove(context, [...path, 'approve'], source.approve);
  return stages === null || approve === undefined ? null : { name, ...stages, approve };
}

export interface Stages {
  readonly through: readonly number[];
  readonly soaksMs: readonly number[];
}

const OWN_SOAK = /^(.*?)\s+for\s+(.+)$/;

/** Exposures with the soak of each: its own, or the one that all share. Null after telling what is wrong. */
export function readStages(
  context: ReadingContext,
  paths: { readonly through: Path; readonly soak: Path; readonly holdback: Path },
  source: {
    readonly through: readonly string[];
    readonly soak?: string | undefined;
    readonly holdback?: string | undefined;
  },
): Stages | null {
  const { problems } = context;
  const written = source.through.map((text) => OWN_SOAK.exec(text) ?? [text, text, undefined]);
  const through = readThrough(
    context,
    paths.through,
    written.map(([, exposure]) => exposure ?? ''),
  );
  const shared = source.soak === undefined ? null : readDuration(problems, paths.soak, source.soak);
  const soaksMs = written.map(([, , own], index) =>
    own === undefined ? shared : readDuration(problems, [...paths.through, index], own),
  );
  const bare = written.findIndex(([, , own]) => own === undefined);
  if (source.soak === undefined && bare !== -1) {
    // A misspelt 'soak' has been told.
    if (problems.isTouched(paths.soak.slice(0, -1))) return null;
    const message = `${source.through[bare]} has no soak`;
    const mend = `give it its own, '${source.through[bare]} for 48h', or all of them one with 'soak: 30m'`;
    problems.add({ path: [...paths.through, bare], code: 'missing-soak', message, mend });
    return null;
  }
  const whole = soaksMs.filter((ms) => ms !== null);
  if (through === null || whole.length < soaksMs.length) return null;
  const unwatched = whole.indexOf(0);
  const isOwn = written[unwatched]?.[2] !== undefined;
  if (unwatched !== -1) warnNoSoak(problems, isOwn ? [...paths.through, unwatched] : paths.soak, 0);
  return withHoldback(context, paths.holdback, source.holdback, { through, soaksMs: whole });
}

/** Some stay on legacy while the last soak lasts, so that there is something to compare with; then everybody follows. */
function withHoldback(
  { problems }: ReadingContext,
  path: Path,
  written: string | undefined,
  stages: Stages,
): Stages | null {
  if (written === undefined) return stages;
  const kept = readPercent(problems, path, written);
  if (kept === null) return null;
  const tell = (message: string, mend: string): null => {
    problems.add({ path, code: 'invalid-holdback', message, mend });
    return null;
  };
  const { through, soaksMs } = stages;
  if (through.at(-1) !== EXPOSURE_WHOLE) {
    return tell(
      `the last exposure is no 100%, so legacy keeps its people anyway`,
      "end 'through' with 100%, or leave it out",
    );
  }
  const before = through.at(-2) ?? 0;
  if (EXPOSURE_WHOLE - kept <= before) {
    const most = (EXPOSURE_WHOLE - before) / 1_000;
    return tell(
      `a holdback of ${written} leaves no more than the ${before / 1_000}% before`,
      `hold back less than ${most}%`,
    );
  }
  return { through: [...through.slice(0, -1), EXPOSURE_WHOLE - kept, EXPOSURE_WHOLE], soaksMs: [...soaksMs, 0] };
}

/** Exposures must grow: a ramp that shrinks would take people off the candidate by plan. */
function readThrough(context: ReadingContext, path: Path, source: readonly string[]): readonly number[] | null {
  const through = source.map((text, index) =>
    readPercent(context.problems, [...path, index], text, { zero: index === 0 && source.length > 1 }),
  );
  const whole = through.filter((exposure) => exposure !== null);
  if (whole.length < through.length) return null;
  for (const [index, exposure] of whole.entries()) {
    const before = whole[index - 1] ?? -1;
    if (exposure > before) continue;
    const message = `${source[index]} does not grow: ${source[index - 1]} stands before it`;
    const sorted = [...new Set(whole)].sort((left, right) => left - right).map((parts) => `${parts / 1_000}%`);
    context.problems.add({
      path: [...path, index],
      code: 'shrinking-percentage',
      message,
      mend: `write [${sorted.join(', ')}]`,
    });
    return null;
  }
  return whole;
}

/** Undefined after telling what is wrong; null where nobody has to approve. */
export function readApprove(
  context: ReadingContext,
  path: Path,
  source: ApproveSource | undefined,
): RiskApproval | null | undefined {
  if (source === undefined) return null;
  if (source === true) return { fromExposure: 0, by: [] };
  const fromExposure = source.from === undefined ? 0 : readPercent(context.problems, [...path, 'from'], source.from);
  const by = readApprovers(context, [...path, 'by'], source.by);
  return fromExposure === null || by === null ? undefined : { fromExposure, by };
}

export function readApprovers(
  context: ReadingContext,
  path: Path,
  source: string | readonly string[] | undefined,
): readonly Approver[] | null {
  const list = source === undefined ? [] : typeof source === 'string' ? [source] : source;
  const approvers = list.map((text, index) => {
    const at = typeof source === 'string' ? path : [...path, index];
    const match = /^\s*(?:(\d+)\s+of\s+)?([\w-]+)\s*$/.exec(text);
    if (match === null || match[1] === '0') {
      context.problems.add({
        path: at,
        code: 'invalid-approver',
        message: `'${text}' is not an approver`,
        mend: "write a role, or '2 of release'",
      });
      return null;
    }
    return checkRole(context, at, { role: match[2] ?? '', count: Number(match[1] ?? 1) });
  });
  return approvers.includes(null) ? null : approvers.filter((approver) => approver !== null);
}

function checkRole(context: ReadingContext, path: Path, approver: Approver): Approver | null {
  const held = context.names.rolesHeld.get(approver.role) ?? 0;
  if (held >= approver.count) return approver;
  if (context.problems.isTouched(['people']) || context.names.uncertain.has('people')) return null;
  const message =
    held === 0 ? `nobody holds the role '${approver.role}'` : `only ${held} hold the role '${approver.role}'`;
  const near = nearest(approver.role, context.names.rolesHeld.keys());
  const mend =
    near === null || held > 0
      ? `add them under 'people:', such as 'ana: [${approver.role}]'`
      : `did you mean '${near}'?`;
  context.problems.add({ path, code: 'unknown-role', message, mend });
  return null;
}

export function readPerson(name: string, source: readonly string[] | { readonly roles: readonly string[] }): Person {
  return { name, roles: 'roles' in source ? source.roles : source };
}

export function readChannel(context: ReadingContext, name: string, source: ChannelSource): Channel | null {
  if ('console' in source) return { kind: 'console', name };
  return checkUrl(context, ['channels', name, 'webhook'], source.webhook)
    ? { kind: 'webhook', name, url: source.webhook }
    : null;
}

export function readFlag(context: ReadingContext, key: string, source: FlagSource | null): PlanFlag {
  const path = ['flags', key];
  const flag = source ?? {};
  if (flag.risk !== undefined) requireName(context, [...path, 'risk'], 'risk', flag.risk, context.names.risks);
  flag.requires?.forEach(
    (name, index) => void requireName(context, [...path, 'requires', index], 'flag', name, context.names.flags),
  );
  tellPerCall(context, path, flag);
  const rules = (flag.segments ?? []).map(({ segment, exposure }, index) => {
    const at = [...path, 'segments', index];
    requireName(context, [...at, 'segment'], 'segment', segment, context.names.segments);
    return { segment, exposure: readPercent(context.problems, [...at, 'exposure'], exposure) ?? 0 };
  });
  const from = flag.cohort?.of;
  if (from !== undefined) requireName(context, [...path, 'cohort', 'of'], 'segment', from, context.names.segments);
  if (flag.only !== undefined) requireName(context, [...path, 'only'], 'segment', flag.only, context.names.segments);
  return {
    key,
    risk: flag.risk ?? null,
    requires: flag.requires ?? [],
    fallback: flag.fallback ?? true,
    overrides: { candidate: flag.include ?? [], legacy: flag.exclude ?? [] },
    rules,
    ...(flag.cohort === undefined ? {} : { cohort: { count: flag.cohort.count, of: flag.cohort.of ?? null } }),
    ...(flag.only === undefined ? {} : { only: flag.only }),
    ...(flag.strata === undefined ? {} : { strata: readStrata(context, [...path, 'strata'], flag.strata) }),
    ...readExperiment(context, path, flag),
    ...(flag.migration === undefined
      ? {}
      : { migration: readMigration(context, [...path, 'migration'], flag.migration) }),
  };
}

/** What is moved belongs to somebody: nobody could find again what a call alone has written. */
function tellPerCall({ problems }: ReadingContext, path: Path, flag: FlagSource): void {
  if (flag.migration === undefined || flag.by !== PER_CALL) return;
  const message = 'a migration cannot decide each call by itself: writes and reads of one record would part';
  problems.add({
    path: [...path, 'by'],
    code: 'migration-per-call',
    message,
    mend: "name an attribute, or leave 'by' out",
  });
}

function readMigration(
  { problems }: ReadingContext,
  path: Path,
  { read, compare, deadline, breakAbove }: MigrationSource,
): PlanMigration {
  const deadlineMs = deadline === undefined ? null : readSpan(problems, [...path, 'deadline'], deadline);
  const breaks = breakAbove === undefined ? null : readPercent(problems, [...path, 'breakAbove'], breakAbove);
  return {
    ...(read === undefined ? {} : { read }),
    compared: compare === undefined ? EXPOSURE_WHOLE : (readPercent(problems, [...path, 'compare'], compare) ?? 0),
    ...(deadlineMs === null ? {} : { deadlineMs }),
    breakAbove: breaks ?? USUAL_BREAK,
  };
}

function readStrata(context: ReadingContext, path: Path, strata: readonly string[]): readonly string[] {
  for (const [index, segment] of strata.entries()) {
    requireName(context, [...path, index], 'segment', segment, context.names.segments);
    if (strata.indexOf(segment) === index) continue;
    const message = `'${segment}' stands here twice`;
    context.problems.add({ path: [...path, index], code: 'duplicate-stratum', message, mend: 'name it once' });
  }
  if (strata.length > STRATA_LIMIT) {
    const message = `${strata.length} strata are too many to compare each of them`;
    context.problems.add({ path, code: 'too-many', message, mend: `${STRATA_LIMIT} is the most`, atKey: true });
  }
  return strata;
}
