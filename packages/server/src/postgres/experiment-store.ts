import { CONTROL, EXPOSURE_WHOLE, type FlagDefinition, splitOf } from '@theseus/core/flag';
import { compareVariants, type Metric, type MetricComparison, type ObservedVariant } from '@theseus/core/health';
import type { Queryable } from '../ports/database.ts';
import type { FlagService } from '../ports/flag-service.ts';
import type { MetricReading, MetricRequest, MetricSource } from '../ports/metric-source.ts';
import type { ExperimentRow } from './experiment-rows.ts';

interface StoredRow {
  readonly heard: Date | null;
  readonly run_id: string | null;
  readonly split: string | null;
  readonly variants: ExperimentRow['variants'] | null;
}

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

  async #read(environment: string, flag: string): Promise<StoredRow> {
    const { rows } = await this.#queryable.query<StoredRow>(
      `select run_id, split, variants,
         (select last_seen from theseus.instance where environment = $1 order by last_seen desc limit 1) as heard
       from (values (1)) as always
         left join theseus.flag on flag.environment = $1 and flag.key = $2
         left join theseus.experiment on experiment.environment = $1 and experiment.flag = $2`,
      [environment, flag],
    );
    return rows[0] ?? { heard: null, run_id: null, split: null, variants: null };
  }
}

type Shares = readonly { readonly variant: string; readonly expected: number }[];

/**
 * The share of the users that each variant should have, the control first. Where nobody is left on legacy, the first
 * variant is the control; where nobody is on the candidate, nobody is compared.
 */
function sharesOf({ variants, exposure }: FlagDefinition, odds: number | null): Shares {
  const weights = (variants ?? [{ name: 'candidate', weight: EXPOSURE_WHOLE }]).filter(({ weight }) => weight > 0);
  const among = weights.map(({ name, weight }) => ({ variant: name, expected: weight / EXPOSURE_WHOLE }));
  if (odds === null) return exposure === EXPOSURE_WHOLE ? among : [];
  const candidate = odds / (1 + odds);
  const divided = among.map(({ variant, expected }) => ({ variant, expected: expected * candidate }));
  return [{ variant: CONTROL, expected: 1 - candidate }, ...divided];
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
