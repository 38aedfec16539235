import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planHash } from '@theseus/core/plan';
import { beforeAll, expect, it } from 'vitest';
import { readPlanFile } from './read-plan-file.ts';

const source = { plan: 'small', cohort: 'userId', phases: [{ phase: 'one', steps: [{ wait: '1h' }] }] };
let folder = '';
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-plan-'));
  await writeFile(file('plan.yaml'), 'plan: small\ncohort: userId\nphases: [{ phase: one, steps: [{ wait: 1h }] }]\n');
  await writeFile(file('plan.json'), JSON.stringify(source));
  const core = new URL('../../../core/src/plan/index.ts', import.meta.url).pathname;
  await writeFile(
    file('plan.ts'),
    `import { definePlan } from ${JSON.stringify(core)};\nexport default definePlan(${JSON.stringify(source)});\n`,
  );
  await writeFile(file('throws.ts'), "throw new Error('no such region');");
  await writeFile(file('empty.ts'), 'export const plan = 1;');
});

it('readPlanFile() gives one plan hash for YAML, JSON and TypeScript [ALL-1]', async () => {
  const hashes = [];
  for (const name of ['plan.yaml', 'plan.json', 'plan.ts']) {
    const { plan, diagnostics } = await readPlanFile(file(name), {});
    expect(diagnostics).toEqual([]);
    if (plan !== null) hashes.push(planHash(plan));
  }
  expect(hashes).toHaveLength(3);
  expect(new Set(hashes).size).toBe(1);
});

it.each([
  ['nowhere.yaml', 'invalid-argument', 'there is no such file'],
  ['.', 'invalid-argument', 'it is a folder'],
  ['throws.ts', 'invalid-plan', 'no such region'],
])('readPlanFile() refuses %s and says why', async (name, code, text) => {
  await expect(readPlanFile(file(name), {})).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
});

it('readPlanFile() never takes a TypeScript file without a plan for one', async () => {
  const read = await readPlanFile(file('empty.ts'), {}).catch((error: Error) => ({ plan: null, diagnostics: [error] }));
  expect(read.plan).toBeNull();
  expect(read.diagnostics.length).toBeGreaterThan(0);
});
