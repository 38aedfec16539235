/** How the lines that name a flag are told from others. */
export interface KeyPattern {
  readonly key: string;
  /** Whether a text of that file names the flag. */
  readonly namesIt: (text: string, file: string) => boolean;
}

const BARE_IN = /\.ya?ml$/i;

/**
 * A key of several words is unlike anything else wherever it stands by itself, and may be part of an environment
 * variable's name. One of a single word is an ordinary word too, so it counts in quotes only, or bare in YAML.
 */
export function keyPattern(key: string): KeyPattern {
  const escaped = escapeForPattern(key);
  const bare = new RegExp(`(?<![\\w-])${escaped}(?![\\w-])`);
  if (!/[-_.]/.test(key)) {
    const quoted = new RegExp(`(["'\`])${escaped}\\1`);
    return { key, namesIt: (text, file) => quoted.test(text) || (BARE_IN.test(file) && bare.test(text)) };
  }
  const upper = new RegExp(`(?<![A-Z0-9])${escapeForPattern(key.toUpperCase().replaceAll(/[-.]/g, '_'))}(?![A-Z0-9_])`);
  return { key, namesIt: (text) => bare.test(text) || upper.test(text) };
}

function escapeForPattern(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
