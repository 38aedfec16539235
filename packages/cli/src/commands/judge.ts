import { createInterface } from 'node:readline';
import { TheseusError } from '@theseus/core/error';
import { PROFILE_NAMES, PROFILES, type ProfileName } from '@theseus/core/health';
import { parseDuration } from '@theseus/core/time';
import { type Command, Option } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { JudgeStream, type JudgeStreamOptions } from '../judge-stream/judge-stream.ts';
import { readLine } from '../judge-stream/read-line.ts';
import { addJudgeExplain } from './judge-explain.ts';
import { addJudgeReplay } from './judge-replay.ts';

interface JudgeOptions {
  readonly profile: ProfileName;
  readonly errorLimit: string;
  readonly warmUp: string;
  readonly explain?: boolean;
}

/** Verdicts are written together, so that a million ticks are not a million writes. */
const WRITTEN_TOGETHER = 256;

export function addJudge(program: Command, end: (code: ExitCode) => void): void {
  const judge = program
    .command('judge')
    .description('judge streams of counts of a candidate and its legacy: NDJSON in, one verdict per tick out')
    .addOption(
      new Option('--profile <name>', 'how small a difference counts').choices(PROFILE_NAMES).default('balanced'),
    )
    .option(
      '--error-limit <percent>',
      'the share of failed requests that the candidate must not be above, or none',
      '5%',
    )
    .option('--warm-up <duration>', 'how long latency is not judged at first', '1m')
    .option('--explain', 'say why with each verdict')
    .addHelpText('after', HELP)
    .action(async (options: JudgeOptions) => {
      const stream = new JudgeStream(readOptions(options));
      await judgeLines(stream);
      end(EXIT.done);
    });
  addJudgeExplain(judge, end);
  addJudgeReplay(judge, end);
}

const HELP = `
Reads from standard input, and writes {"run","t","verdict","metric","reason","evidence"} for each tick:
  {"type":"run","run":"a","tickSec":30,"soakTicks":120,"assigned":{"control":18000,"candidate":2000},
   "slowBucket":53,"tailBucket":68,"segments":["eu"],"baseline":{"control":{"req":1,"err":0},"candidate":{"req":1,"err":0}}}
  {"type":"tick","t":0,"control":ARM,"candidate":ARM}      as many as there are, then {"type":"end"}
  ARM is {"req","err","lat":[bucket,count,…],"risk","seg":[requests,errors,…],"cum":{…}}, or null where the source was down

Examples:
  $ theseus judge < streams.ndjson
  $ theseus judge --profile strict --explain < streams.ndjson | tail -1`;

function readOptions({ profile, errorLimit, warmUp, explain }: JudgeOptions): JudgeStreamOptions {
  const limit = /^(\d+(?:\.\d+)?)\s*%$/.exec(errorLimit);
  const percent = Number(limit?.[1]);
  if (errorLimit !== 'none' && !(percent > 0 && percent < 100)) {
    const allowed = "write it like '5%', or 'none'";
    throw new TheseusError('invalid-argument', `'${errorLimit}' is no limit for errors: ${allowed}`);
  }
  const warmUpMs = parseDuration(warmUp);
  if (warmUpMs === null) throw new TheseusError('invalid-argument', `'${warmUp}' is no duration: write it like '1m'`);
  return {
    profile: PROFILES[profile],
    errorLimit: errorLimit === 'none' ? null : percent / 100,
    warmUpMs,
    explain: explain ?? false,
  };
}

async function judgeLines(stream: JudgeStream): Promise<void> {
  const written: string[] = [];
  const flush = async (): Promise<void> => {
    if (written.length === 0) return;
    const text = `${written.splice(0).join('\n')}\n`;
    if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  };
  let number = 0;
  try {
    for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (text.trim() === '') continue;
      const line = readLine(text, number);
      const verdict = stream.take(line);
      if (verdict !== null) written.push(JSON.stringify(verdict));
      // Whoever watches a live stream waits for the verdict on what was just sent.
      if (line.type !== 'tick' || written.length >= WRITTEN_TOGETHER || process.stdin.readableLength === 0)
        await flush();
    }
  } finally {
    await flush();
  }
}
