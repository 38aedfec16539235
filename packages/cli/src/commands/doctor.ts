import { errorText } from '@theseus/core/error';
import { formatDuration } from '@theseus/core/time';
import { examineFromHere } from '@theseus/server';
import type { Command } from 'commander';
import { connect } from '../api-client/connect.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { findingLines, type ShownFinding } from '../render/finding-lines.ts';
import { collectVariableName, PLAN_VARIABLE, type ServerOptions, withServerOptions } from './shared-options.ts';

type DoctorOptions = ServerOptions & { readonly databaseUrl?: string; readonly planVariable?: readonly string[] };

const EXAMPLES = `
Examples:
  $ theseus doctor
  $ theseus doctor --json
  $ DATABASE_URL=postgres://user@db/theseus theseus doctor

Looks at the database, clocks, servers and workers, who drives which run, the job queue, sources of running plans and
channels. Where no server answers it looks at the database itself, if DATABASE_URL or --database-url names it.

Exit code: 0 all is well or only warned of, 1 something failed`;

/** This machine's clock and the server's should not differ by more. */
const CLOCK_WARN_MS = 1_000;

export function addDoctor(program: Command, end: (code: ExitCode) => void): void {
  withServerOptions(program.command('doctor').description('examine servers, workers, database and what runs depend on'))
    .option('--database-url <url>', 'the PostgreSQL to look at where no server answers (DATABASE_URL)')
    .option('--plan-variable <name>', `${PLAN_VARIABLE}, where no server answers`, collectVariableName)
    .addHelpText('after', EXAMPLES)
    .action(async (options: DoctorOptions) => {
      const output = outputFor(options);
      const findings = await examine(options);
      for (const finding of findings) {
        output.emit({ kind: 'finding', ...finding });
        for (const line of findingLines(finding)) output.say(line);
      }
      const failed = findings.filter(({ status }) => status === 'fail').length;
      const warned = findings.filter(({ status }) => status === 'warn').length;
      output.emit({ kind: 'doctor', ok: failed === 0, failed, warned });
      output.say(failed + warned === 0 ? '\nAll is well' : `\n${failed} failed, ${warned} warned of`);
      end(failed === 0 ? EXIT.done : EXIT.failed);
    });
}

async function examine(options: DoctorOptions): Promise<readonly ShownFinding[]> {
  try {
    const client = await connect(options);
    const askedAt = Date.now();
    const { time, findings } = await client.doctor();
    return [...serverFindings(client.url, time, { askedAt, answeredAt: Date.now() }), ...findings];
  } catch (error) {
    const lost: ShownFinding = {
      check: 'server',
      status: 'fail',
      found: errorText(error),
      mend: "start one with 'theseus serve', or say where it is with THESEUS_URL and THESEUS_TOKEN",
    };
    const databaseUrl = options.databaseUrl ?? process.env['DATABASE_URL'] ?? '';
    return databaseUrl === '' ? [lost] : [lost, ...(await examineFromHere(databaseUrl, options.planVariable))];
  }
}

/** The answer was under way for some time: only what lies outside of that is a difference of clocks. */
function serverFindings(
  url: string,
  time: number,
  { askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number },
): readonly ShownFinding[] {
  const answers = { check: 'server', status: 'ok', found: `it answers at ${url}`, mend: null } as const;
  const offMs = Math.max(0, askedAt - time, time - answeredAt);
  if (offMs < CLOCK_WARN_MS) return [answers];
  return [
    answers,
    {
      check: 'clocks',
      status: 'warn',
      found: `the clock of this machine and the server's differ by ${formatDuration(offMs)}`,
      mend: 'let NTP set both',
    },
  ];
}
