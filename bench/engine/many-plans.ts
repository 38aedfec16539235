import { type Plan, planFromSource } from '@theseus/core/plan';
import pg from 'pg';
import { exactly, type Figure, quantile } from '../support/figure.ts';
import { atOnce } from '../support/rounds.ts';
import { type System, startSystem } from '../support/system.ts';

const EVERY_MS = 30_000;
const REPORT_EVERY_MS = 10_000;
const FLAGS_PER_INSTANCE = 200;
const MOST_LATE_MS = 2_000;

export interface ManyPlansOptions {
  readonly plans: number;
  /** How long they are measured once all of them run; a check comes every 30 s. */
  readonly seconds: number;
  readonly progress: (line: string) => void;
}

function planNumber(index: number): Plan {
  const flag = `flag-${index}`;
  const { plan } = planFromSource({
    plan: `plan-${index}`,
    cohort: 'userId',
    signals: { errors: { telemetry: 'error-rate' }, latency: { telemetry: 'latency-p95' } },
    gates: { standard: { every: '30s', rules: [{ 'errors > 5%': 'rollback now' }, { 'latency > 500ms': 'hold' }] } },
    flags: { [flag]: {} },
    phases: [{ phase: 'one', steps: [{ ramp: flag, gate: 'standard', through: ['50%'], soak: '1w' }] }],
  });
  if (plan === null) throw new Error('the plan is not valid');
  return plan;
}

/** How late checks are when one server drives many plans at once, each judged every 30 s from reported traffic. */
export async function benchManyPlans({ plans, seconds, progress }: ManyPlansOptions): Promise<readonly Figure[]> {
  const system = await startSystem();
  const traffic = new Traffic(system, plans);
  try {
    const indexes = Array.from({ length: plans }, (_, index) => index);
    const startedAt = performance.now();
    await atOnce(indexes, 8, (index) => system.run(planNumber(index)));
    progress(`${plans} plans started in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    await traffic.begin();
    // Two rounds of looks first, so that starting is not measured.
    await pause(2 * EVERY_MS);
    const from = Date.now();
    const before = system.cost();
    await pause(seconds * 1_000);
    const after = system.cost();
    const checks = await checksSince(system.databaseUrl, from);
    progress(`${checks.late.length} checks of ${checks.watches} gates`);
    return figures(plans, checks, {
      cores: before === null || after === null ? null : (after.cpuMs - before.cpuMs) / (seconds * 1_000),
      rssMb: after?.rssMb ?? null,
    });
  } finally {
    traffic.end();
    await system.stop();
  }
}

interface Checks {
  readonly watches: number;
  /** Of each check, by how many milliseconds it was late. */
  readonly late: readonly number[];
  readonly unhealthy: number;
}

function figures(
  plans: number,
  { late, unhealthy, watches }: Checks,
  cost: { readonly cores: number | null; readonly rssMb: number | null },
): readonly Figure[] {
  const p99 = quantile(late, 0.99);
  const isWhole = watches === plans && unhealthy === 0;
  return [
    {
      name: `${plans.toLocaleString('en')} plans at once: how late a 30 s check is, 99 of 100`,
      unit: 'ms',
      measured: exactly(p99),
      mark: { text: 'at most 2 000 ms, every plan watched and healthy', isKept: p99 <= MOST_LATE_MS && isWhole },
    },
    { name: 'the same, in the middle', unit: 'ms', measured: exactly(quantile(late, 0.5)) },
    { name: 'the same, the latest', unit: 'ms', measured: exactly(quantile(late, 1)) },
    ...(cost.cores === null ? [] : [{ name: 'CPU of the server', unit: 'cores', measured: exactly(cost.cores) }]),
    ...(cost.rssMb === null ? [] : [{ name: 'memory of the server', unit: 'MB', measured: exactly(cost.rssMb) }]),
  ];
}

interface WatchRow {
  readonly since: number;
  readonly samples: readonly { readonly at: number }[];
  readonly verdict: { readonly verdict: string } | null;
}

/**
 * Each gate keeps its last ten looks. A look belongs on the grid of 30 s that begins when its exposure was set; one that is
 * left out makes the next one late by a whole interval.
 */
async function checksSince(connectionString: string, from: number): Promise<Checks> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ watch: WatchRow }>('select watch from theseus.watch');
  await client.end();
  const late = rows.flatMap(({ watch: { since, samples } }) =>
    samples.flatMap(({ at }, index) => {
      const last = samples[index - 1]?.at;
      if (at < from || last === undefined) return [];
      const due = since + (Math.floor((last - since) / EVERY_MS) + 1) * EVERY_MS;
      return [at - due];
    }),
  );
  const unhealthy = rows.filter(({ watch }) => watch.verdict?.verdict !== 'pass').length;
  return { watches: rows.length, late, unhealthy };
}

/** Healthy requests of every flag, counted up and reported as SDK instances do. */
class Traffic {
  readonly #system: System;
  readonly #plans: number;
  #sequence = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(system: System, plans: number) {
    this.#system = system;
    this.#plans = plans;
  }

  async begin(): Promise<void> {
    await this.#report();
    this.#timer = setInterval(() => void this.#report(), REPORT_EVERY_MS);
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async #report(): Promise<void> {
    const { call, sdkToken } = this.#system;
    this.#sequence += 1;
    const { body } = await call('GET', '/api/v1/flags', undefined, sdkToken);
    const requests = this.#sequence * 100;
    const arm = { requests, errors: 0, fallbacks: 0, latency: [100, requests] };
    for (let first = 0; first < this.#plans; first += FLAGS_PER_INSTANCE) {
      const last = Math.min(this.#plans, first + FLAGS_PER_INSTANCE);
      const keys = Array.from({ length: last - first }, (_, index) => `flag-${first + index}`);
      const batch = {
        instance: `bench-${first}`,
        service: 'bench',
        sequence: this.#sequence,
        servedVersion: (body as { version: number }).version,
        flags: Object.fromEntries(keys.map((key) => [key, { legacy: arm, candidate: arm }])),
      };
      const answer = await call('POST', '/api/v1/telemetry', batch, sdkToken);
      if (answer.status !== 200) throw new Error(`telemetry was answered by ${answer.status}`);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
