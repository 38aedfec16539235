import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly json: boolean;
  /** By how much the plan's time is divided. */
  readonly pace: number;
  /** Pages a second that users ask for, if the machine can keep up. */
  readonly pages: number;
  /** Whether a person at the terminal is asked for the approval. */
  readonly interactive: boolean;
  readonly keep: boolean;
}

export type ParsedOptions =
  | { readonly kind: 'run'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problem: string };

export const HELP = `Moves the seven services of cvplus from legacy to candidate, with real processes and real HTTP traffic,
and takes back the one that goes bad.

Usage: npm start -- [options]

  --json               one JSON object a line; the last has "kind": "summary"
  --pace N             divide the plan's time by N (default 3600: an hour is a second)
  --pages N            pages a second that users ask for (default 150; less where the machine cannot keep up)
  --interactive        ask at the terminal for the approval (default on a terminal without --json)
  --no-interactive     let the demo approve by itself after a short pause
  --keep               keep the data folder when the demo is run again
  --help               this text

Examples:
  npm start                             watch it, about a minute and a half
  npm start -- --pace 1800              half as fast, to look around with \`theseus watch\`
  npm start -- --json | tail -n 1       only the summary, for a program

Exit codes: 0 all as promised, 1 something was not (it says what), 2 wrong usage.
`;

const DEFAULT_PACE = 3_600;
const DEFAULT_PAGES = 150;
const LARGEST_PACE = 36_000;
const LARGEST_PAGES = 2_000;

/** Reads the command line. */
export function parseOptions(args: readonly string[], isTerminal: boolean): ParsedOptions {
  let values: ReturnType<typeof read>;
  try {
    values = read(args);
  } catch (error) {
    return { kind: 'wrong', problem: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: 'help' };
  const pace = Number(values.pace ?? DEFAULT_PACE);
  if (!(pace >= 1 && pace <= LARGEST_PACE))
    return { kind: 'wrong', problem: `--pace ${values.pace} is not a number from 1 to ${LARGEST_PACE}` };
  const pages = Number(values.pages ?? DEFAULT_PAGES);
  if (!(pages >= 1 && pages <= LARGEST_PAGES))
    return { kind: 'wrong', problem: `--pages ${values.pages} is not a number from 1 to ${LARGEST_PAGES}` };
  const json = values.json ?? false;
  const interactive = values.interactive ?? (isTerminal && !json);
  return { kind: 'run', options: { json, pace, pages, interactive, keep: values.keep ?? false } };
}

function read(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      json: { type: 'boolean' },
      pace: { type: 'string' },
      pages: { type: 'string' },
      interactive: { type: 'boolean' },
      keep: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values;
}
