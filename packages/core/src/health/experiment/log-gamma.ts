/** From here on the series is exact to twelve digits. */
const LARGE = 12;

/**
 * The natural logarithm of the gamma function of a number above 0, by Stirling's series (Abramowitz and Stegun 6.1.41)
 * after the recurrence has raised the number.
 */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < LARGE; at += 1) shift += Math.log(at);
  const square = at * at;
  const series = 1 / (12 * at) - 1 / (360 * at * square) + 1 / (1260 * at * square * square);
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
