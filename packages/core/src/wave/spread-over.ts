import { murmur3Resume, saltState } from '../flag/index.ts';

/**
 * How many members each stratum gives a wave: in proportion to what there is of it, within one of its exact share. What
 * rounding leaves goes to the largest remainders; equal ones are drawn by the salt, so that no name is always first.
 *
 * @param available how many there are to be had of each stratum
 * @param wanted how many are chosen of all of them; whoever there is where that is more
 * @example spreadOver(new Map([['EU', 30], ['US', 10]]), 4, 'phoenix.') // EU 3, US 1
 */
export function spreadOver(
  available: ReadonlyMap<string, number>,
  wanted: number,
  salt: string,
): ReadonlyMap<string, number> {
  const all = [...available.values()].reduce((sum, count) => sum + count, 0);
  if (wanted >= all) return available;
  const state = saltState(salt);
  const shares = [...available].map(([stratum, count]) => {
    const product = count * wanted;
    const whole = Math.floor(product / all);
    // The remainder as a whole number: as a fraction, equal ones could differ in their last digit.
    return { stratum, whole, rest: product - whole * all, draw: murmur3Resume(state, stratum) };
  });
  const left = wanted - shares.reduce((sum, { whole }) => sum + whole, 0);
  const inOrder = shares.toSorted(
    (one, other) => other.rest - one.rest || one.draw - other.draw || (one.stratum < other.stratum ? -1 : 1),
  );
  const raised = new Set(inOrder.slice(0, left).map(({ stratum }) => stratum));
  return new Map(shares.map(({ stratum, whole }) => [stratum, raised.has(stratum) ? whole + 1 : whole]));
}
