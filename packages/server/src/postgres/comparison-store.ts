import { type FlagDefinition, type Split, splitOf } from '@theseus/core/flag';
import {
  type ArmComparison,
  type ArmCounts,
  type ArmPair,
  latencyCounts,
  NO_USERS,
  type SegmentCounts,
} from '@theseus/core/health';
import { formatDuration } from '@theseus/core/time';
import type { ComparisonRequest, ComparisonSource } from '../ports/comparison-source.ts';
import type { Queryable } from '../ports/database.ts';
import type { FlagService } from '../ports/flag-service.ts';
import type { ComparedArm, ComparisonRow } from './comparison-rows.ts';

type StoredRow = Partial<ComparisonRow> & { readonly heard: Date | null };

/** Room for every thinning of the sample within one epoch of the flag. */
const LEVELS = 32;
const NO_SEGMENT: SegmentCounts = { requests: 0, errors: 0 };

/** Reads one row of sums, however many requests and users they are about. */
export class ComparisonStore implements ComparisonSource {
  readonly #queryable: Queryable;
  readonly #flags: Pick<FlagService, 'document'>;

  constructor(queryable: Queryable, flags: Pick<FlagService, 'document'>) {
    this.#queryable = queryable;
    this.#flags = flags;
  }

  async compare(request: ComparisonRequest): Promise<ArmComparison> {
    const { flag, environment, now } = request;
    const { flags } = this.#flags.document(environment);
    const definition = flags[flag];
    if (definition === undefined) return unknown(now, `there is no flag '${flag}' in environment '${environment}'`);
    const split = splitOf(flags, flag);
    if (split === null) return unknown(now, `'${flag}' was set by an older server: its next change begins the counts`);
    const row = await this.#read(environment, flag);
    const ageMs = row.heard === null ? 0 : Math.max(0, now - row.heard.getTime());
    const problem = problemOf(row, ageMs, request);
    const counted = wholeRow(row);
    if (problem !== null || counted === null) return { ...unknown(now, problem), ageMs };
    return { ...comparisonOf(counted, split, definition, request), ageMs };
  }

  async #read(environment: string, flag: string): Promise<StoredRow> {
    const { rows } = await this.#queryable.query<StoredRow>(
      `select epoch, level, legacy, candidate, body_ms, tail_ms,
         (select last_seen from theseus.instance where environment = $1 order by last_seen desc limit 1) as heard
       from (values (1)) as always left join theseus.comparison on environment = $1 and flag = $2`,
      [environment, flag],
    );
    return rows[0] ?? { heard: null };
  }
}

function unknown(at: number, problem: string | null): ArmComparison {
  return { at, counts: null, epoch: 0, odds: null, assigned: null, ageMs: 0, problem };
}

type CountedRow = Pick<ComparisonRow, 'epoch' | 'level' | 'legacy' | 'candidate' | 'body_ms' | 'tail_ms'>;

function wholeRow({ epoch, level, legacy, candidate, body_ms = null, tail_ms = null }: StoredRow): CountedRow | null {
  if (epoch == null || level == null || legacy == null || candidate == null) return null;
  return { epoch, level, legacy, candidate, body_ms, tail_ms };
}

function problemOf({ heard, epoch }: StoredRow, ageMs: number, request: ComparisonRequest): string | null {
  const { flag, environment, freshForMs } = request;
  if (heard === null) return `no SDK has reported from environment '${environment}' yet`;
  if (ageMs > freshForMs)
    return `no SDK has reported from environment '${environment}' for ${formatDuration(Math.round(ageMs / 1_000) * 1_000)}`;
  return epoch == null ? `no SDK has counted a request of '${flag}' that can be compared yet` : null;
}

function comparisonOf(
  row: CountedRow,
  split: Split,
  definition: FlagDefinition,
  { now, factors, segments }: ComparisonRequest,
): Omit<ArmComparison, 'ageMs'> {
  const stored = Number(row.epoch);
  // Until somebody reports of the new split, it has no users; a split that this server has not heard of yet has no odds.
  const isCurrent = stored >= split.epoch;
  const marks = row.body_ms === null || row.tail_ms === null ? null : { bodyMs: row.body_ms, tailMs: row.tail_ms };
  const strata = strataOf(definition, segments);
  const countsOf = ({ requests, errors, latency, strata: counted, users }: ComparedArm): ArmCounts => ({
    requests,
    errors,
    latency: latencyCounts(latency, marks, factors),
    users: isCurrent ? users : NO_USERS,
    segments: strata.map((key) => counted[key] ?? NO_SEGMENT),
  });
  const counts: ArmPair = { legacy: countsOf(row.legacy), candidate: countsOf(row.candidate) };
  return {
    at: now,
    counts,
    epoch: isCurrent ? stored * LEVELS + row.level : split.epoch * LEVELS,
    odds: stored > split.epoch ? null : split.odds,
    assigned: null,
    problem: null,
  };
}

/** Flags name segments with the name of their plan before them. */
function strataOf({ strata = [] }: FlagDefinition, segments: readonly string[] | undefined): readonly string[] {
  if (segments === undefined) return strata;
  return segments.map((name) => strata.find((key) => key.endsWith(`/${name}`)) ?? name);
}
