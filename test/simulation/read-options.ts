import { parseArgs } from 'node:util';
import { playOptions } from './run-range.ts';

/** What the command line asks for; an Error that says what is wrong with it where it cannot be understood. */
export function readOptions(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      bug: { type: 'string' },
      replay: { type: 'string' },
      'keep-going': { type: 'boolean', default: false },
      strict: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const chosen = { bug: values.bug ?? null, isStrict: values.strict };
  if (values.bug !== 'list') playOptions(chosen);
  return {
    ...values,
    chosen,
    // To play nothing would find nothing, and look like proof.
    runs: numberOf('runs', values.runs, 1),
    jobs: numberOf('jobs', values.jobs, 1),
    seed: numberOf('seed', values.seed, 0),
    replay: values.replay === undefined ? undefined : numberOf('replay', values.replay, 0),
  };
}

function numberOf(name: string, text: string, least: number): number {
  const number = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number;
  throw new Error(`--${name} '${text}' is not a whole number from ${least} on`);
}
