import { HOURS_OF_WEEK, usualAt } from '../health/index.ts';
import type { RolloutState } from './state.ts';
import type { BaselineView } from './view.ts';

/** What was recorded before anything moved, flag by flag, those that belong to no flag last. */
export function baselineViews({ baselines }: RolloutState, now: number): readonly BaselineView[] {
  const byFlag = Object.entries(baselines).sort(([left], [right]) => Number(left === '*') - Number(right === '*'));
  return byFlag.flatMap(([flag, baseline]) =>
    Object.entries(baseline).flatMap(([signal, recorded]): readonly BaselineView[] => {
      const usual = usualAt(recorded, now);
      if (usual === null) return [];
      const of = { flag: flag === '*' ? null : flag, signal, usual };
      if (typeof recorded === 'number') {
        const unknown = { unit: null, over: null, sample: null, source: null, query: null, shape: null, noShape: null };
        return [{ ...of, value: recorded, ...unknown }];
      }
      const { value, unit, over, sample = null, source, query = null, shape, noShape = null } = recorded;
      const learnt = shape === undefined ? null : { covered: shape.covered, of: HOURS_OF_WEEK, weeks: shape.weeks };
      return [{ ...of, value, unit, over, sample, source, query, shape: learnt, noShape }];
    }),
  );
}
