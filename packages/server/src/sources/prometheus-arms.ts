import { TheseusError } from '@theseus/core/error';
import { type ArmComparison, type ArmCounts, type ArmPair, type JudgeProfile, noCounts } from '@theseus/core/health';
import { type Below, type BucketMarks, bucketMarks, countAbove } from './bucket-marks.ts';
import { counterSums } from './counter-sums.ts';
import { fillPromQl } from './placeholders.ts';
import { type PrometheusPlace, queryRange, type Series } from './prometheus-client.ts';

/** Counters of both arms, by PromQL in which `${{ arm }}` stands for the value of the label that tells them apart. */
export interface ArmQueries {
  readonly requests: string;
  readonly errors: string;
  /** The `_bucket` counters of a histogram; null where latency is not judged. */
  readonly latency: string | null;
  /** What `${{ arm }}` stands for. */
  readonly arms: ArmPair<string>;
  /** Users on the candidate for each on legacy; null where nobody knows, so that throughput is not judged. */
  readonly odds: number | null;
}

export interface ArmHistoryOptions extends ArmQueries {
  readonly prometheus: PrometheusPlace;
  readonly flag: string | null;
  readonly environment: string;
  readonly profile: JudgeProfile;
  /** Epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  readonly everyMs: number;
  /** How long before the start legacy's latency is learnt. */
  readonly baselineMs: number;
}

export interface ArmHistory {
  /** What both arms had counted since the start, at one of the looks. */
  readonly at: (moment: number) => ArmComparison;
  /** Whether latency could be counted: the histogram has edges near body and tail of legacy. */
  readonly hasLatency: boolean;
}

/** So many samples of each series are asked for at once: a histogram has many series. */
const SAMPLES_AT_ONCE = 1_000;

/**
 * Counts of both arms at each look of a time that Prometheus remembers, as the judge takes them. Single users are not
 * known, so that nothing is told from them: how strongly errors cling together is learnt from how the counts jump.
 *
 * @throws TheseusError `invalid-argument` where Prometheus cannot be asked, or refuses a query
 */
export async function armHistory(options: ArmHistoryOptions): Promise<ArmHistory> {
  const { from, to, everyMs, odds } = options;
  const moments = momentsOf(from, to, everyMs);
  const marks = options.latency === null ? null : await marksOf(options, options.latency);
  const [legacy, candidate] = await Promise.all([
    countsOf(options, 'legacy', moments, marks),
    countsOf(options, 'candidate', moments, marks),
  ]);
  const indexOf = new Map(moments.map((at, index) => [at, index]));
  const common = { epoch: 0, odds, assigned: null, ageMs: 0 };
  return {
    hasLatency: marks !== null,
    at: (at) => {
      const index = indexOf.get(at) ?? -1;
      const counts = { legacy: legacy[index] ?? null, candidate: candidate[index] ?? null };
      if (counts.legacy !== null && counts.candidate !== null) {
        return { ...common, at, counts: { legacy: counts.legacy, candidate: counts.candidate }, problem: null };
      }
      const missing = counts.legacy === null ? 'legacy' : 'the candidate';
      return { ...common, at, counts: null, problem: `Prometheus has no requests of ${missing} then` };
    },
  };
}

function momentsOf(from: number, to: number, everyMs: number): readonly number[] {
  return Array.from({ length: Math.floor((to - from) / everyMs) + 1 }, (_, look) => from + look * everyMs);
}

async function countsOf(
  options: ArmHistoryOptions,
  arm: keyof ArmPair,
  moments: readonly number[],
  marks: BucketMarks | null,
): Promise<readonly (ArmCounts | null)[]> {
  const { from, to } = options;
  const ask = (query: string): Promise<readonly Series[]> => seriesOf(options, arm, { query, from, to });
  const [requests, errors, buckets] = await Promise.all([
    ask(options.requests),
    ask(options.errors),
    marks === null || options.latency === null ? [] : ask(options.latency),
  ]);
  const requested = counterSums(requests, moments);
  // Counters of errors often appear with the first of them.
  const failed = carried(counterSums(errors, moments));
  const slower = marks && slowerThan(buckets, marks, moments);
  return requested.map((sum, index): ArmCounts | null => {
    if (sum === null) return null;
    return {
      ...noCounts(0),
      requests: sum,
      errors: Math.min(sum, failed[index] ?? 0),
      ...(slower === null ? {} : { latency: slower(index) }),
    };
  });
}

