/** How sure one wants to be of a share, unless said otherwise. */
const CONFIDENCE = 0.95;

/**
 * How many independent people without a single fault it takes to show that the share of faults is below a limit: the
 * least n with (1 - limit)^n ≤ 1 - confidence (Clopper and Pearson 1934, one-sided, no faults; about 3 / limit).
 *
 * @param limit a share, above 0 and below 1
 * @example cleanNeeded(0.02) === 149 // for "more than 98 % succeed"
 */
export function cleanNeeded(limit: number, confidence = CONFIDENCE): number {
  return Math.ceil(Math.log(1 - confidence) / Math.log1p(-limit) - 1e-9);
}

/**
 * The least share of faults that so many people without a single one cannot rule out: 1 - (1 - confidence)^(1/n).
 *
 * @example ruledOutBy(50) // 0.0582: 50 of 50 show no more than "94.2 % succeed"
 */
export function ruledOutBy(people: number, confidence = CONFIDENCE): number {
  return people === 0 ? 1 : -Math.expm1(Math.log(1 - confidence) / people);
}
