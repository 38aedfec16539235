import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { TheseusError } from '@theseus/core/error';
import { planJsonSchema } from '@theseus/core/plan';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { outputFor } from '../output.ts';
import { STARTER_PLAN } from './starter-plan.ts';

export function addInit(program: Command, end: (code: ExitCode) => void): void {
  program
    .command('init')
    .description('write a first plan, and its schema for completion in editors')
    .argument('[file]', 'where to', 'plan.yaml')
    .option('--force', 'overwrite a plan that is there')
    .option('--dry-run', 'show what would be written')
    .option('--json', 'print NDJSON')
    .addHelpText('after', '\nExamples:\n  $ theseus init\n  $ theseus init rollout/plan.yaml --dry-run')
    .action(async (file: string, options: { force?: boolean; dryRun?: boolean; json?: boolean }) => {
      const output = outputFor(options);
      const schemaFile = join(dirname(file), '.theseus', 'plan.schema.json');
      if (options.dryRun) {
        output.say(STARTER_PLAN.trimEnd());
        output.emit({ kind: 'dry-run', files: [file, schemaFile] });
        return end(EXIT.done);
      }
      if (!options.force && (await exists(file))) {
        throw new TheseusError(
          'already-exists',
          `${file} is there already: choose another name, or overwrite it with --force`,
        );
      }
      await mkdir(dirname(resolve(schemaFile)), { recursive: true });
      await writeFile(schemaFile, `${JSON.stringify(planJsonSchema(), null, 2)}\n`);
      await writeFile(file, STARTER_PLAN);
      output.say(
        `Wrote ${file}. Next:\n  theseus check ${file}\n  theseus simulate ${file} --what-if 'errors=8% at 1h'`,
      );
      output.emit({ kind: 'written', files: [file, schemaFile] });
      end(EXIT.done);
    });
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