/** How many timed requests took longer than each mark, at each moment. */
function slowerThan(
  series: readonly Series[],
  marks: BucketMarks,
  moments: readonly number[],
): (index: number) => ArmCounts['latency'] {
  const bucketsAt = bucketsOf(series, moments);
  return (index) => {
    const buckets = bucketsAt(index);
    const above = (mark: keyof BucketMarks): number => countAbove(buckets, marks[mark]);
    return {
      timed: buckets.at(-1)?.count ?? 0,
      body: above('body'),
      bodyTolerated: above('bodyTolerated'),
      bodyHarmful: above('bodyHarmful'),
      tail: above('tail'),
      tailTolerated: above('tailTolerated'),
      tailHarmful: above('tailHarmful'),
    };
  };
}

/** A histogram over all its series, at each moment: by growing edge, +Inf last. */
function bucketsOf(series: readonly Series[], moments: readonly number[]): (index: number) => readonly Below[] {
  const edges = [...new Set(series.map(({ labels }) => edgeOf(labels)))].filter((edge) => !Number.isNaN(edge));
  edges.sort((left, right) => left - right);
  const sums = edges.map((edge) => ({
    edge,
    counts: carried(
      counterSums(
        series.filter(({ labels }) => edgeOf(labels) === edge),
        moments,
      ),
    ),
  }));
  return (index) => sums.map(({ edge, counts }) => ({ edge, count: counts.at(index) ?? 0 }));
}

/** What was last known, where nothing is; nothing was counted before anything was. */
function carried(sums: readonly (number | null)[]): readonly number[] {
  let last = 0;
  return sums.map((sum) => {
    last = sum ?? last;
    return last;
  });
}

/** Where legacy's body and tail stood before the start. */
async function marksOf(options: ArmHistoryOptions, query: string): Promise<BucketMarks | null> {
  const { from, everyMs, baselineMs, profile } = options;
  const since = from - Math.ceil(baselineMs / everyMs) * everyMs;
  const moments = momentsOf(since, from, everyMs);
  const series = await seriesOf(options, 'legacy', { query, from: since, to: from });
  return bucketMarks(bucketsOf(series, moments)(-1), profile);
}

/** The upper edge of a bucket: Prometheus writes it in the label `le`. */
function edgeOf({ le }: Series['labels']): number {
  return le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le ?? Number.NaN);
}

interface Asked {
  readonly query: string;
  readonly from: number;
  readonly to: number;
}

/** The series of one arm over a time, each whole, however many answers they come in. */
async function seriesOf(
  { prometheus, flag, environment, everyMs, arms }: ArmHistoryOptions,
  arm: keyof ArmPair,
  { query, from, to }: Asked,
): Promise<readonly Series[]> {
  const filled = fillPromQl(query, { flag, environment, arm: arms[arm] });
  const whole = new Map<string, { labels: Series['labels']; samples: Series['samples'][number][] }>();
  for (let start = from; start <= to; start += SAMPLES_AT_ONCE * everyMs) {
    const end = Math.min(to, start + (SAMPLES_AT_ONCE - 1) * everyMs);
    const answer = await queryRange(prometheus, { query: filled, from: start, to: end, stepMs: everyMs });
    if (answer.kind === 'failed') throw new TheseusError('invalid-argument', `Prometheus: ${answer.problem}`);
    for (const { labels, samples } of answer.series) {
      const key = JSON.stringify(Object.entries(labels).sort());
      const known = whole.get(key) ?? { labels, samples: [] };
      known.samples.push(...samples);
      whole.set(key, known);
    }
  }
  return [...whole.values()];
}
