import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Plan } from '@theseus/core/plan';
import type { Effect, EffectRequest } from '@theseus/core/rollout';
import { afterEach, describe, expect, it } from 'vitest';
import { runCommand } from '../commands/run-command.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { commandRunner } from './command-runner.ts';
import { messageRunner } from './message-runner.ts';
import { probeRunner } from './probe-runner.ts';

const fillSecrets = planSecrets(process.env);
const settings = { allowRun: true, folder: process.cwd(), run: runCommand, fillSecrets };
const node = process.execPath;

let server: Server | null = null;

afterEach(() => {
  server?.close();
  server = null;
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const started = createServer(answer);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/`;
}

function effect(request: EffectRequest, timeoutMs: number | null = null): Effect {
  return { id: 'e', request, purpose: { kind: 'step', stepId: 's' }, requestedAt: 0, timeoutMs };
}

function context(plan: Partial<Plan> = {}) {
  return { runId: 'r', plan: plan as Plan, idempotencyKey: 'r/e', signal: new AbortController().signal };
}

function command(
  script: string,
  captures: { name: string; pattern: string }[] = [],
  timeoutMs: number | null = null,
): Effect {
  return effect({ kind: 'command', argv: [node, '-e', script], repeatable: true, captures }, timeoutMs);
}

describe('commandRunner()', () => {
  it('runs nothing that names an artefact which nobody has captured yet [QA-4]', async () => {
    const early = effect({ kind: 'command', argv: [node, '-e', '1', '${{ tag }}'], repeatable: true, captures: [] });
    expect(await commandRunner(settings).run(early, context())).toMatchObject({
      outcome: 'failed',
      summary: expect.stringContaining("nothing has captured 'tag' yet"),
    });
  });

  it('takes artefacts from the output, and fails when one is missing', async () => {
    const captures = [{ name: 'backup_id', pattern: 'saved as (\\S+)' }];
    const good = await commandRunner(settings).run(command('console.log("saved as b-7 now")', captures), context());
    expect(good).toMatchObject({ outcome: 'succeeded', captures: { backup_id: 'b-7' } });
    const bad = await commandRunner(settings).run(command('console.log("nothing")', captures), context());
    expect(bad).toMatchObject({ outcome: 'failed', summary: expect.stringContaining("'backup_id' is not known") });
  });

  it('takes no NUL from the output, which no database keeps', async () => {
    const captures = [{ name: 'backup_id', pattern: 'saved as (\\S+)' }];
    const binary = await commandRunner(settings).run(
      command('process.stdout.write("saved as b-7\\0\\0")', captures),
      context(),
    );
    expect(binary).toMatchObject({ outcome: 'succeeded', captures: { backup_id: 'b-7\ufffd\ufffd' } });
    expect(binary.summary).not.toContain('\0');
  });

  it('passes no secret of the server on, and no argument through a shell', async () => {
    process.env['THESEUS_CANARY'] = 'do-not-leak';
    const seen = await commandRunner(settings).run(command('console.log(JSON.stringify(process.env))'), context());
    expect(seen.summary).not.toContain('do-not-leak');
    delete process.env['THESEUS_CANARY'];
    const argv = [node, '-e', 'console.log(process.argv[1])', '$(id); echo `id`'];
    const plain = await commandRunner(settings).run(
      effect({ kind: 'command', argv, repeatable: true, captures: [] }),
      context(),
    );
    expect(plain.summary).toContain('$(id); echo `id`');
  });

  it('tells an exit code, a missing program and a time-out apart', async () => {
    const run = commandRunner(settings).run;
    expect((await run(command('console.error("broken"); process.exit(3)'), context())).summary).toContain(
      'exit code 3: broken',
    );
    const missing = effect({ kind: 'command', argv: ['no-such-program'], repeatable: true, captures: [] });
    expect((await run(missing, context())).summary).toContain("there is no program 'no-such-program'");
    expect((await run(command('setInterval(() => {}, 1000)', [], 200), context())).summary).toContain(
      'not done within 0.2 s',
    );
  });

  it('runs nothing where commands are not allowed, and says how to allow them', async () => {
    const refused = await commandRunner({ ...settings, allowRun: false }).run(command('0'), context());
    expect(refused).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('--allow-run') });
  });
});

describe('probeRunner()', () => {
  const probe = (url: string, contains: string | null = null): Effect =>
    effect({
      kind: 'probe',
      probe: { kind: 'http', url, method: 'GET', expect: { status: 200, withinMs: 2_000, contains } },
    });

  it('expects a status and a text, and forgives a hiccup', async () => {
    let calls = 0;
    const url = await serve((_request, response) => {
      calls += 1;
      response.statusCode = calls === 1 ? 503 : 200;
      response.end('all is well');
    });
    expect(await probeRunner(settings).run(probe(url, 'is well'), context())).toMatchObject({ outcome: 'succeeded' });
    expect(calls).toBe(2);
    const wrong = await probeRunner(settings).run(probe(url, 'is broken'), context());
    expect(wrong).toMatchObject({ outcome: 'failed', summary: expect.stringContaining("without 'is broken'") });
  });

  it('says when nobody answers', async () => {
    const gone = await probeRunner(settings).run(probe('http://127.0.0.1:1/'), context());
    expect(gone).toMatchObject({ outcome: 'failed', summary: expect.stringContaining('could not be reached') });
  });
});

describe('messageRunner()', () => {
  const message = effect({ kind: 'message', channel: 'chat', text: 'hello' });

  it('repeats a delivery under one key until it is taken', async () => {
    const keys: unknown[] = [];
    const url = await serve((request, response) => {
      keys.push(request.headers['idempotency-key']);
      response.statusCode = keys.length === 1 ? 500 : 200;
      response.end();
    });
    const plan = { channels: { chat: { kind: 'webhook', name: 'chat', url } } } as const;
    const sent = await messageRunner(() => undefined, fillSecrets).run(message, context(plan));
    expect(sent).toMatchObject({ outcome: 'succeeded', summary: 'sent to chat: hello' });
    expect(keys).toEqual(['r/e', 'r/e']);
  });

  it('gives up at once on a refusal, and never shows the address, which may be a secret', async () => {
    let calls = 0;
    const address = await serve((_request, response) => {
      calls += 1;
      response.statusCode = 403;
      response.end();
    });
    process.env['THESEUS_PLAN_HOOK'] = `${address}secret-path`;
    const plan = {
      channels: { chat: { kind: 'webhook', name: 'chat', url: '${{ env.THESEUS_PLAN_HOOK }}' } },
    } as const;
    const refused = await messageRunner(() => undefined, fillSecrets).run(message, context(plan));
    delete process.env['THESEUS_PLAN_HOOK'];
    expect(refused).toMatchObject({ outcome: 'failed', summary: 'not delivered to chat: HTTP 403' });
    expect(calls).toBe(1);
  });
});
