import { type BaselineShape, nameOfHour, usualByShape } from './baseline-shape.ts';
import type { SignalUnit } from './condition.ts';

/** What was usual before anything moved, by signal. Versions before 0.2 recorded the plain value alone. */
export type Baseline = Readonly<Record<string, number | RecordedBaseline>>;

/** What one signal did before anything moved, and how that is known. */
export interface RecordedBaseline {
  /** Over the whole time, in the signal's unit. */
  readonly value: number;
  readonly unit: SignalUnit;
  /** The time that was really covered, epoch milliseconds. A source without a memory has one moment. */
  readonly over: { readonly from: number; readonly to: number };
  /** What stands behind it, where the source counts that. */
  readonly sample?: BaselineSample;
  /** Where it came from, as in a reading. */
  readonly source: string;
  /** What the source was asked, without secrets, where it is asked anything. */
  readonly query?: string;
  /** What is usual at each hour of the week, where the history holds it. */
  readonly shape?: BaselineShape;
  /** Why there is no shape though the plan's span asks for one. */
  readonly noShape?: string;
}

export interface BaselineSample {
  readonly count: number;
  readonly of: 'requests' | 'samples' | 'reports';
}

/** What a value is compared with at one moment. */
export interface Usual {
  /** In the signal's unit. */
  readonly value: number;
  /** The hour of the week it belongs to, such as `Mondays 09:00 UTC`; null where the week has no shape. */
  readonly when: string | null;
}

/** What is usual for a signal at a moment (epoch milliseconds); null where nothing was recorded. */
export function usualAt(recorded: Baseline[string] | undefined, at: number): Usual | null {
  const plain = plainValue(recorded);
  if (plain === null) return null;
  const shape = typeof recorded === 'object' ? recorded.shape : undefined;
  const shaped = shape === undefined ? null : usualByShape(shape, at);
  return shaped === null ? { value: plain, when: null } : { value: shaped, when: nameOfHour(at) };
}

/** What a signal did over the whole time that was recorded, whatever the hour; null where nothing was. */
export function plainValue(recorded: Baseline[string] | undefined): number | null {
  const value = typeof recorded === 'object' ? recorded.value : recorded;
  return value === undefined || !Number.isFinite(value) ? null : value;
}
