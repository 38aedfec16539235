import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Plan } from '@theseus/core/plan';
import type { EffectResult } from '@theseus/core/rollout';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../test-support/test-database.ts';
import { planSecrets } from '../secrets/fill-secrets.ts';
import { backupRunner } from './backup-runner.ts';

let folder: string;
let database: TestDatabase;
const servers: Server[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-backups-'));
  database = await testDatabase();
}, 60_000);

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

afterAll(async () => {
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function order(
  argv: readonly string[],
  options: { readonly backups?: string | undefined; readonly tools?: string } = {},
) {
  const fillSecrets = planSecrets({ THESEUS_PLAN_KEY: 'hunter2', THESEUS_PLAN_DATABASE: database.url });
  const runner = backupRunner(
    { folder: 'backups' in options ? options.backups : folder, toolsFolder: options.tools, fillSecrets, now: Date.now },
    { run: async () => ({ outcome: 'succeeded', summary: 'by another', durationMs: 0 }) },
  );
  const request = { kind: 'command', argv, repeatable: true, captures: [] } as const;
  const effect = { id: 'e', request, purpose: { kind: 'step', stepId: 's' }, requestedAt: 0, timeoutMs: null } as const;
  const context = { runId: 'r', plan: {} as Plan, idempotencyKey: 'r/e', signal: new AbortController().signal };
  // As the executor does with a rejection.
  const failed = (error: unknown): EffectResult => ({ outcome: 'failed', summary: String(error), durationMs: 0 });
  return runner.run(effect, context).catch(failed);
}

function exported(url: string) {
  return order(['theseus:backup', 'make', 'http', 'crm', url]);
}

describe('backupRunner()', () => {
  it('keeps what an address answers, for its user alone, with size and checksum as evidence [CO-9]', async () => {
    const url = await serve((request, response) => response.end(`for ${request.url} ${'x'.repeat(300_000)}`));
    const made = await exported(`${url}/all?key=\${{ env.THESEUS_PLAN_KEY }}`);
    expect(made).toMatchObject({ outcome: 'succeeded', captures: { crm_bytes: '300021' } });
    const [file = '', sha256 = ''] = [made.captures?.['crm_backup'], made.captures?.['crm_sha256']];
    expect(made.summary).toContain(sha256);
    expect(JSON.stringify(made)).not.toContain('hunter2');
    expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(folder, `${file}.json`), 'utf8')).toContain(sha256);
    const verify = ['theseus:backup', 'verify', 'http', 'crm', url];
    expect(await order([...verify, file, sha256])).toMatchObject({ outcome: 'succeeded' });
    await writeFile(join(folder, file), 'something else');
    expect(await order([...verify, file, sha256])).toMatchObject({
      outcome: 'failed',
      summary: expect.stringContaining('has changed since it was made'),
    });
  });

  it.each<[string, RequestListener, string]>([
    ['answers with an error', (_, response) => response.writeHead(503).end('no'), 'it answered 503'],
    ['sends it elsewhere', (_, response) => response.writeHead(302, { location: '/b' }).end(), 'Cannot export from'],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('half', () => response.destroy());
      },
      'the answer broke off',
    ],
  ])('leaves no file of an address that %s', async (_, answer, why) => {
    const before = await readdir(folder);
    const url = await serve(answer);
    const failed = await exported(`${url}/\${{ env.THESEUS_PLAN_KEY }}`);
    expect(failed).toMatchObject({ outcome: 'failed', summary: expect.stringContaining(why) });
    expect(failed.summary).not.toContain('hunter2');
    expect(await readdir(folder)).toEqual(before);
  });

  it('says how to have backups kept, and what to install or where to look for tools [CV-12]', async () => {
    const make = ['theseus:backup', 'make', 'postgres', 'accounts', '${{ env.THESEUS_PLAN_DATABASE }}'];
    expect((await order(make, { backups: undefined })).summary).toContain('start it with --backups FOLDER');
    const empty = await mkdtemp(join(tmpdir(), 'theseus-no-tools-'));
    expect((await order(make, { tools: empty })).summary).toMatch(/Cannot find pg_dump: install .*postgresql-client/);
    await writeFile(join(empty, 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n');
    await chmod(join(empty, 'pg_dump'), 0o755);
    expect((await order(make, { tools: empty })).summary).toMatch(
      /pg_dump is of version 9 and the server of \d+: install/,
    );
    await rm(empty, { recursive: true, force: true });
  });

  it('says that a backup is not on this worker, and looks nowhere else', async () => {
    const gone = await order(['theseus:backup', 'verify', 'http', 'crm', 'http://a.example/', '../../etc/passwd', 'x']);
    expect(gone.summary).toContain('Give all of them one folder');
  });

  it('leaves all other commands to another', async () => {
    expect(await order(['node', 'x.mjs'])).toMatchObject({ summary: 'by another' });
  });
});
