import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '@theseus/core/error';
import type { CommandProbe, HttpProbe, Probe } from '@theseus/core/plan';
import type { EffectResult } from '@theseus/core/rollout';
import { lastLine, type runCommand } from '../commands/run-command.ts';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { secretRequest } from '../secrets/secret-request.ts';

export interface ProbeSettings extends CommandSettings {
  readonly fillSecrets: FillSecrets;
}

export interface CommandSettings {
  readonly allowRun: boolean;
  readonly folder: string;
  readonly run: typeof runCommand;
}

interface Look {
  readonly ok: boolean;
  readonly text: string;
}

/** One failed look may be a hiccup; so many in a row are not. */
const ATTEMPTS = 3;
const BETWEEN_MS = 500;
const COMMAND_TIMEOUT_MS = 60_000;
const MOST_BYTES = 1_048_576;

/** Asks an address or a command whether all is as expected. */
export function probeRunner(settings: ProbeSettings): EffectRunner {
  return {
    run: async (effect, { signal }): Promise<EffectResult> => {
      if (effect.request.kind !== 'probe') throw new Error(`${effect.id} is not a probe`);
      const { probe } = effect.request;
      const startedAt = performance.now();
      let look: Look = { ok: false, text: 'not asked' };
      for (let attempt = 1; attempt <= ATTEMPTS && !signal.aborted; attempt += 1) {
        look = await lookOnce(probe, settings, signal);
        if (look.ok) break;
        if (attempt < ATTEMPTS) await sleep(BETWEEN_MS, undefined, { signal }).catch(() => undefined);
      }
      const durationMs = Math.round(performance.now() - startedAt);
      return { outcome: look.ok ? 'succeeded' : 'failed', summary: look.text, durationMs };
    },
  };
}

function lookOnce(probe: Probe, settings: ProbeSettings, signal: AbortSignal): Promise<Look> {
  return probe.kind === 'http'
    ? lookAtHttp(probe, settings.fillSecrets, signal)
    : lookByCommand(probe, settings, signal);
}

async function lookAtHttp(probe: HttpProbe, fill: FillSecrets, stopping: AbortSignal): Promise<Look> {
  const { url, method, expect } = probe;
  const startedAt = performance.now();
  try {
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(expect.withinMs)]);
    const response = await fetch(secretRequest(url, { method, redirect: 'manual', signal }, fill));
    const body = expect.contains === null ? '' : (await response.text()).slice(0, MOST_BYTES);
    if (expect.contains === null) await response.body?.cancel();
    const tookMs = Math.round(performance.now() - startedAt);
    const found = `${method} ${url} answered ${response.status} in ${tookMs} ms`;
    if (response.status !== expect.status) return { ok: false, text: `${found}, expected ${expect.status}` };
    if (expect.contains !== null && !body.includes(expect.contains))
      return { ok: false, text: `${found} without '${expect.contains}'` };
    return { ok: true, text: found };
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    const why = late ? `did not answer within ${expect.withinMs} ms` : `could not be reached: ${causeOf(error)}`;
    return { ok: false, text: `${method} ${url} ${why}` };
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : errorText(error);
}

async function lookByCommand(probe: CommandProbe, settings: CommandSettings, signal: AbortSignal): Promise<Look> {
  const name = probe.command.argv.join(' ');
  if (!settings.allowRun) return { ok: false, text: NOT_ALLOWED };
  const end = await settings.run(probe.command.argv, {
    folder: settings.folder,
    timeoutMs: COMMAND_TIMEOUT_MS,
    signal,
  });
  if (end.problem !== null) return { ok: false, text: `${name}: ${end.problem}` };
  if (end.exitCode !== probe.expect.exitCode) {
    return {
      ok: false,
      text: `${name} ended with exit code ${end.exitCode}, expected ${probe.expect.exitCode}: ${lastLine(end.output)}`,
    };
  }
  const { contains } = probe.expect;
  if (contains !== null && !end.output.includes(contains))
    return { ok: false, text: `${name} did not print '${contains}'` };
  return { ok: true, text: `${name} ended with exit code ${end.exitCode}` };
}

export const NOT_ALLOWED = 'commands are not allowed on this server: start it with --allow-run';
