import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { main } from '../main.ts';

const PLAN = `plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates:
  standard: { rules: [ errors > 5%: rollback now ] }
flags: { cache: {} }
people: { ana: [tech-lead] }
phases:
  - phase: move
    steps:
      - ramp: cache
        gate: standard
        through: [0.1%, 100%]
        soak: 1h
      - approve: Go on?
        by: [tech-lead]
`;
const START = ['--start', '2026-03-07T09:00:00Z'];

let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-simulate-'));
  file = join(folder, 'plan.yaml');
  await writeFile(file, PLAN);
});

async function simulate(...args: readonly string[]) {
  let [out, err] = ['', ''];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      out += String(text);
      return true;
    }),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      err += String(text);
      return true;
    }),
  ];
  const before = process.exitCode;
  try {
    await main(['node', 'theseus', 'simulate', ...args]);
    return { code: process.exitCode, out, err };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}

describe('theseus simulate', () => {
  it.each([
    [0, []],
    [1, ['--what-if', 'errors=8% at 10m']],
    [3, ['--what-if', 'errors=silent at 10m']],
    [2, ['--what-if', 'effect[move/approve]=fail']],
  ])('ends with exit code %i for %j', async (code, args) => {
    expect((await simulate(file, ...START, ...args)).code).toBe(code);
  });

  it('tells problems with file and line, the gravest first [ALL-2]', async () => {
    const { out } = await simulate(file, ...START);
    const places = [...out.matchAll(/^ {2}[✗!·] (\S+)/gm)].map(([, place]) => place);
    expect(places).toEqual([`${file}:11`, `${file}:15`, `${file}:11`]);
  });

  it('knows no line of a plan that is a program', async () => {
    const program = join(folder, 'plan.mjs');
    await writeFile(
      program,
      `export default { plan: 'moving', cohort: 'userId', phases: [{ phase: 'one', steps: [{ run: 'node x' }] }] };`,
    );
    const { out } = await simulate(program, ...START);
    expect(out).toContain(`${program} one/run has no undo`);
  });

  it('combines faults, given apart or joined', async () => {
    const apart = await simulate(file, ...START, '--what-if', 'errors=8% at 10m', '--what-if', 'instances=slow 5m');
    const joined = await simulate(file, ...START, '--what-if', 'errors=8% at 10m and instances=slow 5m');
    expect(joined.out).toBe(apart.out);
    expect(apart.out).toContain('over its budget');
  });

  it('prints NDJSON that ends in a summary, the same bytes for the same start and seed', async () => {
    const { out } = await simulate(file, ...START, '--json', '--users', '500', '--seed', '3');
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
    expect(new Set(lines.map(({ kind }) => kind))).toEqual(
      new Set(['event', 'phase', 'step', 'exposure-case', 'approval', 'problem', 'summary']),
    );
    expect(lines.at(-1)).toMatchObject({ kind: 'summary', outcome: 'succeeded', users: 500, seed: 3, approvals: 1 });
    expect(lines.find(({ kind }) => kind === 'problem')).toMatchObject({ line: 11, code: 'too-few-requests' });
    expect((await simulate(file, ...START, '--json', '--users', '500', '--seed', '3')).out).toBe(out);
  });

  it('writes the whole report as a page, and says where', async () => {
    const page = join(folder, 'report.html');
    const { out } = await simulate(file, ...START, '--out', page);
    expect(out).toContain(`The whole report is in ${page}`);
    const text = await readFile(page, 'utf8');
    expect(text).toMatch(/^<!doctype html>/);
    expect(text).toContain(`${file}:11`);
  });

  it.each([
    [['--what-if', 'erors=8% at 2h'], "did you mean 'errors'"],
    [['--start', 'tomorrow'], 'write 2026-05-04T09:00:00Z'],
    [['--zone', 'Mars/Olympus'], 'Europe/Berlin'],
    [['--users', '0'], 'from 1 on'],
    [['--requests', '-1'], 'above 0'],
    [['--approval-after', 'soon'], 'write 10m'],
    [['--out', '/nowhere/at/all.html'], 'Cannot write the report'],
  ])('refuses %j with exit code 2 and the mend', async (args, mend) => {
    const { code, err } = await simulate(file, ...args);
    expect(code).toBe(2);
    expect(err).toContain(mend);
  });
});
