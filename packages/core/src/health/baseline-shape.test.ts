import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BaselineShape,
  HOURS_OF_WEEK,
  type HourOfHistory,
  hourOfWeek,
  learnShape,
  nameOfHour,
  usualByShape,
} from './baseline-shape.ts';

const HOUR = 3_600_000;
/** Monday, 4 May 2026, 00:00 UTC. */
const MONDAY = Date.UTC(2026, 4, 4);

/** A system that is quiet at night and at weekends. */
function trafficAt(slot: number): number {
  const hour = slot % 24;
  const isWeekend = slot >= 5 * 24;
  return (isWeekend ? 20 : 100) * (hour >= 8 && hour < 20 ? 3 : 0.3);
}

/** Every hour of so many weeks, but those that are left out. */
function history(
  meanOf: (slot: number, week: number) => number | null,
  { weeks = 4, weight = 60 }: { readonly weeks?: number; readonly weight?: number } = {},
): readonly HourOfHistory[] {
  return Array.from({ length: weeks * HOURS_OF_WEEK }, (_, hour) => ({
    slot: hour % HOURS_OF_WEEK,
    week: Math.floor(hour / HOURS_OF_WEEK),
  })).flatMap(({ slot, week }) => {
    const value = meanOf(slot, week);
    return value === null ? [] : [{ slot, week, sum: value * weight, weight }];
  });
}

function shapeOf(rows: readonly HourOfHistory[], plain: number): BaselineShape {
  const learnt = learnShape(rows, plain);
  if (learnt.kind === 'none') throw new Error(learnt.why);
  return learnt.shape;
}

const someRows = fc
  .array(
    fc.record({
      slot: fc.nat(HOURS_OF_WEEK - 1),
      week: fc.nat(5),
      mean: fc.double({ min: 0, max: 1e6, noNaN: true }),
      weight: fc.double({ min: 0.5, max: 1e5, noNaN: true }),
    }),
    { maxLength: 200 },
  )
  .map((drawn) => [
    ...history((slot) => 50 + slot),
    ...drawn.map(({ slot, week, mean, weight }) => ({ slot, week, sum: mean * weight, weight })),
  ]);

describe('hourOfWeek()', () => {
  it('counts from Monday 00:00 UTC, in summer and in winter, before 1970 too', () => {
    expect(hourOfWeek(MONDAY).slot).toBe(0);
    expect(hourOfWeek(MONDAY - 1).slot).toBe(167);
    expect(hourOfWeek(MONDAY - 1).week).toBe(hourOfWeek(MONDAY).week - 1);
    expect(hourOfWeek(Date.UTC(2026, 10, 2, 9, 59)).slot).toBe(9);
    expect(hourOfWeek(Date.UTC(1960, 0, 4)).slot).toBe(0);
  });

  it('is named for people', () => {
    expect(nameOfHour(MONDAY + 9 * HOUR)).toBe('Mondays 09:00 UTC');
    expect(nameOfHour(MONDAY - 21 * HOUR)).toBe('Sundays 03:00 UTC');
  });

  it('is in every week once, whatever the clocks of a country do [CV-12]', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 4e12 }), (at) => {
        const { slot, week } = hourOfWeek(at);
        expect(hourOfWeek(at + HOURS_OF_WEEK * HOUR)).toEqual({ slot, week: week + 1 });
        expect(slot).toBe(((new Date(at).getUTCDay() + 6) % 7) * 24 + new Date(at).getUTCHours());
      }),
    );
  });
});

