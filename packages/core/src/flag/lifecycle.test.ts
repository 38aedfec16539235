import { describe, expect, it } from 'vitest';
import { EXPOSURE_WHOLE, type FlagDefinition } from './flag-document.ts';
import { type FlagHistory, fullSince, lifecycleOf, STALE_AFTER_MS, stalenessOf } from './lifecycle.ts';

const NOW = 1_800_000_000_000;
const DARK: FlagDefinition = {
  key: 'cache',
  enabled: true,
  cohort: 'userId',
  salt: 'plan',
  exposure: 0,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [],
  fallback: true,
};
const FULL: FlagDefinition = { ...DARK, exposure: EXPOSURE_WHOLE };
const QUIET: FlagHistory = { exposureChangedAt: NOW - 1000, isRetiring: false };

describe('lifecycleOf()', () => {
  it.each<[string, FlagDefinition, FlagHistory, string]>([
    ['nobody', DARK, QUIET, 'dark'],
    ['people who are only kept out', { ...DARK, overrides: { candidate: [], legacy: ['ana'] } }, QUIET, 'dark'],
    ['named people', { ...DARK, overrides: { candidate: ['ana'], legacy: [] } }, QUIET, 'internal'],
    ['a segment', { ...DARK, rules: [{ segment: 'staff', exposure: 1 }] }, QUIET, 'internal'],
    ['a segment at 0 %', { ...DARK, rules: [{ segment: 'staff', exposure: 0 }] }, QUIET, 'dark'],
    ['the smallest share', { ...DARK, exposure: 1 }, QUIET, 'ramping'],
    ['all but the smallest share', { ...DARK, exposure: EXPOSURE_WHOLE - 1 }, QUIET, 'ramping'],
    ['everybody', FULL, QUIET, 'full'],
    ['everybody, disabled', { ...FULL, enabled: false }, QUIET, 'dark'],
    ['everybody, while it is being retired', FULL, { ...QUIET, isRetiring: true }, 'retiring'],
    ['everybody for good', { ...FULL, retired: true }, { ...QUIET, isRetiring: true }, 'retired'],
  ])('calls a flag for %s what it is [CO-6]', (_who, definition, history, state) => {
    expect(lifecycleOf(definition, history)).toBe(state);
  });
});

describe('stalenessOf()', () => {
  const since = (agoMs: number): FlagHistory => ({ ...QUIET, exposureChangedAt: NOW - agoMs });

  it.each<[string, Parameters<typeof stalenessOf>[0], string | null]>([
    [
      'full for two weeks to the millisecond',
      { definition: FULL, history: since(STALE_AFTER_MS), isPlanned: true },
      null,
    ],
    ['full for longer', { definition: FULL, history: since(STALE_AFTER_MS + 1), isPlanned: true }, 'full'],
    ['at 50 % for longer', { definition: { ...FULL, exposure: 50_000 }, history: since(9e9), isPlanned: true }, null],
    ['retired a moment ago', { definition: { ...FULL, retired: true }, history: since(0), isPlanned: true }, 'retired'],
    ['in no plan', { definition: DARK, history: QUIET, isPlanned: false }, 'unplanned'],
    ['dark and planned', { definition: DARK, history: since(9e9), isPlanned: true }, null],
  ])('of a flag %s [CO-6]', (_which, known, staleness) => {
    expect(stalenessOf(known, NOW)).toBe(staleness);
  });

  it('counts from the moment a flag reached 100 %, and from none where it is not there [CO-6]', () => {
    expect(fullSince(FULL, since(5))).toBe(NOW - 5);
    expect(fullSince({ ...FULL, exposure: 99_999 }, since(5))).toBeNull();
    expect(stalenessOf({ definition: FULL, history: since(6), isPlanned: true }, NOW, 5)).toBe('full');
  });
});
