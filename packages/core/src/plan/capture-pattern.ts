const LONGEST_PATTERN = 1_000;
/** The most repetitions that the linear-time engine which runs the pattern accepts. */
const MOST_REPETITIONS = 1_000;

/**
 * What is wrong with a capture pattern, or null. Patterns come from a plan and run on a server, in linear time: what
 * only a backtracking engine can do is refused here.
 */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > LONGEST_PATTERN) return `it is longer than ${LONGEST_PATTERN} characters`;
  let groups: number;
  try {
    // The empty alternative always matches, and a match lists every group.
    groups = (new RegExp(`${pattern}|`).exec('')?.length ?? 1) - 1;
  } catch {
    return 'it is not a regular expression';
  }
  return unsupportedIn(pattern) ?? (groups > 0 ? null : 'it has no group');
}

const TOKEN = /\\(?:k<|[1-9]|.)|\[(?:\\.|[^\]\\])*\]|\(\?<?[=!]|\{(\d+)(?:,(\d*))?\}|./gsu;

function unsupportedIn(pattern: string): string | null {
  for (const [token, least = '0', most = '0'] of pattern.matchAll(TOKEN)) {
    if (/^\\(?:k<|[1-9])/.test(token)) return 'back-references are not supported';
    if (/^\(\?<?[=!]/.test(token)) return 'look-around is not supported';
    if (Math.max(Number(least), Number(most)) > MOST_REPETITIONS)
      return `it repeats more than ${MOST_REPETITIONS} times`;
  }
  return null;
}