describe('learnShape()', () => {
  it('knows a night from a Monday morning, and keeps what is the same each week as it is [CV-12] [QA-2]', () => {
    const { hours, covered, weeks } = shapeOf(history(trafficAt), 100);
    expect(hours[10]).toBeCloseTo(300);
    expect(hours[6 * 24 + 3]).toBeCloseTo(6);
    expect({ covered, weeks }).toEqual({ covered: HOURS_OF_WEEK, weeks: 4 });
  });

  it('of a constant history is constant, and so is what is usual at any moment [CV-12]', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.integer({ min: 0, max: 4e12 }), (value, at) => {
        const shape = shapeOf(
          history(() => value),
          value,
        );
        expect(usualByShape(shape, at)).toBeCloseTo(value, -Math.log10(Math.max(1, value) * 1e-9));
      }),
    );
  });

  it('grows with its unit: seconds or milliseconds, percent or shares [CV-12]', () => {
    fc.assert(
      fc.property(someRows, fc.constantFrom(0.001, 0.5, 60, 1_000), (rows, scale) => {
        const before = shapeOf(rows, 70).hours;
        const after = shapeOf(
          rows.map((row) => ({ ...row, sum: row.sum * scale })),
          70 * scale,
        ).hours;
        for (const [slot, value] of before.entries()) expect((after[slot] ?? 0) / scale / value).toBeCloseTo(1, 6);
      }),
    );
  });

  it('stays between the least and the most that was ever seen [CV-12]', () => {
    fc.assert(
      fc.property(someRows, (rows) => {
        const means = rows.map(({ sum, weight }) => sum / weight);
        const [least, most] = [Math.min(...means, 70), Math.max(...means, 70)];
        for (const value of shapeOf(rows, 70).hours) {
          expect(value).toBeGreaterThanOrEqual(least * (1 - 1e-9));
          expect(value).toBeLessThanOrEqual(most * (1 + 1e-9));
        }
      }),
    );
  });

  it('takes an hour that it never saw twice for one of its hour of the day, or for the plain value [CV-12]', () => {
    const unseen = (slot: number): boolean => slot % 24 === 5;
    const rows = history((slot, week) => {
      if (unseen(slot)) return null;
      return slot === 26 && week > 0 ? null : slot % 24 === 2 ? 40 : 100;
    });
    const { hours, covered } = shapeOf(rows, 77);
    expect(covered).toBe(HOURS_OF_WEEK - 7 - 1);
    expect(hours[26]).toBeCloseTo(40);
    for (const [slot, value] of hours.entries()) if (unseen(slot)) expect(value).toBe(77);
  });

  it('takes a gap for no zero [CV-12]', () => {
    const outage = history((slot, week) => (week === 2 && slot < 100 ? null : trafficAt(slot)));
    expect(shapeOf(outage, 100).hours).toEqual(shapeOf(history(trafficAt), 100).hours);
  });

  it('draws thin and noisy hours towards what is usual, and steady ones hardly [CV-12]', () => {
    const rows = history((slot) => (slot % 24 < 12 ? 0 : 2), { weight: 1_000 });
    const thin = rows.map((row) => (row.slot === 30 ? { ...row, sum: (row.week % 2) * 100, weight: 1 } : row));
    const noisy = thin.map((row) => (row.slot === 31 ? { ...row, sum: ((row.week % 2) + 1) * row.weight } : row));
    const { hours } = shapeOf(noisy, 1);
    expect(hours[30]).toBeLessThan(5);
    expect(hours[15]).toBeGreaterThan(1.9);
  });

  it('is refused where less than half of the week was seen twice, and says how much was', () => {
    expect(learnShape(history(trafficAt, { weeks: 1 }), 100)).toEqual({
      kind: 'none',
      why: '0 of 168 hours of the week were seen in 2 weeks, 84 are needed',
    });
    const offices = history((slot) => (slot < 5 * 24 && slot % 24 >= 8 && slot % 24 < 18 ? 100 : null));
    expect(learnShape(offices, 100)).toMatchObject({ why: expect.stringContaining('50 of 168') });
    expect(learnShape([], 100).kind).toBe('none');
  });

  it.each<[string, Partial<HourOfHistory>, number]>([
    ['no number', { sum: Number.NaN }, 1],
    ['infinite', { sum: Number.POSITIVE_INFINITY }, 1],
    ['negative', { sum: -1 }, 1],
    ['weightless', { weight: 0 }, 1],
    ['of a negative weight', { weight: -3 }, 1],
    ['of no hour', { slot: 168 }, 1],
    ['of half an hour', { slot: 1.5 }, 1],
    ['of no week', { week: Number.NaN }, 1],
    ['compared with no number', {}, Number.NaN],
    ['compared with less than nothing', {}, -5],
  ])('refuses what is %s [CV-12]', (_what, wrong, plain) => {
    const [first, ...rest] = history(trafficAt);
    const rows = [{ slot: 0, week: 0, sum: 1, weight: 1, ...first, ...wrong }, ...rest];
    expect(learnShape(rows, plain).kind).toBe('none');
  });
});

describe('usualByShape()', () => {
  const shape = shapeOf(history(trafficAt), 100);

  it('is that of the hour in its middle, and on the line between two of them', () => {
    expect(usualByShape(shape, MONDAY + 10.5 * HOUR)).toBeCloseTo(300);
    expect(usualByShape(shape, MONDAY + 8 * HOUR)).toBeCloseTo(165);
    expect(usualByShape(shape, MONDAY)).toBeCloseTo((6 + 30) / 2);
  });

  it('never jumps', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (at) => {
        const [now, next] = [usualByShape(shape, at) ?? 0, usualByShape(shape, at + 1_000) ?? 0];
        expect(Math.abs(next - now)).toBeLessThan(0.1);
      }),
    );
  });

  it('knows nothing of a shape that lost its numbers', () => {
    expect(usualByShape({ ...shape, hours: [] }, MONDAY)).toBeNull();
    expect(usualByShape({ ...shape, hours: shape.hours.map(() => Number.NaN) }, MONDAY)).toBeNull();
  });
});
