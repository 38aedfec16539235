import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: moving
cohort: userId
signals:
  errors: { telemetry: error-rate }
  success: { reported: true, unit: percent }
gates: { standard: { rules: [ errors worse than legacy: hold, success < 98%: hold ] } }
flags: { cache: {} }
phases:
  - phase: move
    steps:
      - ramp: cache
        gate: standard
        through: [4%, 50%]
        soak: 10m
`;

async function check(text: string, ...args: readonly string[]): Promise<Ended> {
  const file = join(await mkdtemp(join(tmpdir(), 'theseus-check-')), 'plan.yaml');
  await writeFile(file, text);
  const { out, ...ended } = await theseus('check', file, ...args);
  return { ...ended, out: out.replaceAll(file, 'plan.yaml').replaceAll('\u00a0', ' ') };
}

describe('theseus check', () => {
  it('says how long proof takes at the traffic that the plan expects', async () => {
    const { code, out } = await check(`${PLAN}traffic: { users: 1250, requests: 2 }\n`);
    expect(code).toBe(0);
    expect(out).toMatch(/How long proof takes with 1 250 users, 2 requests a minute each, while nothing is wrong:/);
    expect(out).toMatch(/^ {4}cache +4 % +50 +10m +\d+m(\d+s)?$/m);
    expect(out).not.toContain('assumed');
  });

  it('says what so few people cannot prove, where in the plan, and offers a larger share instead of a longer soak', async () => {
    const { out } = await check(PLAN, '--users', '1250');
    expect(out).toMatch(
      /· plan\.yaml:11 move\/cache: 50 of 50 people without a fault cannot prove success > 98 %, only > 94\.2 %; 149 are needed\n +→ begin at 12 %/,
    );
    expect(out).toMatch(/! plan\.yaml:11 move\/cache at 4 %: to rule out 2x the errors takes about/);
    expect(out).toContain('a larger exposure rather than soak longer');
  });

  it('says that it assumes the traffic where nobody says what is expected', async () => {
    const { out } = await check(PLAN);
    expect(out).toContain('with 10 000 users, 1 request a minute each (assumed)');
    expect(out).toContain("Say what is expected: 'traffic: { users: 10000, requests: 1 }' in the plan, or --users");
  });

  it('is silent about proof where nothing is compared', async () => {
    const { out } = await check(PLAN.replace('errors worse than legacy', 'errors > 50%').replace('98%', '2%'));
    expect(out).toBe('✓ plan.yaml: 1 phase, 1 step, 1 flag; 0 errors, 0 warnings\n');
  });

  it('prints a line of JSON for each exposure and problem', async () => {
    const printed = lines(await check(PLAN, '--users', '1250', '--json'));
    expect(printed.map(({ kind }) => kind)).toEqual(['checked', 'proof', 'proof', 'problem', 'problem']);
    expect(printed[1]).toMatchObject({ flag: 'cache', exposurePercent: 4, people: 50, users: 1_250, isAssumed: false });
    expect(printed.slice(3).map(({ code, line }) => [code, line])).toEqual([
      ['slow-proof', 11],
      ['small-sample', 11],
    ]);
  });

  it('refuses a number of users that is none', async () => {
    const { code } = await check(PLAN, '--users', '0');
    expect(code).toBe(2);
  });
});
