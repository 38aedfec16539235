import {
  type Baseline,
  type GateRule,
  isReadCondition,
  type Measurement,
  thresholdOf,
  type WatchTarget,
} from '@theseus/core/health';

/** How far apart two looks may be and still prove health between them, in intervals of the gate. */
export const LONGEST_GAP = 3;

export interface Look extends Measurement {
  readonly baseline: Baseline;
}

/** Looks and writes take their time, and notice of a new exposure takes a moment. */
const LATE_MS = 10_000;

export interface Blindness {
  readonly forMs: number;
  /** Whether any clock has jumped in this run. */
  readonly hadJump: boolean;
}

interface Watched {
  lastAt: number;
  /** Whether the last look may have been healthy; false only where that is certain. */
  isHealthy: boolean;
  /** Whether time since the last look may count: it was healthy and the run was not paused. */
  isCounting: boolean;
  healthyMs: number;
  /** How often any rule changed between kept, broken and unusable. */
  changes: number;
  /** Disturbances while it was watched: each may cost the engine's clock some intervals. */
  disturbances: number;
  /** Since when some source of the gate has had nothing to say; null while all of them speak. */
  blindSince: number | null;
  readonly brokenSince: (number | null)[];
  readonly found: Finding[];
}

type Finding = 'kept' | 'broken' | 'unusable';

/**
 * What the sources really said, in true time, whatever servers made of it. It errs to the side of health: where the
 * engine is entitled to a doubt (a condition that has not held for as long as it must), the look counts as healthy.
 */
export class Truth {
  readonly #watched = new Map<string, Watched>();
  #isPaused = false;
  #hadJump = false;
  #excusedUntil = 0;

