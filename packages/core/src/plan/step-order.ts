/** A phase as far as order is concerned: its steps follow each other, and all wait for the phases it needs. */
export interface OrderedPhase {
  readonly name: string;
  readonly needs: readonly string[];
  readonly steps: readonly string[];
}

interface Position {
  readonly phase: string;
  readonly index: number;
}

/** Below the index of any step, and below that of a phase without steps. */
const UNSEEN = -2;

/** Which steps are certainly over before another begins: by their place in a phase, by phases and by their own `needs`. */
export class StepOrder {
  readonly #phases: ReadonlyMap<string, OrderedPhase>;
  readonly #positions = new Map<string, Position>();
  /** The own `needs` of steps, by phase. */
  readonly #links = new Map<string, { readonly index: number; readonly needs: Position }[]>();
  readonly #known = new Map<string, ReadonlyMap<string, number>>();

  constructor(phases: readonly OrderedPhase[]) {
    this.#phases = new Map(phases.map((phase) => [phase.name, phase]));
    for (const { name, steps } of phases) {
      for (const [index, step] of steps.entries()) this.#positions.set(step, { phase: name, index });
    }
  }

  /** Lets one step wait for another; both must be known. */
  link(step: string, needs: string): void {
    const from = this.#positions.get(step);
    const to = this.#positions.get(needs);
    if (from === undefined || to === undefined) return;
    const links = this.#links.get(from.phase) ?? [];
    links.push({ index: from.index, needs: to });
    this.#links.set(from.phase, links);
    this.#known.clear();
  }

  /** Whether `first` is over, whatever happens, before `second` begins. */
  isBefore(first: string, second: string): boolean {
    const position = this.#positions.get(first);
    if (position === undefined) return false;
    return (this.#before(second).get(position.phase) ?? 0) > position.index;
  }

  /** How many steps of each phase are over before the step begins. */
  #before(step: string): ReadonlyMap<string, number> {
    const known = this.#known.get(step);
    if (known !== undefined) return known;
    const over = new Map<string, number>();
    const position = this.#positions.get(step);
    if (position !== undefined) this.#fill(over, position);
    this.#known.set(step, over);
    return over;
  }

  #fill(over: Map<string, number>, start: Position): void {
    const entered = new Map<string, number>();
    const open: Position[] = [start];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { phase, index } = next;
      const seen = entered.get(phase) ?? UNSEEN;
      if (index <= seen) continue;
      entered.set(phase, index);
      // Whoever waits for a step also waits for what it and all before it in its phase wait for.
      over.set(phase, Math.max(over.get(phase) ?? 0, next === start ? index : index + 1));
      if (seen === UNSEEN) open.push(...this.#endsOf(this.#phases.get(phase)?.needs ?? []));
      for (const link of this.#links.get(phase) ?? []) {
        if (link.index > seen && link.index <= index) open.push(link.needs);
      }
    }
  }

  #endsOf(phases: readonly string[]): readonly Position[] {
    return phases.flatMap((name) => {
      const count = this.#phases.get(name)?.steps.length;
      return count === undefined ? [] : { phase: name, index: count - 1 };
    });
  }
}
