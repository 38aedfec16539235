import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem, until } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 30s, rules: [ errors > 5%: rollback now ] } }
segments: { near: { country: [de] } }
flags:
  new-store: {}
  new-cache: { requires: [new-store], exclude: [ben], segments: [ { segment: near, exposure: 100% } ] }
  new-search: { include: [cleo] }
  later: {}
phases:
  - { phase: store, steps: [ { ramp: new-store, gate: standard, through: [100%], soak: 1h } ] }
  - { phase: cache, needs: [], steps: [ { wait: 0s }, { ramp: new-cache, gate: standard, through: [25%], soak: 1h, needs: [store/new-store] } ] }
  - { phase: search, needs: [], steps: [ { ramp: new-search, gate: standard, through: [0%, 10%], soak: 1h } ] }
  - { phase: later, needs: [cache], steps: [ { ramp: later, gate: standard, through: [10%], soak: 1h } ] }
`;

let system: TestSystem;
const cli = (...args: readonly string[]): Promise<Ended> =>
  theseus('flags', ...args, '--url', system.url, '--token', system.tokens.operator);
const stateOf = async (flag: string) =>
  lines(await cli('list', '--json')).find(({ key }) => key === flag)?.['lifecycle'];

beforeAll(async () => {
  system = await TestSystem.begin();
}, 60_000);

afterAll(() => system?.end());

describe('theseus flags', () => {
  it('says where no flag is known, and how one comes about [CO-6]', async () => {
    for (const command of ['list', 'stale']) {
      const { code, out } = await cli(command);
      expect([code, out]).toEqual([0, expect.stringContaining('No flag is known here: flags come with plans')]);
    }
    expect(await cli('show', 'nothing')).toMatchObject({ code: 1, err: expect.stringContaining("no flag 'nothing'") });
  });

  describe('once a plan runs', () => {
    beforeAll(async () => {
      const file = join(system.folder, 'plan.yaml');
      await writeFile(file, PLAN);
      const options = ['--detach', '--url', system.url, '--token', system.tokens.operator];
      const started = await theseus('run', file, ...options);
      expect(started).toMatchObject({ code: 0 });
      await until(async () => (await stateOf('new-search')) === 'internal' && (await stateOf('new-store')) === 'full');
      const promoted = await theseus('promote', '--step', 'store/new-store', '--reason', 'a test', ...options.slice(1));
      expect(promoted.err).toBe('');
      await until(async () => (await stateOf('new-cache')) === 'ramping');
    });

    it('lists each with plan, exposure, state and instances [CO-6]', async () => {
      const { out } = await cli('list');
      const rows = out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 5).join('|'));
      expect(rows).toEqual([
        'FLAG|ENVIRONMENT|PLAN|EXPOSURE|STATE',
        'later|default|moving|0 %|dark',
        'new-cache|default|moving|25 %|ramping',
        'new-search|default|moving|0 %|internal',
        'new-store|default|moving|100 %|full',
        '',
      ]);
      expect(out).toMatch(/dark +never +0 of 0$/m);
      expect((await cli('list', '--environment', 'production')).out).toContain("known in environment 'production'");
    });

    it('shows one with its rules, overrides and who requires it [CO-6]', async () => {
      const { out } = await cli('show', 'new-cache');
      expect(out).toContain('new-cache in default: ramping, 25 %');
      expect(out).toMatch(/requires +new-store/);
      expect(out).toMatch(/kept out +ben/);
      expect(out).toMatch(/rules +1\. segment 'moving\/near' at 100 %/);
      expect((await cli('show', 'new-store')).out).toMatch(/required by +new-cache/);
    });

    it('evaluates as an SDK does, and explains each test in its order [CO-6]', async () => {
      const subject = ['--context', 'userId=ana', '--context', 'country=de'];
      const evaluated = await cli('evaluate', 'new-cache', ...subject);
      expect(evaluated).toMatchObject({ code: 0, out: 'new-cache: candidate (SEGMENT)\n' });
      const { out } = await cli('explain', 'new-cache', ...subject);
      expect(out.split('\n').slice(1)).toEqual([
        '  1  goes on  it is enabled',
        "  2  goes on  the subject is 'ana', by userId",
        "  3  goes on  'ana' is not among the 1 kept out by name",
        '  4  goes on  nobody is let in by name',
        "  5  decides  in segment 'moving/near': 100 %: candidate",
        "  6  goes on  it requires 'new-store', which answers candidate",
        '  →  candidate (SEGMENT)',
        '',
      ]);
      expect((await cli('evaluate', 'new-cache', '--context', 'userId=ben')).out).toContain('legacy (OVERRIDE)');
      expect((await cli('evaluate', 'new-cache')).out).toContain('legacy (DEFAULT, TARGETING_KEY_MISSING)');
      expect((await cli('evaluate', 'nothing')).code).toBe(1);
    });

    it('lists what is at 100 % for too long, with the lines that still name it, and fails where asked [CO-6]', async () => {
      const source = join(system.folder, 'source');
      await mkdir(source);
      await writeFile(join(source, 'store.ts'), "// before\nroute('new-store', context);\n");
      expect((await cli('stale')).out).toContain('No flag is stale: of 4, none is retired');
      const told = await cli('stale', '--older-than', '0', '--scan', source);
      expect(told.code).toBe(0);
      expect(told.out).toMatch(
        /^new-store in default: at 100 % for .*\n {2}store\.ts:2: route\('new-store', context\);\n/,
      );
      const failed = await cli('stale', '--older-than', '0', '--scan', source, '--fail', '--json');
      expect(failed.code).toBe(1);
      expect(lines(failed)).toEqual([
        expect.objectContaining({ kind: 'stale-flag', key: 'new-store', reason: 'full', linesLeftOff: 0 }),
        { kind: 'scan', files: 1, passedOver: 0 },
      ]);
      expect((await cli('stale', '--older-than', 'soon')).code).toBe(2);
    });

    it('writes flags that answer everybody the same as variables, and names those that do not [QA-16]', async () => {
      const refused = await cli('env');
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.err).toContain('Cannot write 2 of the flags as environment variables:');
      expect(refused.err).toContain("\n  new-cache: it has a rule for segment 'moving/near'");
      expect(refused.err).toContain('\n  new-search: it lets in or keeps out 1 by name');
      expect((await cli('env', 'new-store', 'later')).out).toBe('FLAG_NEW_STORE=true\nFLAG_LATER=false\n');
      const shell = await cli('env', 'later', '--format', 'shell', '--prefix', 'VITE_');
      expect(shell.out).toBe("export VITE_LATER='false'\n");
    });

    it('writes definitions for flagd [QA-16]', async () => {
      const { code, out } = await cli('export', '--format', 'flagd');
      expect(code).toBe(0);
      expect(Object.keys(JSON.parse(out).flags)).toEqual(['later', 'new-cache', 'new-search', 'new-store']);
      expect(JSON.parse(out).flags.later).toMatchObject({ state: 'ENABLED', defaultVariant: 'legacy' });
    });

    it('calls a flag stale that an edit took out of the plan [CO-6]', async () => {
      const file = join(system.folder, 'edited.yaml');
      const without = PLAN.replace('  later: {}\n', '').replace(/ {2}- \{ phase: later.*\n/, '');
      await writeFile(file, without);
      const on = ['--url', system.url, '--token', system.tokens.operator];
      const applied = await theseus('apply', file, 'latest', '--reason', 'a test', ...on);
      expect(applied.err).toBe('');
      const { out } = await cli('stale');
      expect(out).toContain('later in default: the newest run of plan moving has no such flag');
    });
  });
});
