/** Spearman's rank correlation; equal values share the mean of their ranks. */
export function rankCorrelation(one: readonly number[], other: readonly number[]): number {
  const [left, right] = [ranksOf(one), ranksOf(other)];
  const mean = (one.length + 1) / 2;
  const sum = (term: (at: number) => number) => one.reduce((total, _, at) => total + term(at), 0);
  const away = (ranks: readonly number[], at: number) => (ranks[at] ?? mean) - mean;
  return (
    sum((at) => away(left, at) * away(right, at)) /
    Math.sqrt(sum((at) => away(left, at) ** 2) * sum((at) => away(right, at) ** 2))
  );
}

function ranksOf(values: readonly number[]): readonly number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}
