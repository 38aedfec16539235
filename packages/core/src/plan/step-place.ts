import type { Path } from './problems.ts';
import type { RiskSource } from './source-schema.ts';

/** Where a step stands, and what of the rest of the plan it refers to. */
export interface StepPlace {
  readonly phase: string;
  readonly path: Path;
  /** Ids that are taken already. */
  readonly taken: Set<string>;
  /** What the risks say, by name, as written. */
  readonly risks: ReadonlyMap<string, RiskSource>;
  /** The risk a flag belongs to. */
  readonly riskOf: (flag: string) => string | undefined;
}
