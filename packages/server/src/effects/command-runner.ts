import type { EffectResult } from '@theseus/core/rollout';
import { RE2JS } from 're2js';
import { lastLine } from '../commands/run-command.ts';
import type { EffectRunner } from '../ports/effect-runner.ts';
import { type CommandSettings, NOT_ALLOWED } from './probe-runner.ts';

const TIMEOUT_MS = 600_000;

/** Tells a command which effect it is: the same for every attempt at it, so that it can know what it has done. */
const KEY_VARIABLE = 'THESEUS_IDEMPOTENCY_KEY';

/** Runs a command and takes artefacts from what it prints. */
export function commandRunner(settings: CommandSettings): EffectRunner {
  return {
    run: async (effect, { signal, idempotencyKey }): Promise<EffectResult> => {
      if (effect.request.kind !== 'command') throw new Error(`${effect.id} is not a command`);
      if (!settings.allowRun) return { outcome: 'failed', summary: NOT_ALLOWED, durationMs: 0 };
      const { argv, captures } = effect.request;
      const timeoutMs = effect.timeoutMs ?? TIMEOUT_MS;
      const { exitCode, output, durationMs, problem } = await settings.run(argv, {
        folder: settings.folder,
        timeoutMs,
        signal,
        variables: { [KEY_VARIABLE]: idempotencyKey },
      });
      const failed = (why: string): EffectResult => ({
        outcome: 'failed',
        summary: `${argv.join(' ')}: ${why}`,
        durationMs,
      });
      if (problem !== null) return failed(problem);
      if (exitCode !== 0) return failed(`exit code ${exitCode}: ${lastLine(output)}`);
      const found: Record<string, string> = {};
      for (const { name, pattern } of captures) {
        const matcher = RE2JS.compile(pattern).matcher(output);
        const value = matcher.find() ? matcher.group(1) : null;
        if (value === null || value === undefined)
          return failed(`nothing in its output matches '${pattern}', so '${name}' is not known`);
        found[name] = value;
      }
      const summary = `${argv.join(' ')}: ${lastLine(output) || 'exit code 0'}`;
      return { outcome: 'succeeded', summary, durationMs, ...(captures.length === 0 ? {} : { captures: found }) };
    },
  };
}
