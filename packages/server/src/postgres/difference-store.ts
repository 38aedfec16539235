import type { DifferenceKind, DifferenceSample } from '@theseus/core/health';
import type { Queryable } from '../ports/database.ts';
import type { DifferenceReport, DifferenceSource, DifferenceTotals } from '../ports/difference-source.ts';

interface TotalRow {
  readonly compared: string;
  readonly equal: string;
  readonly different: string;
  readonly dropped: string;
  readonly timed_out: string;
  readonly shadow_failed: string;
  readonly since: Date;
}

interface GroupRow {
  readonly path: string;
  readonly kind: DifferenceKind;
  readonly count: string;
  readonly samples: readonly DifferenceSample[];
  readonly first_at: Date;
  readonly last_at: Date;
}

/** Reads what shadow reads have found. */
export class DifferenceStore implements DifferenceSource {
  readonly #queryable: Queryable;

  constructor(queryable: Queryable) {
    this.#queryable = queryable;
  }

  async differencesOf(flag: string, environment: string): Promise<DifferenceReport> {
    const [totals, groups] = await Promise.all([
      this.#queryable.query<TotalRow>(
        `select compared, equal, different, dropped, timed_out, shadow_failed, since from theseus.difference_total
         where environment = $1 and flag = $2`,
        [environment, flag],
      ),
      this.#queryable.query<GroupRow>(
        `select path, kind, count, samples, first_at, last_at from theseus.difference
         where environment = $1 and flag = $2 order by count desc, path, kind`,
        [environment, flag],
      ),
    ]);
    return {
      totals: totalsOf(totals.rows[0]),
      paths: groups.rows.map(({ path, kind, count, samples, first_at, last_at }) => ({
        path,
        kind,
        count: Number(count),
        samples,
        firstAt: first_at.getTime(),
        lastAt: last_at.getTime(),
      })),
    };
  }
}

function totalsOf(row: TotalRow | undefined): DifferenceTotals {
  return {
    compared: Number(row?.compared ?? 0),
    equal: Number(row?.equal ?? 0),
    different: Number(row?.different ?? 0),
    dropped: Number(row?.dropped ?? 0),
    timedOut: Number(row?.timed_out ?? 0),
    shadowFailed: Number(row?.shadow_failed ?? 0),
    since: row?.since.getTime() ?? null,
  };
}
