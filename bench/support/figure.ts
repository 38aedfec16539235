/** A number of some rounds: the middle one, and how far the others were. */
export interface Measured {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** One line of a bench. What depends on the machine says what it is compared with, measured in the same run. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly measured: Measured;
  readonly floor?: { readonly name: string; readonly measured: Measured };
  /** What was promised, and whether it is kept. */
  readonly mark?: { readonly text: string; readonly isKept: boolean };
}

export function measuredOf(values: readonly number[]): Measured {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = [...values].sort((left, right) => left - right);
  const at = (place: number): number => sorted[Math.min(sorted.length - 1, Math.floor(place))] ?? Number.NaN;
  return { median: at(sorted.length / 2), least: at(0), most: at(sorted.length - 1) };
}

/** The value below which the part of all lies: `quantile(values, 0.99)`. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

export const exactly = (value: number): Measured => ({ median: value, least: value, most: value });

const short = (value: number): string => {
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
};

function spread({ median, least, most }: Measured): string {
  return least === most ? short(median) : `${short(median)} (${short(least)}–${short(most)})`;
}

/** As a table for people; floors and marks follow in words. */
export function renderFigure({ name, unit, measured, floor, mark }: Figure): string {
  const against =
    floor === undefined
      ? ''
      : `; ${floor.name}: ${spread(floor.measured)} ${unit}, ratio ${(measured.median / floor.measured.median).toPrecision(3)}`;
  const kept = mark === undefined ? '' : `; ${mark.isKept ? 'kept' : 'NOT KEPT'}: ${mark.text}`;
  return `${name}: ${spread(measured)} ${unit}${against}${kept}`;
}
