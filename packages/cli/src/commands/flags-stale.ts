import { STALE_AFTER_MS, type Staleness, stalenessOf } from '@theseus/core/flag';
import { formatDuration, parseDuration } from '@theseus/core/time';
import type { FlagOverview } from '@theseus/server';
import { type Command, InvalidArgumentError } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { noFlags } from '../render/flag-lines.ts';
import { withoutControls } from '../render/without-controls.ts';
import { type SourceLine, type SourceScan, scanSource } from '../source-scan/scan-source.ts';
import { type ServerOptions, withEnvironment } from './shared-options.ts';

interface StaleOptions extends ServerOptions {
  readonly environment?: string;
  readonly scan?: string;
  readonly olderThan: number;
  readonly fail?: boolean;
}

interface StaleFlag {
  readonly flag: FlagOverview;
  readonly reason: Staleness;
}

const HELP = `
Stale is a flag that has been at 100 % for longer than --older-than, that is retired, or that the newest run of its plan
no longer has. --scan looks for the lines that still name one: in the files that git knows where the folder is in a
repository, else in all but node_modules; binaries and files above 1 MB are passed over. A key of several words is found
wherever it stands by itself, and in upper case as in FLAG_NEW_CACHE; a key of one word only in quotes, and bare in YAML.

Examples:
  $ theseus flags stale
  $ theseus flags stale --scan . --older-than 4w
  $ theseus flags stale --scan src --fail --json

Exit code: 0 told, 1 something is stale and --fail was given`;

/** `theseus flags stale`: what is to be removed, and where it still stands. */
export function addFlagsStale(flags: Command, end: (code: ExitCode) => void): void {
  withEnvironment(
    flags.command('stale').description('list flags that are to be removed, with the source lines that still name them'),
    'all of them where absent',
  )
    .option('--scan <folder>', 'look for lines that still name them')
    .option('--older-than <duration>', 'how long at 100 % is too long', durationOption, STALE_AFTER_MS)
    .option('--fail', 'end with exit code 1 where something is stale')
    .addHelpText('after', HELP)
    .action(async (options: StaleOptions) => {
      const found = await (await connect(options)).flags(options.environment);
      const output = outputFor(options);
      const stale = staleAmong(found, Date.now(), options.olderThan);
      const scan =
        options.scan === undefined || stale.length === 0 ? null : await scanSource(options.scan, keysOf(stale));
      for (const each of stale) tell(output, each, scan);
      if (found.length === 0) output.say(noFlags(options.environment));
      else if (stale.length === 0) output.say(`No flag is stale: of ${found.length}, ${noneText(options.olderThan)}`);
      if (scan !== null) tellScan(output, scan);
      end(stale.length > 0 && options.fail === true ? EXIT.failed : EXIT.done);
    });
}

function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('write 2w, 10d or 12h.');
  return ms;
}

function staleAmong(flags: readonly FlagOverview[], now: number, olderThanMs: number): readonly StaleFlag[] {
  return flags.flatMap((flag) => {
    const reason = stalenessOf(flag, now, olderThanMs);
    return reason === null ? [] : [{ flag, reason }];
  });
}

function keysOf(stale: readonly StaleFlag[]): readonly string[] {
  return [...new Set(stale.map(({ flag }) => flag.key))];
}

function tell(output: Output, { flag, reason }: StaleFlag, scan: SourceScan | null): void {
  const found = scan?.byKey.get(flag.key);
  const { key, environment, lifecycle, fullSince } = flag;
  const lines = found === undefined ? {} : { lines: found.lines, linesLeftOff: found.leftOff };
  output.emit({ kind: 'stale-flag', key, environment, lifecycle, reason, fullSince, ...lines });
  output.say(withoutControls(`${key} in ${environment}: ${reasonText(flag, reason)}`));
  if (found === undefined) return;
  for (const line of found.lines) output.say(lineText(line));
  if (found.leftOff > 0) output.say(`  and ${found.leftOff} lines more`);
  if (found.lines.length === 0) output.say('  no line names it any more');
}

function reasonText({ fullSince, run }: FlagOverview, reason: Staleness): string {
  switch (reason) {
    case 'retired':
      return 'it is retired, so its legacy path is never taken';
    case 'unplanned':
      return `the newest run of plan ${run.plan} has no such flag`;
    case 'full':
      return `at 100 % for ${formatDuration(Date.now() - (fullSince ?? Date.now()))}`;
  }
}

function lineText({ file, line, text }: SourceLine): string {
  return withoutControls(`  ${file}:${line}: ${text}`);
}

function noneText(olderThanMs: number): string {
  return `none is retired, without a plan, or at 100 % for longer than ${formatDuration(olderThanMs)}`;
}

function tellScan(output: Output, { files, passedOver }: SourceScan): void {
  output.emit({ kind: 'scan', files, passedOver });
  output.say(`\n${files} files looked at${passedOver === 0 ? '' : `, ${passedOver} passed over as binary or large`}`);
}
