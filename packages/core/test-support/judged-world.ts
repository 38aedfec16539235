import { type ArmComparison, type ArmPair, observe, resumeWatch, type Watch } from '../src/health/index.ts';
import { baselineOf, nextWakeAt, watchTargets } from '../src/rollout/index.ts';
import { grownArms } from '../src/simulate/modelled-arms.ts';
import { measured, RolloutWorld } from './rollout-world.ts';

export interface Traffic {
  /** In percent of requests. */
  readonly errors?: number;
  readonly legacyErrors?: number;
  readonly slowness?: number;
  readonly users?: number;
  /** Why nobody can count; then nothing is. */
  readonly problem?: string;
  readonly readings?: Parameters<typeof measured>[1];
}

/** A run whose gates compare the arms of modelled traffic: 20 000 users who make six requests a minute. */
export class JudgedWorld extends RolloutWorld {
  counts: ArmPair | null = null;
  #random = 1;

  /** Lets time pass in looks of ten seconds under this traffic. */
  serve(ms: number, traffic: Traffic = {}): void {
    const end = this.now + ms;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 10_000);
      this.#lookAt(traffic);
      const wake = nextWakeAt(this.state, this.now - 1);
      if (wake !== null && wake <= this.now) this.give({ kind: 'timer' });
    }
  }

  /** As another process would take it over: all that is known of watches is what was written down. */
  restart(): void {
    for (const [id, watch] of this.watches) this.watches.set(id, JSON.parse(JSON.stringify(watch)) as Watch);
  }

  #lookAt(traffic: Traffic): void {
    const { readings = {} } = traffic;
    for (const target of watchTargets(this.state)) {
      const comparison = this.#compare(target.flag ?? '', traffic);
      const before = resumeWatch(target, this.watches.get(target.id), this.now);
      const counting = this.state.status === 'running';
      const measurement = { ...measured(this.now, readings), comparison };
      const watch = observe(before, target.gate, measurement, baselineOf(this.state, target.flag), { counting });
      this.watches.set(target.id, watch);
      this.give({ kind: 'judged', watch });
    }
  }

  #compare(flag: string, traffic: Traffic): ArmComparison {
    const { errors = 0.5, legacyErrors = 0.5, slowness = 1, users = 20_000, problem = null } = traffic;
    const share = (this.state.flags[flag]?.exposure ?? 0) / 100_000;
    const errorShare = { legacy: legacyErrors / 100, candidate: errors / 100 };
    const model = { users, requestsPerUserMinute: 6, share, errorShare, slowness };
    if (problem === null) this.counts = grownArms(this.counts, model, 10_000, () => this.#next());
    const counts = problem === null ? this.counts : null;
    const assigned = { legacy: users * (1 - share), candidate: users * share };
    return { at: this.now, counts, epoch: 0, odds: share / (1 - share), assigned, ageMs: 0, problem };
  }

  #next(): number {
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return this.#random / 2_147_483_647;
  }
}
