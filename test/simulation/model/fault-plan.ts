import type { Boundary, BoundaryFault, EffectFault, EffectOf, Fault, Scenario } from '../scenario.ts';

/** A process died in the middle of its work; nothing after this moment happens. */
export class Crash extends Error {
  readonly downMs: number;

  constructor(downMs: number) {
    super('crash');
    this.downMs = downMs;
  }
}

/** The database did not answer, or the answer was lost. Before the commit nothing was stored, after it all of it was. */
export class DatabaseFault extends Error {}

export interface Strike {
  readonly what: BoundaryFault;
  readonly forMs: number;
}

/** Tells at each crossing of a boundary whether a fault strikes there. */
export class FaultPlan {
  readonly #strikes = new Map<string, Strike>();
  readonly #effects = new Map<string, EffectFault>();
  readonly #crossed = new Map<Boundary, number>();
  readonly #executions = { step: 0, rollback: 0 };

  constructor({ faults }: Scenario) {
    for (const fault of faults) this.#enter(fault);
  }

  cross(boundary: Boundary): Strike | undefined {
    const occurrence = (this.#crossed.get(boundary) ?? 0) + 1;
    this.#crossed.set(boundary, occurrence);
    return this.#strikes.get(`${boundary}/${occurrence}`);
  }

  /** What happens to the effect that is being carried out now. */
  nextEffect(of: EffectOf): EffectFault | undefined {
    this.#executions[of] += 1;
    return this.#effects.get(`${of}/${this.#executions[of]}`);
  }

  #enter(fault: Fault): void {
    if (fault.kind === 'at-boundary') this.#strikes.set(`${fault.boundary}/${fault.occurrence}`, fault);
    else if (fault.kind === 'effect') this.#effects.set(`${fault.of}/${fault.occurrence}`, fault.what);
  }
}
