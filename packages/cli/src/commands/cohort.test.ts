import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: beta
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 10m, rules: [ errors > 5%: rollback now ] } }
segments: { invited: { invited: true, age: { atLeast: 18 } } }
flags: { assistant: { cohort: { count: 12, of: invited } }, search: {} }
phases:
  - phase: one
    steps:
      - { ramp: assistant, gate: standard, through: [0%, 100%], soak: 1w }
      - { ramp: search, gate: standard, through: [0%, 100%], soak: 1w }
`;
const PEOPLE = Array.from({ length: 60 }, (_, at) => `00${at},${at % 2 === 0},${at < 4 ? 17 : 30}`);

let system: TestSystem;
let plan = '';
let people = '';

beforeAll(async () => {
  system = await TestSystem.begin();
  plan = join(system.folder, 'plan.yaml');
  people = join(system.folder, 'users.csv');
  await writeFile(plan, PLAN);
  await writeFile(people, ['userId,invited,age', ...PEOPLE].join('\n'));
}, 60_000);

afterAll(() => system?.end());

const cohort = (...args: readonly string[]): Promise<Ended> => theseus('cohort', ...args);
const server = (): readonly string[] => ['--url', system.url, '--token', system.tokens.operator];
const pickedOf = (ended: Ended) => lines(ended).filter(({ isPicked }) => isPicked === true);

describe('theseus cohort', () => {
  it('shows exactly twelve of a list with their places, and why the others are not among them [CO-16]', async () => {
    const shown = await cohort('preview', plan, 'assistant', '--from', people);
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(shown.out.match(/^✓ 00\d+ {2}place \d+ of 28 by hash$/gm)).toHaveLength(12);
    expect(shown.out).toContain('place 13 of 28 by hash, after the 12 that are taken');
    expect(shown.out).toContain('12 of 60 picked');
    const all = lines(await cohort('preview', plan, 'assistant', '--from', people, '--json'));
    expect(all).toHaveLength(60);
    expect(all.find(({ subject }) => subject === '001')).toMatchObject({ reason: "is not in segment 'invited'" });
  });

  it('freezes them with who and why, lets no second list in, and lets single people join and leave [CO-16]', async () => {
    const started = await theseus('run', plan, '--detach', ...server());
    expect(started.err).toBe('');
    const because = ['--reason', 'the beta of May', '--as', 'ana'];
    const frozen = await cohort('freeze', plan, 'assistant', '--from', people, '--json', ...because, ...server());
    expect(frozen.err).toBe('');
    const members = pickedOf(frozen).map(({ subject }) => subject);
    const list = async () => {
      const [listed] = lines(await theseus('flags', 'overrides', 'assistant', '--json', ...server()));
      return listed?.['overrides'] as readonly { subject: string; arm: string; reason: string; by: string }[];
    };
    expect((await list()).map(({ subject }) => subject)).toEqual(members);
    expect((await list())[0]).toMatchObject({
      arm: 'candidate',
      by: 'ana',
      reason: 'the beta of May (places 1 to 12 of 28 by hash)',
    });
    const again = await cohort('freeze', plan, 'assistant', '--from', people, ...because, ...server());
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('the cohort of assistant is frozen') });
    await theseus('flags', 'clear', 'assistant', String(members[0]), ...because, ...server());
    await theseus('flags', 'allow', 'assistant', 'a-friend', ...because, ...server());
    expect((await list()).map(({ subject }) => subject)).toEqual([...members.slice(1), 'a-friend']);
  });

  it.each([
    ['search', "no flag 'search' with a cohort: those that have one: assistant"],
    ['toString', "no flag 'toString' with a cohort"],
  ])('says what %s lacks', async (flag, text) => {
    const ended = await cohort('preview', plan, flag, '--from', people);
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(text) });
  });

  it('says what is wrong with the list', async () => {
    const other = join(system.folder, 'other.csv');
    await writeFile(other, 'user,age\n1,2\n');
    const ended = await cohort('preview', plan, 'assistant', '--from', other);
    expect(ended.err).toContain("has no column 'userId', which the plan buckets; it has: user, age");
    const missing = await cohort('preview', plan, 'assistant', '--from', join(system.folder, 'gone.csv'));
    expect(missing.err).toContain('there is no such file');
  });
});
