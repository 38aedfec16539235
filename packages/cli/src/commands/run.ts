import { dirname, join, resolve } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { compressPlan, type Plan, planHash } from '@theseus/core/plan';
import { readCredentials } from '@theseus/server';
import type { Command } from 'commander';
import { ApiClient } from '../api-client/api-client.ts';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { type Output, outputFor } from '../output.ts';
import { readPlanFile, tellDiagnostics } from '../plan-file/read-plan-file.ts';
import { watchRun } from '../render/watch-run.ts';
import { exitCodeOf } from './actions.ts';
import { startHere } from './serve.ts';
import {
  collectVariable,
  collectVariableName,
  factor,
  PLAN_VARIABLE,
  type ServerOptions,
  wholeNumber,
  withServerOptions,
} from './shared-options.ts';

interface RunOptions extends ServerOptions {
  readonly set?: Readonly<Record<string, string>>;
  readonly env?: string;
  readonly compress: number;
  readonly reason: string;
  readonly port: number;
  readonly allowRun?: boolean;
  readonly planVariable?: readonly string[];
  readonly detach?: boolean;
  readonly dryRun?: boolean;
}

interface Reached {
  readonly client: ApiClient;
  /** Stops a server that was started here; does nothing to one that ran already. */
  stop(): Promise<void>;
  readonly isOwn: boolean;
}

export function addRun(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(
    program
      .command('run')
      .description('check a plan, start it and watch it to its end')
      .argument('<file>', 'plan file'),
  )
    .option('--set <name=value>', 'a value for a variable of the plan', collectVariable)
    .option('--env <environment>', 'which of its environments to run in')
    .option('--compress <factor>', 'divide all times of the plan', factor, 1)
    .option('--reason <text>', 'why; stays in the record', 'started from the command line')
    .option('--allow-run', 'let the plan run commands on a server that is started here')
    .option('--plan-variable <name>', `${PLAN_VARIABLE}, on a server that is started here`, collectVariableName)
    .option('--port <number>', 'of a server that is started here', wholeNumber, 0)
    .option('--detach', 'return once it has started; needs a server that runs already')
    .option('--dry-run', 'check everything and start nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  $ theseus run plan.yaml --allow-run\n  $ theseus run plan.yaml --set front=http://127.0.0.1:8080 --compress 360\n  $ theseus run plan.yaml --env staging\n  $ theseus run plan.yaml --detach --json\n\nWithout a running server, one is started for as long as the run takes, with its data in .theseus beside the plan.\nExit code: 0 everything on the candidate, 1 failed or rolled back, 2 invalid plan, 3 still held or waiting',
    )
    .action(async (file: string, options: RunOptions) => {
      const output = outputFor(options);
      const plan = await readPlan(file, options, output);
      if (plan === null) return end(EXIT.usage);
      if (options.dryRun) {
        output.say(`✓ ${file} could be started: ${plan.phases.length} phases, hash ${planHash(plan)}`);
        output.emit({ kind: 'dry-run', planHash: planHash(plan), plan });
        return end(EXIT.done);
      }
      // From here on, so that a server which is started is also stopped.
      const stopping = abortOnSignal();
      const reached = await reach(file, options, output);
      try {
        end(await follow(reached, plan, options, { output, stopping }));
      } finally {
        await reached.stop();
      }
    });
}

async function readPlan(file: string, options: RunOptions, output: Output): Promise<Plan | null> {
  const { plan, diagnostics, text } = await readPlanFile(file, options);
  tellDiagnostics(diagnostics, text, output);
  return plan === null ? null : compressPlan(plan, options.compress);
}

function abortOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  return stop.signal;
}

async function follow(
  { client, isOwn }: Reached,
  plan: Plan,
  options: RunOptions,
  { output, stopping }: { readonly output: Output; readonly stopping: AbortSignal },
): Promise<ExitCode> {
  if (options.detach && isOwn) {
    throw new TheseusError(
      'invalid-argument',
      "Nothing would go on after '--detach': start a server first with 'theseus serve'",
    );
  }
  if (stopping.aborted) {
    output.warn('Stopped before the run was started');
    return EXIT.failed;
  }
  const run = await client.start(plan, planHash(plan), options.reason);
  output.emit({ kind: 'started', run });
  output.say(`Run ${run.runId} started at ${client.url}`);
  if (options.detach) return EXIT.done;
  const ended = await watchRun(client, run.runId, output, stopping);
  if (ended !== null) return exitCodeOf(ended);
  output.warn(
    isOwn
      ? `Stopped. The run stays where it is and goes on with 'theseus serve'`
      : `The run goes on: 'theseus watch ${run.runId}'`,
  );
  return EXIT.waiting;
}

/** The server that was named, or that runs beside the plan, or a new one in this process. */
async function reach(file: string, options: RunOptions, output: Output): Promise<Reached> {
  const nothing = async (): Promise<void> => undefined;
  if (options.url !== undefined || process.env['THESEUS_URL']) {
    return { client: await connect(options), stop: nothing, isOwn: false };
  }
  const data = resolve(options.data ?? join(dirname(resolve(file)), '.theseus'));
  const known = await readCredentials(data);
  if (known?.operatorToken !== undefined) {
    const client = new ApiClient({ url: known.url, token: known.operatorToken });
    if (await client.isHealthy()) return { client, stop: nothing, isOwn: false };
  }
  const server = await startHere(
    { data, port: options.port, allowRun: options.allowRun, planVariable: options.planVariable },
    output,
    false,
  );
  const token = server.credentials.operatorToken ?? options.token ?? process.env['THESEUS_TOKEN'];
  if (token === undefined) {
    await server.stop();
    throw new TheseusError(
      'unauthorized',
      'A token is needed: set THESEUS_TOKEN to the operator token shown at the first start',
    );
  }
  return { client: new ApiClient({ url: server.url, token }), stop: () => server.stop(), isOwn: true };
}
