import { setTimeout as sleep } from 'node:timers/promises';
import { errorText } from '@theseus/core/error';
import type { EffectResult } from '@theseus/core/rollout';
import type { EffectRunner } from '../ports/effect-runner.ts';
import type { FillSecrets } from '../secrets/fill-secrets.ts';
import { secretRequest } from '../secrets/secret-request.ts';

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;
const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;

/** Sends messages. Each carries the key of its effect, so that a receiver can tell a repetition from a second message. */
export function messageRunner(say: (text: string) => void, fill: FillSecrets): EffectRunner {
  return {
    run: async (effect, { plan, idempotencyKey, signal }): Promise<EffectResult> => {
      if (effect.request.kind !== 'message') throw new Error(`${effect.id} is not a message`);
      const { channel: name, text } = effect.request;
      const channel = plan.channels[name];
      if (channel === undefined) return { outcome: 'failed', summary: `there is no channel '${name}'`, durationMs: 0 };
      if (channel.kind === 'console') {
        say(`${name}: ${text}`);
        return { outcome: 'succeeded', summary: `said on ${name}: ${text}`, durationMs: 0 };
      }
      const startedAt = performance.now();
      const problem = await deliver({ address: channel.url, fill }, text, idempotencyKey, signal);
      const durationMs = Math.round(performance.now() - startedAt);
      if (problem === null) return { outcome: 'succeeded', summary: `sent to ${name}: ${text}`, durationMs };
      return { outcome: 'failed', summary: `not delivered to ${name}: ${problem}`, durationMs };
    },
  };
}

/** Null when it was delivered; otherwise why not, without the address, which may be a secret. */
async function deliver(to: Receiver, text: string, key: string, stopping: AbortSignal): Promise<string | null> {
  let problem = 'not tried';
  for (let attempt = 1; attempt <= ATTEMPTS && !stopping.aborted; attempt += 1) {
    const { failure, retryAfterMs, isFinal } = await post(to, text, key, stopping);
    if (failure === null) return null;
    problem = failure;
    if (isFinal || attempt === ATTEMPTS) break;
    const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(retryAfterMs, FIRST_DELAY_MS * 2 ** attempt));
    await sleep(delayMs, undefined, { signal: stopping }).catch(() => undefined);
  }
  return problem;
}

interface Receiver {
  readonly address: string;
  readonly fill: FillSecrets;
}

interface Posted {
  readonly failure: string | null;
  readonly retryAfterMs: number;
  readonly isFinal: boolean;
}

async function post({ address, fill }: Receiver, text: string, key: string, stopping: AbortSignal): Promise<Posted> {
  try {
    const init = {
      method: 'POST',
      redirect: 'error',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ text }),
      signal: AbortSignal.any([stopping, AbortSignal.timeout(TIMEOUT_MS)]),
    } as const;
    const request = secretRequest(address, init, fill);
    const response = await fetch(request);
    await response.body?.cancel();
    if (response.ok) return { failure: null, retryAfterMs: 0, isFinal: true };
    const retryAfterMs = Number(response.headers.get('retry-after') ?? 0) * 1_000 || 0;
    const isFinal = response.status < 500 && response.status !== 429 && response.status !== 408;
    return { failure: `HTTP ${response.status}`, retryAfterMs, isFinal };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : null;
    const failure =
      (cause as NodeJS.ErrnoException | null)?.code ?? (cause === null ? errorText(error) : 'the connection failed');
    return { failure, retryAfterMs: 0, isFinal: false };
  }
}
