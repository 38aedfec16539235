import {
  type GateVerdict,
  type Measurement,
  observe,
  type Reading,
  type Repairs,
  resumeWatch,
  type Watch,
} from '../src/health/index.ts';
import type { Plan } from '../src/plan/index.ts';
import {
  baselineOf,
  type Decision,
  decide,
  type EffectResult,
  type Input,
  nextWakeAt,
  type Refusal,
  type RolloutEvent,
  type RolloutState,
  startRun,
  type Verb,
  watchTargets,
} from '../src/rollout/index.ts';

const PERSON = { kind: 'person', name: 'ana' } as const;

/** A run in a test's hands: time moves when the test says so, and effects end as the test says. */
export class RolloutWorld {
  now = 1_000_000;
  state: RolloutState;
  readonly events: RolloutEvent[] = [];
  readonly watches = new Map<string, Watch>();
  /** What migrations owe their other side. */
  repairs: Repairs | null = { pending: 0, failed: 0, instances: 0, silent: 0 };

  constructor(plan: Plan) {
    const start = { runId: 'run-1', plan, planHash: 'sha256:test', actor: PERSON, reason: 'test' };
    const decision = startRun(start, this.now);
    this.state = decision.state;
    this.events.push(...decision.events);
  }

  give(input: Input): Decision {
    const decision = decide(this.state, input, this.now);
    this.state = decision.state;
    this.events.push(...decision.events);
    return decision;
  }

  command(verb: Verb, person = 'ana', expectedRevision?: number): Refusal | null {
    const revision = expectedRevision === undefined ? {} : { expectedRevision };
    const actor = { kind: 'person', name: person } as const;
    return this.give({ kind: 'command', command: { verb, actor, reason: `${verb.verb} in a test`, ...revision } })
      .refusal;
  }

  /** Ends every effect under way, those that follow included, until none is left. */
  finishEffects(result: Partial<EffectResult> = {}, only: (effectId: string) => boolean = () => true): void {
    for (;;) {
      const next = Object.keys(this.state.effects).find(only);
      if (next === undefined) return;
      const ended = { outcome: 'succeeded', summary: 'done', durationMs: 1, ...result } as const;
      this.give({ kind: 'effect-finished', effectId: next, result: ended });
    }
  }

  /** Every instance serves what was decided last. */
  confirm(): void {
    for (const flag of Object.values(this.state.flags)) {
      if (flag.confirmed) continue;
      this.give({
        kind: 'exposure-confirmed',
        flag: flag.key,
        revision: flag.changedAtRevision,
        instances: 2,
        silent: 0,
      });
    }
  }

  /** Lets time pass in looks of ten seconds, with the same readings at each. */
  live(ms: number, readings: Readonly<Record<string, Partial<Reading> | number>> = { errors: 0.5 }): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 10_000);
      this.look(readings);
      const wake = nextWakeAt(this.state, this.now - 1);
      if (wake !== null && wake <= this.now) this.give({ kind: 'timer' });
    }
  }

  look(readings: Readonly<Record<string, Partial<Reading> | number>>): void {
    for (const target of watchTargets(this.state)) {
      const before = resumeWatch(target, this.watches.get(target.id), this.now);
      const counting = this.state.status === 'running';
      const owed = target.asksRepairs ? { repairs: this.repairs } : {};
      const measurement = { ...measured(this.now, readings), ...owed };
      const watch = observe(before, target.gate, measurement, baselineOf(this.state, target.flag), { counting });
      this.watches.set(target.id, watch);
      this.give({ kind: 'judged', watch });
    }
  }

  exposure(flag: string): number {
    return (this.state.flags[flag]?.exposure ?? -1) / 1_000;
  }

  types(): readonly string[] {
    return this.events.map(({ type }) => type);
  }

  last<Type extends RolloutEvent['type']>(type: Type): Extract<RolloutEvent, { readonly type: Type }> {
    const found = this.events.findLast((event) => event.type === type);
    if (found === undefined) throw new Error(`no ${type} among ${this.types().join(', ')}`);
    return found as Extract<RolloutEvent, { readonly type: Type }>;
  }
}

export function measured(at: number, readings: Readonly<Record<string, Partial<Reading> | number>>): Measurement {
  return {
    at,
    readings: Object.entries(readings).map(([signal, given]): Reading => {
      const usual = { signal, status: 'ok', value: 0, sample: 1_000, ageMs: 0, source: 'test' } as const;
      return typeof given === 'number' ? { ...usual, value: given } : { ...usual, ...given };
    }),
  };
}

export function verdictOf(watch: Watch | undefined): GateVerdict {
  if (!watch?.verdict) throw new Error('nothing was judged');
  return watch.verdict;
}
