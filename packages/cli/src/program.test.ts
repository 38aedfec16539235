import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { theseus as run } from '../test-support/command-line.ts';
import { createProgram } from './program.ts';
import { renderReference } from './reference.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'theseus-cli-'));
});

const TEN_MISTAKES = `plan: ten
titel: Ten
cohort: userId
signals:
  errors: { telemetry: error-rate }
  latency: { telemetry: latency-p59 }
gates:
  standard:
    every: 30 secs
    rules:
      - erors > 5%: rollback now
      - errors > 5%: rolback now
risks:
  low: { through: [50%, 10%], soak: 30m }
flags:
  search: { risk: low }
channels:
  log: { console: true }
messages:
  done: '{{ plan.titel }}'
phases:
  - phase: one
    needs: [zero]
    steps:
      - ramp: serch
        gate: standrad
      - notify: log
        message: done
`;

describe('theseus', () => {
  it('check tells ten planted mistakes, each with its line and mend [ALL-1]', async () => {
    const file = join(folder, 'ten.yaml');
    await writeFile(file, TEN_MISTAKES);
    const { code, out } = await run('check', file);
    const lines = [...out.matchAll(/^\S*ten\.yaml:(\d+):\d+.*$/gm)];
    expect(code).toBe(2);
    expect(lines.map(([, line]) => Number(line))).toEqual([2, 6, 9, 11, 12, 14, 20, 23, 25, 26]);
    expect(out).toContain("did you mean 'standard'");
  });

  it('check goes on after a file that cannot be read', async () => {
    const plan = join(folder, 'plan.yaml');
    await run('init', plan);
    const { code, out, err } = await run('check', join(folder, 'nowhere.yaml'), plan);
    expect(code).toBe(2);
    expect(err).toContain('there is no such file');
    expect(out).toContain('✓');
  });

  it('init writes a plan that is valid and succeeds in simulation [ALL-2]', async () => {
    const file = join(folder, 'first.yaml');
    expect((await run('init', file)).code).toBe(0);
    expect((await run('init', file)).code).toBe(1);
    expect((await run('simulate', file)).code).toBe(0);
    expect((await run('simulate', file, '--what-if', 'errors=8% at 2h')).code).toBe(1);
  });

  it('simulate plays a plan of eight weeks [ALL-2]', async () => {
    const file = join(folder, 'weeks.yaml');
    const steps = Array.from({ length: 8 }, () => '{ wait: 7d }').join(', ');
    await writeFile(file, `plan: weeks\ncohort: userId\nphases: [{ phase: one, steps: [${steps}] }]\n`);
    const { code, out } = await run('simulate', file, '--json');
    const summary = JSON.parse(out.trim().split('\n').at(-1) ?? '');
    expect(code).toBe(0);
    expect(summary.endedAt - summary.startedAt).toBeGreaterThanOrEqual(56 * 86_400_000);
  });

  it.each([
    ['an unknown command', ['statsu'], 'status'],
    ['a missing reason', ['approve'], "add --reason 'why'"],
    ['two scopes', ['rollback', '--flag', 'a', '--phase', 'b'], 'one of --flag'],
    ['an unreadable duration', ['rollback', '--plan', '--over', 'soon'], 'write 5m'],
    ['a bad factor', ['simulate', 'x.yaml', '--compress', '0'], 'from 1 on'],
    ['a bad variable', ['check', 'x.yaml', '--set', 'x'], 'name=value'],
    ['a number that is empty', ['pause', '--reason', 'x', '--revision', ''], 'write a whole number'],
    ['no address', ['status', '--url', 'garbage', '--token', 't'], 'http://127.0.0.1:4400'],
  ])('refuses %s with exit code 2 before it asks a server', async (_what, args, text) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toContain(text);
  });

  it('says where no server answers, with exit code 1', async () => {
    const { code, err } = await run('status', '--url', 'http://127.0.0.1:1', '--token', 't');
    expect(code).toBe(1);
    expect(err).toContain('No Theseus server answers at http://127.0.0.1:1 (bad port)');
  });

  it.each([
    ['an unknown command', ['statsu'], 2, 'invalid-argument'],
    ['an argument that is none', ['rollback', '--plan', '--over', 'soon', '--reason', 'x'], 2, 'invalid-argument'],
    ['no server', ['status', '--url', 'http://127.0.0.1:1', '--token', 't'], 1, 'unreachable'],
  ])('tells %s as one line of JSON on standard error with --json', async (_what, args, code, errorCode) => {
    const ended = await run(...args, '--json');
    expect(ended).toMatchObject({ code, out: '' });
    const lines = ended.err.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ kind: 'error', code: errorCode, message: expect.any(String) });
  });

  it('keeps standard output free of all but NDJSON with --json, whatever is wrong with a plan', async () => {
    const file = join(folder, 'ten-as-json.yaml');
    await writeFile(file, TEN_MISTAKES);
    const { code, out, err } = await run('check', file, '--json');
    expect({ code, err }).toEqual({ code: 2, err: '' });
    const kinds = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds.filter((kind) => kind === 'diagnostic')).toHaveLength(10);
  });

  it('doctor says what it can where no server answers, and fails [ALL-7]', async () => {
    vi.stubEnv('DATABASE_URL', '');
    const { code, out } = await run('doctor', '--url', 'http://127.0.0.1:1', '--token', 't');
    expect(code).toBe(1);
    expect(out).toMatch(/^fail {2}server {4}No Theseus server answers at http:\/\/127\.0\.0\.1:1/);
    expect(out).toContain("→ start one with 'theseus serve'");
    const url = 'postgres://nobody@127.0.0.1:1/none';
    const { out: told } = await run('doctor', '--url', 'http://127.0.0.1:1', '--token', 't', '--database-url', url);
    expect(told).toMatch(/^fail {2}database {2}it does not answer: .*ECONNREFUSED/m);
    vi.unstubAllEnvs();
  });

  it.each([
    ['nothing is known yet', undefined, 1],
    ['the plan is known to be invalid', 2, 2],
    ['all is done', 0, 0],
  ])('ends with the code that is true where %s when its reader goes', async (_when, known, code) => {
    await run('--version');
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const before = process.exitCode;
    process.exitCode = known;
    process.stdout.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    process.exitCode = before;
    expect(exit).toHaveBeenCalledExactlyOnceWith(code);
  });

  it('has a reference that is current; UPDATE_DOCS=1 rewrites it', () => {
    const file = new URL('../../../docs/reference/cli.md', import.meta.url);
    const text = renderReference(createProgram(() => undefined));
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
