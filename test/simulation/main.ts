import { drawScenario } from './draw/draw-scenario.ts';
import { KNOWN_FAILING } from './known-failing.ts';
import { MUTANTS } from './mutants/mutants.ts';
import { play } from './play.ts';
import { readOptions } from './read-options.ts';
import { describeEvents, describeFinding } from './report.ts';
import { runAll } from './run-all.ts';
import { type Finding, playOptions } from './run-range.ts';
import { shrink } from './shrink.ts';

const USAGE = `npm run sim -- [options]
  --runs N        how many runs to play (1000)
  --seed S        a whole number that all runs are drawn from (1)
  --bug NAME      play with a planted bug; --bug list names them
  --replay SEED   play one run again and tell all its events
  --jobs N        threads (2)
  --keep-going    gather the first run of each broken invariant instead of stopping at the first
  --strict        tell invariants too that are known to be broken
  --json          one JSON object on stdout
Exit code: 0 no invariant is broken, 1 some is, 2 usage`;

const values = understood();
const { chosen } = values;

if (values.help) console.log(USAGE);
else if (values.bug === 'list') listMutants();
else if (values.replay !== undefined) replayRun(values.replay);
else await playRuns();

function listMutants(): void {
  for (const [name, { breaks }] of Object.entries(MUTANTS)) console.log(`${name}: ${breaks}`);
}

function replayRun(runSeed: number): void {
  const scenario = drawScenario(runSeed);
  const played = play(scenario, playOptions(chosen));
  console.log(JSON.stringify(scenario, null, 1));
  console.log(describeEvents(played?.events ?? [], scenario.startAt));
  console.log(played?.violation?.text ?? 'no invariant is broken');
  if (played?.violation) process.exitCode = 1;
}

async function playRuns(): Promise<void> {
  const startedAt = performance.now();
  const { runs, seed, jobs } = values;
  const all = { seed, runs, jobs, ...chosen };
  const result = await runAll({ ...all, keepsGoing: values['keep-going'], onProgress: tellProgress(runs) });
  const seconds = (performance.now() - startedAt) / 1_000;
  const runsPerSecond = Math.round((result.done / seconds) * 10) / 10;
  const shrunk = result.findings.map((finding) => shrunkOf(finding));
  if (values.json) {
    console.log(
      JSON.stringify({ ...all, ...result, seconds, runsPerSecond, shrunk: shrunk.map(({ scenario }) => scenario) }),
    );
  } else {
    for (const { text } of shrunk) console.log(text);
    for (const [name, count] of Object.entries(result.counts)) console.log(`${name}: ${count} runs`);
    if (!values.strict) console.log(`not told: ${Object.keys(KNOWN_FAILING).join(', ') || 'nothing'} (--strict tells)`);
    console.log(
      `${result.done} runs of seed ${all.seed}, ${result.events} events, ${seconds.toFixed(1)} s, ${runsPerSecond} runs/s`,
    );
    console.log(result.findings.length === 0 ? 'No invariant is broken' : `${result.findings.length} found`);
  }
  if (result.findings.length > 0) process.exitCode = 1;
}

function shrunkOf(finding: Finding) {
  const options = playOptions(chosen);
  const scenario = shrink(drawScenario(finding.runSeed), finding.invariant, options);
  return { scenario, text: describeFinding(finding, scenario, play(scenario, options)) };
}

function tellProgress(runs: number): (done: number) => void {
  let told = 0;
  return (done) => {
    if (done < told + runs / 20) return;
    told = done;
    process.stderr.write(`${done} of ${runs} runs\n`);
  };
}

function understood(): ReturnType<typeof readOptions> {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}
