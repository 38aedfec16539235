import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Plan, parsePlan, planHash } from '@theseus/core/plan';
import { parseWhatIf, simulate } from '@theseus/core/simulate';
import { startServer, type TheseusServer } from '@theseus/server';
import { createJiti } from 'jiti';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, testDatabase } from '../../packages/server/test-support/test-database.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

let readme: string;
let postgres: TestDatabase;
let server: TheseusServer;
let folder: string;
let tokens = { operator: '', sdk: '' };

beforeAll(async () => {
  readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  postgres = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'theseus-readme-'));
  await chmod(folder, 0o755);
  server = await startServer({
    folder,
    databaseUrl: postgres.url,
    port: 0,
    onTokens: (made) => {
      tokens = made;
    },
  });
});

afterAll(async () => {
  await server?.stop();
  await postgres?.close();
  await rm(folder, { recursive: true, force: true });
});

const block = (language: string): string => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1] ?? '';

function planOf(text: string): Plan {
  const { plan, diagnostics } = parsePlan(text, { file: 'README.md' });
  expect(diagnostics).toEqual([]);
  if (plan === null) throw new Error('no plan');
  return plan;
}

describe('the README', () => {
  it('shows a plan of about ten lines that checks clean, and a what-if that does what it says [ALL-1, ALL-2]', () => {
    const text = block('yaml');
    expect(text.trim().split('\n').length).toBeLessThanOrEqual(12);
    const plan = planOf(text);
    const options = { startAt: 0, approvalDelayMs: 0, seed: 1 };
    expect(simulate(plan, { ...options, whatIf: [] }).outcome).toBe('succeeded');
    const whatIf = /--what-if '([^']+)'/.exec(readme)?.[1] ?? '';
    const result = simulate(plan, { ...options, whatIf: parseWhatIf(whatIf, plan) });
    expect(result.view.rollbacks[0]?.reason).toContain('errors > 5%');
  });

  it('shows SDK code that runs: legacy while the flag is dark, the candidate at 100 % [ALL-4, CO-1]', async () => {
    const plan = planOf(block('yaml'));
    expect(await runSnippet()).toBe('from the old search');
    const everybody = {
      ...plan,
      phases: plan.phases.map((phase) => ({
        ...phase,
        steps: phase.steps.map((step) => (step.kind === 'ramp' ? { ...step, through: [100_000] } : step)),
      })),
    };
    const started = await fetch(`${server.url}/api/v1/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokens.operator}`, 'content-type': 'application/json' },
      body: JSON.stringify({ plan: everybody, planHash: planHash(everybody) }),
    });
    expect(started.status).toBe(201);
    expect(await runSnippet()).toBe('from the new search');
  });
});

/** Runs the README's TypeScript as it stands, as a program of its own would, and returns its answer. */
async function runSnippet(): Promise<unknown> {
  process.env['THESEUS_URL'] = server.url;
  process.env['THESEUS_SDK_TOKEN'] = tokens.sdk;
  const file = join(folder, `snippet-${Date.now()}.ts`);
  await writeFile(file, `${block('ts')}\nexport { answer, theseus };\n`);
  const source = (path: string): string => join(ROOT, 'packages', path);
  const jiti = createJiti(pathToFileURL(file).href, {
    moduleCache: false,
    fsCache: false,
    alias: {
      '@theseus/sdk': source('sdk/src/index.ts'),
      '@theseus/core/error': source('core/src/error.ts'),
      '@theseus/core/flag': source('core/src/flag/index.ts'),
      '@theseus/core/health': source('core/src/health/index.ts'),
    },
  });
  const { answer, theseus } = await jiti.import<{ answer: unknown; theseus: { close(): Promise<void> } }>(file);
  await theseus.close();
  return answer;
}
