import {
  type Baseline,
  HOURS_OF_WEEK,
  type Reading,
  type Repairs,
  signalsRead,
  type WatchTarget,
} from '@theseus/core/health';
import { ARMS } from '../draw/draw-judging.ts';
import type { Mood, MoodKind, Scenario } from '../scenario.ts';

interface Source {
  readonly healthy: number;
  readonly bad: number;
  /** Whether it knows the legacy arm and counts requests. */
  readonly isTelemetry: boolean;
  /** Of telemetry. */
  readonly unit?: 'percent' | 'ms';
}

const SOURCES: Readonly<Record<string, Source>> = {
  errors: { healthy: 0.5, bad: 60, isTelemetry: true, unit: 'percent' },
  success: { healthy: 99.5, bad: 10, isTelemetry: true, unit: 'percent' },
  latency: { healthy: 100, bad: 5_000, isTelemetry: true, unit: 'ms' },
  queue: { healthy: 3, bad: 900, isTelemetry: false },
  lag: { healthy: 200, bad: 90_000, isTelemetry: false },
  complaints: { healthy: 0, bad: 50, isTelemetry: false },
};

const ENOUGH_REQUESTS = 1_000;
const TOO_FEW_REQUESTS = 3;
const FLAP_MS = 45_000;
const FOUR_WEEKS_MS = 28 * 86_400_000;

/** The monitored world: each source is healthy but for the moods of the scenario. */
export class Sources {
  readonly #scenario: Scenario;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  /** Telemetry knows the hours of the week, all of them alike; of the others a plain number is known, as older versions wrote it. */
  baseline(now: number): Baseline {
    return Object.fromEntries(
      Object.entries(SOURCES).map(([name, { healthy, unit }]) => {
        if (unit === undefined) return [name, healthy];
        const hours = Array.from({ length: HOURS_OF_WEEK }, () => healthy);
        const shape = { kind: 'hour-of-week', hours, covered: HOURS_OF_WEEK, weeks: 4 } as const;
        return [name, { value: healthy, unit, over: { from: now - FOUR_WEEKS_MS, to: now }, source: 'model', shape }];
      }),
    );
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