  /** A server's clock has jumped. */
  jumped(): void {
    this.#hadJump = true;
    for (const watched of this.#watched.values()) watched.disturbances += 1;
  }

  /** A crash, a take-over, a pause of the process: until then nobody can be expected to look. */
  outage(until: number): void {
    this.#excusedUntil = Math.max(this.#excusedUntil, until);
    for (const watched of this.#watched.values()) watched.disturbances += 1;
  }

  /** From now on somebody has to look. */
  begun(target: WatchTarget, at: number): void {
    this.#watched.set(keyOf(target), unseen(target, at));
  }

  paused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) for (const watched of this.#watched.values()) watched.isCounting = false;
  }

  /** Notes a look. Answers when nobody had looked for too long before it, though somebody could have. */
  looked(target: WatchTarget, look: Look): Blindness | null {
    const watched = this.#watched.get(keyOf(target)) ?? unseen(target, look.at);
    this.#watched.set(keyOf(target), watched);
    const elapsedMs = look.at - watched.lastAt;
    // A process that was paused in the middle of a look tells of it late.
    if (elapsedMs < 0) return null;
    const isGapless = elapsedMs <= LONGEST_GAP * target.gate.everyMs;
    const isHealthy = this.#judge(target, look, watched, isGapless);
    if (isHealthy && watched.isCounting && isGapless && !this.#isPaused) watched.healthyMs += elapsedMs;
    watched.blindSince = isBlind(target, look) ? (watched.blindSince ?? look.at) : null;
    watched.lastAt = look.at;
    watched.isHealthy = isHealthy;
    watched.isCounting = isHealthy && !this.#isPaused;
    const unexcusedMs = look.at - Math.max(look.at - elapsedMs, this.#excusedUntil);
    const wasBlind = unexcusedMs > LONGEST_GAP * target.gate.everyMs + LATE_MS;
    return wasBlind ? { forMs: elapsedMs, hadJump: this.#hadJump } : null;
  }

  of(watchId: string, stage: number): Readonly<Watched> | undefined {
    return this.#watched.get(`${watchId}/${stage}`);
  }

  /**
   * A rule of the target that asks for more than a warning and has been broken for so long that the engine must have
   * answered: its own time, what it may doubt, and two more looks.
   */
  overdueRule({ id, stage, gate }: WatchTarget): GateRule | undefined {
    const watched = this.#watched.get(`${id}/${stage}`);
    if (watched === undefined || gate.mode === 'observe') return undefined;
    const answerMs = (3 + watched.disturbances) * LONGEST_GAP * gate.everyMs + LATE_MS;
    // A server whose clock was set back goes on at half its speed.
    const slowness = this.#hadJump ? 2 : 1;
    return gate.rules.find((rule, index) => {
      if (!isReadCondition(rule.condition)) return false;
      const since = watched.brokenSince[index] ?? watched.lastAt;
      return rule.action.kind !== 'warn' && watched.lastAt - since > slowness * (rule.condition.forMs + answerMs);
    });
  }

  /** Whether a clock has jumped, after which the engine may have another idea of how long it is since then. */
  get isJumpy(): boolean {
    return this.#hadJump;
  }

  get changes(): number {
    return [...this.#watched.values()].reduce((sum, { changes }) => sum + changes, 0);
  }

  #judge(target: WatchTarget, look: Look, watched: Watched, isGapless: boolean): boolean {
    let isHealthy = true;
    target.gate.rules.forEach((rule, index) => {
      const found = breaks(rule, look, target.gate.minSample);
      const since = isGapless ? (watched.brokenSince[index] ?? look.at) : look.at;
      watched.brokenSince[index] = found === 'broken' ? since : null;
      if (watched.found[index] !== found) watched.changes += 1;
      watched.found[index] = found;
      if (found === 'unusable') isHealthy = false;
      if (found !== 'broken' || rule.action.kind === 'warn' || target.gate.mode === 'observe') return;
      const doubtMs = (1 + watched.disturbances) * LONGEST_GAP * target.gate.everyMs;
      const { forMs } = rule.condition;
      if (forMs === 0 || look.at - since >= forMs + doubtMs) isHealthy = false;
    });
    return isHealthy;
  }
}

function keyOf({ id, stage }: WatchTarget): string {
  return `${id}/${stage}`;
}

function unseen({ gate }: WatchTarget, at: number): Watched {
  return {
    lastAt: at,
    isHealthy: false,
    isCounting: false,
    healthyMs: 0,
    changes: 0,
    disturbances: 0,
    blindSince: null,
    brokenSince: gate.rules.map(() => null),
    found: gate.rules.map(() => 'kept' as const),
  };
}

/** Whether a source has nothing to say. Too few requests are something, and rules that are judged are asked of the arms. */
function isBlind({ gate, flag }: WatchTarget, { readings, comparison }: Look): boolean {
  return gate.rules.some(({ condition }) => {
    if (!isReadCondition(condition)) return flag === null || (comparison?.counts ?? null) === null;
    const reading = readings.find(({ signal }) => signal === condition.signal);
    return reading?.status !== 'ok' || reading.value === null || !Number.isFinite(reading.value);
  });
}

function breaks({ condition }: GateRule, look: Look, minSample: number): Finding {
  // What the evidence of both arms amounts to is the judge's affair; that there is none is certain.
  if (!isReadCondition(condition)) return (look.comparison?.counts ?? null) === null ? 'unusable' : 'kept';
  const { readings, baseline } = look;
  const reading = readings.find(({ signal }) => signal === condition.signal);
  if (reading?.status !== 'ok' || reading.value === null || !Number.isFinite(reading.value)) return 'unusable';
  if (reading.sample !== undefined && reading.sample < minSample) return 'unusable';
  const threshold = thresholdOf(condition, { reading, baseline, at: look.at });
  if (threshold === null) return 'unusable';
  const { comparison } = condition;
  const isAbove = comparison.startsWith('>') ? reading.value > threshold : reading.value < threshold;
  return isAbove || (comparison.endsWith('=') && reading.value === threshold) ? 'broken' : 'kept';
}
