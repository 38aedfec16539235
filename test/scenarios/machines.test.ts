import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '@theseus/core/plan';
import { type Finding, startServer, startWorker, type TheseusWorker } from '@theseus/server';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan } from '../../packages/core/test-support/given-plan.ts';
import { type TestDatabase, testDatabase } from '../../packages/server/test-support/test-database.ts';
import { RunningServer, until } from '../test-support/running-server.ts';

let postgres: TestDatabase;
let folder = '';
let server: RunningServer;
const workers: TheseusWorker[] = [];

beforeAll(async () => {
  postgres = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'theseus-machines-'));
  await chmod(folder, 0o755);
  let tokens = { operator: '', sdk: '' };
  const onTokens = (made: typeof tokens): void => {
    tokens = made;
  };
  const started = await startServer({ folder, databaseUrl: postgres.url, port: 0, work: false, onTokens });
  server = new RunningServer(started.url, tokens, () => started.stop());
}, 60_000);

afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
});

afterAll(async () => {
  await server?.stop();
  await postgres?.close();
  await rm(folder, { recursive: true, force: true });
});

async function work(allowRun: boolean): Promise<void> {
  workers.push(await startWorker({ databaseUrl: postgres.url, allowRun, workFolder: folder }));
}

function savingPlan(name: string, changes: Partial<Plan> = {}): Plan {
  const command = {
    argv: [process.execPath, '-e', 'console.log(process.env.THESEUS_IDEMPOTENCY_KEY)'],
    repeatable: true,
  };
  const captures = [{ name: 'key', pattern: '(\\S+)' }];
  const save = { ...common('one/save'), kind: 'run', command, captures } as const;
  return plan([phase('one', [save])], { name, ...changes });
}

const findings = async (only = ''): Promise<readonly Finding[]> =>
  ((await server.call('GET', `/api/v1/doctor${only}`)).body as { findings: Finding[] }).findings;
const failures = async () => (await findings()).filter(({ status }) => status === 'fail');
const ended = async (runId: string) => (await server.view(runId)).outcome;

describe('servers and workers on one PostgreSQL', () => {
  it('bring a command to the machine that may run it, and the doctor says while there is none [ALL-7]', async () => {
    await work(false);
    const runId = await server.begin(savingPlan('saving'));
    await until(async () => (await findings('?only=commands'))[0]?.status === 'fail');
    const [missing] = await findings('?only=commands');
    expect(missing?.found).toContain(runId);
    expect(missing?.mend).toContain('theseus worker --allow-run');
    expect(await ended(runId)).toBeNull();
    await work(true);
    await until(async () => (await ended(runId)) === 'succeeded');
    const finished = (await server.events(runId)).flatMap((event) => (event.type === 'effect.finished' ? event : []));
    // Every command is told the key of its effect.
    expect(finished.map(({ result }) => result.captures)).toEqual([{ key: `${runId}/one/save#1.1` }]);
    expect((await findings('?only=commands'))[0]?.status).toBe('ok');
  });

  it('are seen by the doctor with what each does, and missed when they are gone', async () => {
    await work(true);
    await until(async () => (await failures()).length === 0);
    const machines = await findings('?only=machines');
    expect(machines.map(({ found }) => found).toSorted()).toEqual([
      expect.stringMatching(/^server .* works no effects; heard of/),
      expect.stringMatching(/^worker .* works effects and commands; heard of/),
    ]);
    await workers.pop()?.stop();
    expect((await failures()).map(({ found }) => found)).toEqual(['nobody carries out effects']);
  });

  it('are told from a source that does not answer and a channel without its address', async () => {
    await work(false);
    const signals = {
      load: {
        name: 'load',
        source: { kind: 'http', url: 'http://127.0.0.1:1/', pointer: '/load' },
        unit: 'count',
        overMs: 1_000,
        freshForMs: 1_000,
      },
    } as const;
    const channels = {
      chat: { kind: 'webhook', name: 'chat', url: 'https://chat.test/${{ env.THESEUS_PLAN_NOT_SET }}' },
    } as const;
    const runId = await server.begin(savingPlan('watching', { signals, channels }));
    const sick = (await failures()).filter(({ check }) => check === 'sources' || check === 'channels');
    expect(sick.map(({ check, found }) => `${check}: ${found}`)).toEqual([
      expect.stringContaining(`sources: load of ${runId} does not answer`),
      expect.stringContaining(`channels: chat of ${runId} has no address`),
    ]);
    await server.command(runId, { verb: 'abort' });
  });

  it('answer only to operators', async () => {
    const answer = await fetch(`${server.url}/api/v1/doctor`, {
      headers: { authorization: `Bearer ${server.sdkToken}` },
    });
    expect(answer.status).toBe(403);
  });
});
