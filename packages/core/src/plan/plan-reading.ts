import { nearest } from './did-you-mean.ts';
import type { Plan, Step } from './plan.ts';
import type { Path, Problems } from './problems.ts';
import { isMap, type Outline } from './read-outline.ts';
import { type SourceStepKind, STEP_KINDS } from './source-schema.ts';
import type { StepOrder } from './step-order.ts';

/** A step as it is written: what can be told of it even where it is broken. */
export interface StepReading {
  /** `phase/step`; made up where nobody can tell, and then never the id of another. */
  readonly id: string;
  readonly path: Path;
  /** Null where nobody can tell what it does. */
  readonly kind: SourceStepKind | null;
  readonly source: Readonly<Record<string, unknown>>;
  /** Null after its problems were told. */
  readonly step: Step | null;
}

/** All that the checks of the whole need: what was read, and enough of what was not to stay silent about it. */
export interface PlanReading {
  readonly problems: Problems;
  readonly outline: Outline;
  /** Without the parts that are broken. */
  readonly plan: Plan;
  /** In the order of the file, broken ones too. */
  readonly steps: readonly StepReading[];
  readonly order: StepOrder;
}

export function stepPath({ steps }: PlanReading, id: string): Path {
  return steps.find((step) => step.id === id)?.path ?? ['phases'];
}

/** Whether a step before this one may be of the kind, for all that can be read of it. */
export function mayComeBefore(reading: PlanReading, kind: SourceStepKind, id: string): boolean {
  return reading.steps.some((step) => (step.kind ?? kind) === kind && reading.order.isBefore(step.id, id));
}

/** The names of artefacts that a step captures, broken or not. */
export function capturedBy({ source }: StepReading): readonly string[] {
  return isMap(source['capture']) ? Object.keys(source['capture']) : [];
}

/** Keys that belong to several kinds: a backup has its command under `run`, ramps and retirements may ask to `approve`. */
const SHARED_KEYS: Readonly<Partial<Record<SourceStepKind, SourceStepKind>>> = {
  backup: 'run',
  ramp: 'approve',
  stage: 'approve',
  retire: 'approve',
};

/** The kinds that a step's keys name: none, one, or several where it wants to do several things. */
export function kindsOf(source: Readonly<Record<string, unknown>>): readonly SourceStepKind[] {
  const found = STEP_KINDS.filter((kind) => Object.hasOwn(source, kind));
  const main = found.find((kind) => SHARED_KEYS[kind] !== undefined) ?? found[0];
  return main === undefined ? [] : [main, ...found.filter((kind) => kind !== main && SHARED_KEYS[main] !== kind)];
}

/** The key of a step that was most probably meant to be its kind. */
export function misspeltKind(keys: readonly string[]): string | undefined {
  return keys.find((key) => nearest(key, STEP_KINDS) !== null);
}
