import { type Baseline, type Reading, type Repairs, signalsRead, type WatchTarget } from '@theseus/core/health';
import { ARMS } from '../draw/draw-judging.ts';
import type { Mood, MoodKind, Scenario } from '../scenario.ts';

interface Source {
  readonly healthy: number;
  readonly bad: number;
  /** Whether it knows the legacy arm and counts requests. */
  readonly isTelemetry: boolean;
}

const SOURCES: Readonly<Record<string, Source>> = {
  errors: { healthy: 0.5, bad: 60, isTelemetry: true },
  success: { healthy: 99.5, bad: 10, isTelemetry: true },
  latency: { healthy: 100, bad: 5_000, isTelemetry: true },
  queue: { healthy: 3, bad: 900, isTelemetry: false },
  lag: { healthy: 200, bad: 90_000, isTelemetry: false },
  complaints: { healthy: 0, bad: 50, isTelemetry: false },
};

const ENOUGH_REQUESTS = 1_000;
const TOO_FEW_REQUESTS = 3;
const FLAP_MS = 45_000;

/** The monitored world: each source is healthy but for the moods of the scenario. */
export class Sources {
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  baseline(): Baseline {
    return Object.fromEntries(Object.entries(SOURCES).map(([name, { healthy }]) => [name, healthy]));
  }

  read(target: WatchTarget, now: number): readonly Reading[] {
    return signalsRead(target.gate).map((name) => this.#reading(name, now));
  }

  /** What migrations owe: nobody can tell while the arms are silent, and some is owed while they are bad. */
  repairs(now: number): Repairs | null {
    const elapsedMs = now - this.#scenario.startAt;
    const mood = this.#scenario.moods.find((known) => isActive(known, ARMS, elapsedMs));
    if (mood?.kind === 'silent' || mood?.kind === 'error') return null;
    return { pending: mood?.kind === 'bad' ? 5 : 0, failed: 0, instances: 1, silent: 0 };
  }

  #reading(signal: string, now: number): Reading {
    const { healthy, bad, isTelemetry } = SOURCES[signal] ?? { healthy: 0, bad: 0, isTelemetry: false };
    const arms = isTelemetry ? { legacy: healthy, sample: ENOUGH_REQUESTS } : {};
    const well: Reading = { signal, status: 'ok', value: healthy, ageMs: 0, source: 'model', ...arms };
    const elapsedMs = now - this.#scenario.startAt;
    const mood = this.#scenario.moods.find((known) => isActive(known, signal, elapsedMs));
    return mood === undefined ? well : spoiled(well, mood.kind, bad, now);
  }
}

function isActive(mood: Mood, signal: string, elapsedMs: number): boolean {
  return mood.signal === signal && elapsedMs >= mood.from && elapsedMs < mood.to;
}

function spoiled(well: Reading, kind: MoodKind, bad: number, now: number): Reading {
  switch (kind) {
    case 'bad':
      return { ...well, value: bad };
    case 'flapping':
      return Math.floor(now / FLAP_MS) % 2 === 0 ? well : { ...well, value: bad };
    case 'silent':
      return { ...well, status: 'no-data', value: null, problem: 'nothing was measured' };
    case 'error':
      return { ...well, status: 'error', value: null, problem: 'connection refused' };
    case 'not-a-number':
      return { ...well, value: Number.NaN };
    case 'stale':
      return { ...well, status: 'stale', ageMs: 3_600_000 };
    // Only the arms of a flag know it.
    case 'everywhere':
      return well;
    case 'few':
      return well.sample === undefined ? well : { ...well, sample: TOO_FEW_REQUESTS };
  }
}
