/** The known name that was most probably meant, or null when none is near. */
export function nearest(written: string, known: Iterable<string>): string | null {
  const lower = written.toLowerCase();
  let best: string | null = null;
  // Of a name of one letter any other would be one change away.
  let bestDistance = Math.min(written.length, Math.max(1, Math.floor(written.length / 3)) + 1);
  for (const name of known) {
    const distance = editDistance(lower, name.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean 'standard'?`, or the names there are. */
export function suggest(written: string, known: Iterable<string>): string {
  const names = [...known];
  const near = nearest(written, names);
  if (near !== null) return `did you mean '${near}'?`;
  if (names.length === 0) return 'none is defined yet';
  const shown = names.slice(0, 12).join(', ');
  return `there are: ${shown}${names.length > 12 ? ', …' : ''}`;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. Stops at `limit`. */
function editDistance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) >= limit) return limit;
  let before: number[] = [];
  let above = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    before = above;
    above = current;
  }
  return above[right.length] ?? limit;
}
