import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { benchAdapter } from './adapter/migration.ts';
import { benchCommands } from './engine/commands.ts';
import { benchManyPlans } from './engine/many-plans.ts';
import { benchReplay } from './engine/replay.ts';
import { benchSimulation } from './engine/simulation.ts';
import { benchEvaluation } from './flags/evaluation.ts';
import { benchManyFlags } from './flags/many-flags.ts';
import { benchJudging } from './health/judging.ts';
import { benchSdk } from './sdk/routing.ts';
import { benchTallies } from './sdk/tallies.ts';
import { benchTelemetry } from './sdk/telemetry.ts';
import { benchServer } from './server/requests.ts';
import { benchPropagation } from './stream/propagation.ts';
import { type Figure, renderFigure } from './support/figure.ts';
import { benchWaves } from './waves/waves.ts';

const HELP = `Measures the product. Each figure that depends on the machine stands beside a floor of the same run.

  npm run bench -- engine              simulation, replay, write path, 1 000 plans at once (about 6 minutes)
  npm run bench -- flags               evaluation by kind of flag, against the least and the peers; 10 000 flags
  npm run bench -- health              one look of the judge, and what it remembers
  npm run bench -- sdk                 route(), telemetry, how soon 100 instances follow a decision, taking in what users did
  npm run bench -- adapter             reads and writes of a migration, against both sides called by hand and a peer
  npm run bench -- server              what requests, a start and idling cost the server
  npm run bench -- stream              how soon 100 SDKs and 10 000 streams hear of a change, and what a stream weighs
  npm run bench -- waves               a million subjects migrated, proven and taken back, against bare batched SQL
  npm run bench -- engine --seconds 60 --plans 200

Options:
  --plans N      how many plans run at once (1000)
  --seconds N    how long they are measured, after a minute to settle (180; at most 270)
  --connections N  stream: how many streams (10000)
  --subjects N   waves: how many subjects (1000000)
  --only NAME    one part: simulation, replay, commands, plans, evaluation, many-flags, judging, routing, tallies, telemetry,
                 migration, requests, propagation, waves
  --peer CMD     health: another judge of the same streams, timed beside the product's
  --json         one JSON object per figure
Exit code: 0 every mark is kept, 1 some is not, 2 usage`;

interface Options {
  readonly plans: number;
  readonly connections: number;
  readonly subjects: number;
  readonly seconds: number;
  readonly peer: string | undefined;
  readonly progress: (line: string) => void;
}

type Part = (options: Options) => readonly Figure[] | Promise<readonly Figure[]>;

const SUITES: Readonly<Record<string, Readonly<Record<string, Part>>>> = {
  engine: { simulation: benchSimulation, replay: benchReplay, commands: benchCommands, plans: benchManyPlans },
  flags: { evaluation: benchEvaluation, 'many-flags': benchManyFlags },
  health: { judging: benchJudging },
  adapter: { migration: benchAdapter },
  server: { requests: benchServer },
  stream: { propagation: benchPropagation },
  sdk: { routing: benchSdk, tallies: benchTallies, telemetry: benchTelemetry },
  waves: { waves: benchWaves },
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      plans: { type: 'string', default: '1000' },
      connections: { type: 'string', default: '10000' },
      subjects: { type: 'string', default: '1000000' },
      seconds: { type: 'string', default: '180' },
      only: { type: 'string' },
      peer: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const suites = positionals.length === 0 ? Object.keys(SUITES) : positionals;
  const parts = suites.flatMap((suite) => Object.entries(SUITES[suite] ?? {}));
  const chosen = parts.filter(([name]) => values.only === undefined || name === values.only);
  const options = {
    plans: Number(values.plans),
    connections: Number(values.connections),
    subjects: Number(values.subjects),
    seconds: Number(values.seconds),
    peer: values.peer,
    progress: (line: string) => console.error(line),
  };
  if (
    values.help ||
    chosen.length === 0 ||
    !(options.plans >= 1) ||
    !(options.connections >= 1) ||
    !(options.subjects >= 1_000) ||
    !(options.seconds >= 30 && options.seconds <= 270)
  ) {
    console.error(HELP);
    return values.help ? 0 : 2;
  }
  console.error(`${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`);
  let isKept = true;
  for (const [, part] of chosen) {
    for (const figure of await part(options)) {
      console.log(values.json ? JSON.stringify(figure) : renderFigure(figure));
      isKept &&= figure.mark?.isKept ?? true;
    }
  }
  return isKept ? 0 : 1;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error);
  return 2;
});
