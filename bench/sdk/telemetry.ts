import { LatencyHistogram, packLatency } from '@theseus/core/health';
import { exactly, type Figure } from '../support/figure.ts';
import { rounds } from '../support/rounds.ts';

const RECORDS = 2_000_000;
const ROUNDS = 7;
const MOST_NS = 10;
const MOST_WIRE_BYTES = 500;
/** Requests of one arm between two flushes, at a thousand a second. */
const FLUSH_REQUESTS = 5_000;

/** What it costs to count how long a request took, and what a flush of one arm's latencies weighs. */
export function benchTelemetry(): readonly Figure[] {
  const latencies = Float64Array.from({ length: 1_024 }, (_, at) => lognormal(at));
  const histogram = new LatencyHistogram();
  let sum = 0;
  const { cpu: added } = rounds(ROUNDS, () => {
    for (let at = 0; at < RECORDS; at += 1) sum += latencies[at & 1_023] ?? 0;
  });
  const { cpu: recorded } = rounds(ROUNDS, () => {
    for (let at = 0; at < RECORDS; at += 1) histogram.record(latencies[at & 1_023] ?? 0);
  });
  if (sum === 0 || histogram.total === 0) throw new Error('nothing was counted');
  const each = (taken: typeof recorded) => ({
    median: (taken.median * 1e6) / RECORDS,
    least: (taken.least * 1e6) / RECORDS,
    most: (taken.most * 1e6) / RECORDS,
  });
  const record = each(recorded);
  const bytes = JSON.stringify(packLatency(flushed().toSparse())).length;
  return [
    {
      name: 'recording one latency',
      unit: 'ns',
      measured: record,
      floor: { name: 'adding it to a sum', measured: each(added) },
      mark: { text: `at most ${MOST_NS} ns`, isKept: record.median <= MOST_NS },
    },
    {
      name: `latencies of ${FLUSH_REQUESTS} requests of one arm, on the wire`,
      unit: 'bytes',
      measured: exactly(bytes),
      mark: { text: `at most ${MOST_WIRE_BYTES} bytes`, isKept: bytes <= MOST_WIRE_BYTES },
    },
  ];
}

function flushed(): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let at = 0; at < FLUSH_REQUESTS; at += 1) histogram.record(lognormal(at));
  return histogram;
}

/** Around 20 ms, as services answer: one in twenty takes twice as long. Spread evenly by the golden ratio, the same each time. */
function lognormal(at: number): number {
  const first = (at * 0.618_033_988_749_895 + 0.1) % 1;
  const second = (at * 0.754_877_666_246_693 + 0.1) % 1;
  const normal = Math.sqrt(-2 * Math.log(first + 1e-9)) * Math.cos(2 * Math.PI * second);
  return 20 * Math.exp(0.42 * normal);
}
