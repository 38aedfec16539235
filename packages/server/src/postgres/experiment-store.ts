import { CONTROL, splitOf } from '@theseus/core/flag';
import {
  compareVariants,
  type Metric,
  type MetricComparison,
  type ObservedVariant,
  type PastComparison,
} from '@theseus/core/health';
import type { Queryable } from '../ports/database.ts';
import type { FlagService } from '../ports/flag-service.ts';
import type { MetricReading, MetricRequest, MetricSource } from '../ports/metric-source.ts';
import type { ExperimentRow } from './experiment-rows.ts';
import { type Shares, sharesOf } from './experiment-shares.ts';

interface StoredRow {
  readonly heard: Date | null;
  readonly run_id: string | null;
  readonly split: string | null;
  readonly variants: ExperimentRow['variants'] | null;
}

interface PastRow {
  readonly exposure: number;
  readonly shares: Shares;
  readonly variants: ExperimentRow['variants'];
  readonly ended_at: Date;
}

/** Earlier splits of a flag that are shown: as many exposures as ramps usually have. */
const PAST_LIMIT = 20;

/** Compares what users of each variant have reached: one row of sums is read, however many users they are about. */
export class ExperimentStore implements MetricSource {
  readonly #queryable: Queryable;
  readonly #flags: Pick<FlagService, 'document'>;

  constructor(queryable: Queryable, flags: Pick<FlagService, 'document'>) {
    this.#queryable = queryable;
    this.#flags = flags;
  }

  async compare({ runId, environment, flag, metrics }: MetricRequest): Promise<MetricReading> {
    const { flags } = this.#flags.document(environment);
    const definition = flags[flag];
    const row = await this.#read(environment, flag);
    const heardAt = row.heard?.getTime() ?? null;
    const tell = (problem: string): MetricReading => ({
      comparisons: metrics.map((metric) => nothingOf(flag, metric, problem)),
      heardAt,
    });
    if (definition === undefined) return tell(`there is no flag '${flag}' in environment '${environment}'`);
    if (row.run_id !== runId) return tell(`'${flag}' belongs to another run by now`);
    const split = splitOf(flags, flag);
    const stored = Number(row.split ?? 0);
    if (split === null || stored > split.since) return tell('the split has just changed');
    // Until somebody reports of the new split, it has no users.
    const known = stored === split.since ? (row.variants ?? {}) : {};
    const shares = sharesOf(definition, split.odds);
    return { comparisons: metrics.map((metric) => comparisonOf(flag, metric, shares, known)), heardAt };
  }

  async past({ runId, environment, flag, metrics }: MetricRequest): Promise<readonly PastComparison[]> {
    const now = splitOf(this.#flags.document(environment).flags, flag);
    const { rows } = await this.#queryable.query<PastRow>(
      `select split, exposure, shares, variants, ended_at from theseus.past_experiment
         where environment = $1 and flag = $2 and run_id = $3
       union all
       select split, exposure, shares, variants, at from theseus.experiment
         where environment = $1 and flag = $2 and run_id = $3 and shares is not null and split < $4
       order by split desc limit ${PAST_LIMIT}`,
      [environment, flag, runId, now?.since ?? 0],
    );
    const compared = rows.toReversed().flatMap(({ exposure, shares, variants, ended_at }) =>
      metrics.map((metric) => ({
        ...comparisonOf(flag, metric, shares, variants),
        exposurePercent: exposure / 1_000,
        endedAt: ended_at.getTime(),
      })),
    );
    return compared.filter(({ arms }) => arms.some(({ users }) => users > 0));
  }

  async #read(environment: string, flag: string): Promise<StoredRow> {
    const { rows } = await this.#queryable.query<StoredRow>(
      `select theseus.flag.run_id, split, variants,
         (select last_seen from theseus.instance where environment = $1 order by last_seen desc limit 1) as heard
       from (values (1)) as always
         left join theseus.flag on flag.environment = $1 and flag.key = $2
         left join theseus.experiment on experiment.environment = $1 and experiment.flag = $2`,
      [environment, flag],
    );
    return rows[0] ?? { heard: null, run_id: null, split: null, variants: null };
  }
}

function comparisonOf(
  flag: string,
  metric: Metric,
  shares: Shares,
  known: ExperimentRow['variants'],
): MetricComparison {
  const variants = shares.map(({ variant, expected }): ObservedVariant => {
    const { users = 0, goals = {} } = known[variant] ?? {};
    const { conversions = 0, value = 0, squares = 0 } = goals[metric.goal] ?? {};
    return { variant, users, conversions, value, squares, expected };
  });
  return compareVariants({ flag, metric, variants });
}

function nothingOf(flag: string, metric: Metric, problem: string): MetricComparison {
  return { ...metric, flag, control: CONTROL, arms: [], comparisons: [], problem };
}
