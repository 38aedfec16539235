import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 30s, rules: [ errors > 5%: rollback now ] } }
flags: { cache: {} }
phases: [ { phase: one, steps: [ { wait: 1h }, { ramp: cache, gate: standard, through: [10%, 100%], soak: 1h } ] } ]
environments: { staging: { risks: {} } }
`;

let system: TestSystem;

beforeAll(async () => {
  system = await TestSystem.begin();
  const file = join(system.folder, 'plan.yaml');
  await writeFile(file, PLAN);
  expect((await cli('run', file, '--env', 'staging', '--detach')).err).toBe('');
}, 60_000);

afterAll(() => system?.end());

const cli = (...args: readonly string[]): Promise<Ended> =>
  theseus(...args, '--url', system.url, '--token', system.tokens.operator);
const flags = (...args: readonly string[]): Promise<Ended> => cli('flags', ...args, '--env', 'staging');
const because = ['--reason', 'they asked', '--as', 'ana'];

describe('theseus flags', () => {
  it('lets subjects in, keeps them out, lists who decided, and takes it back [CO-17]', async () => {
    const allowed = await flags('allow', 'cache', 'ada', 'ben', ...because);
    expect(allowed).toMatchObject({ code: 0, err: '' });
    expect(allowed.out).toContain('cache: ada, ben let in');
    expect(allowed.out).toContain('cache is at 0 %: whoever is let in takes the candidate from when its ramp begins.');
    expect((await flags('deny', 'cache', 'ben', ...because)).out).toContain('cache: ben kept on legacy');
    expect((await flags('deny', 'cache', 'ben', ...because)).out).toContain('nothing to do: it is so already');
    expect((await flags('overrides', 'cache')).out).toMatch(
      /ada {2}candidate {2}they asked \[ana, .*\n.*ben {2}legacy/,
    );
    const [listed] = lines(await flags('overrides', 'cache', '--json'));
    expect(listed).toMatchObject({
      kind: 'overrides',
      flag: 'cache',
      overrides: [{ subject: 'ada' }, { subject: 'ben' }],
    });
    expect((await flags('clear', 'cache', 'ada', 'ben', ...because)).out).toContain(
      'as the plan says again for ada, ben',
    );
    expect((await flags('overrides', 'cache')).out).toContain('nobody has decided about a subject of cache');
  });

  it('asks for a reason, and says where there is no such flag', async () => {
    expect(await flags('deny', 'cache', 'ada')).toMatchObject({
      code: 2,
      err: expect.stringContaining("--reason 'why'"),
    });
    const elsewhere = await cli('flags', 'deny', 'cache', 'ada', ...because);
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining("No run has had a flag 'cache'") });
  });
});
