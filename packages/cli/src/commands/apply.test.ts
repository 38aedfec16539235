import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunView } from '@theseus/core/rollout';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: moving
cohort: userId
variables: { rest: 1h }
people: { ana: [lead], ben: [lead] }
channels: { log: { console: true } }
messages: { told: It begins }
environments:
  staging: { variables: { rest: 2h } }
phases:
  - phase: one
    steps:
      - point: begun
      - approve: Go?
        by: [2 of lead]
      - wait: '\${{ vars.rest }}'
`;

let system: TestSystem;
let runId = '';

beforeAll(async () => {
  system = await TestSystem.begin();
}, 60_000);

afterEach(() => cli('abort', runId));

afterAll(() => system?.end());

const cli = (...args: readonly string[]): Promise<Ended> =>
  theseus(...args, '--url', system.url, '--token', system.tokens.operator);
const because = ['--reason', 'a test', '--as', 'ana'];

async function written(text: string): Promise<string> {
  const file = join(system.folder, 'plan.yaml');
  await writeFile(file, text);
  return file;
}

/** A run in staging, where one of the two who are asked has agreed. */
async function begin(): Promise<void> {
  await cli('run', await written(PLAN), '--env', 'staging', '--detach');
  runId = (await system.view('latest')).runId;
  await cli('approve', runId, ...because);
}

const applied = async (text: string, ...more: readonly string[]): Promise<Ended> =>
  cli('apply', await written(text), runId, ...more);

const CHANGED = PLAN.replace('approve: Go?', 'approve: Really?')
  .replace("- wait: '${{ vars.rest }}'", '- notify: log\n        message: told')
  .replace('plan: moving', 'plan: moving\ntitle: On the move');

const view = (): Promise<RunView> => system.view(runId);

describe('theseus apply', () => {
  it('--dry-run shows each step it touches, what else differs, and whose approval it voids; and changes nothing', async () => {
    await begin();
    const before = (await view()).revision;
    const { code, out, err } = await applied(CHANGED, '--dry-run');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')).toEqual([
      '  + one/notify',
      '  ~ one/approve',
      '  - one/wait',
      '  ~ title',
      '  ! one/approve: its approval is asked for anew',
      'Nothing was changed.',
      '',
    ]);
    expect((await view()).revision).toBe(before);
  });

  it('replaces the plan in the environment of the run, and asks anew', async () => {
    await begin();
    const done = await applied(CHANGED, ...because);
    expect(done).toMatchObject({ code: 0, out: expect.stringContaining(`${runId} goes on by the new plan.`) });
    expect(await view()).toMatchObject({ title: 'On the move', environment: 'staging' });
    expect((await view()).phases[0]?.steps[1]?.approval).toMatchObject({ question: 'Really?', given: [] });
    expect((await applied(CHANGED, ...because)).out).toContain('goes by this plan already');
    const [edited] = await system.eventsOf(runId, 'plan.edited');
    expect(edited).toMatchObject({ actor: { name: 'ana' }, reason: 'a test', voided: ['one/approve'] });
  });

  it('fills in the variables of that environment, and those that are set', async () => {
    await begin();
    expect((await applied(PLAN, '--dry-run')).out).toBe('Nothing was changed.\n');
    expect((await applied(PLAN, '--dry-run', '--set', 'rest=3h')).out).toContain('  ~ one/wait\n');
  });

  it('tells every reason why the past cannot be changed, with exit code 2, tried or not', async () => {
    await begin();
    const past = PLAN.replace('- point: begun', '- point: started').replace('cohort: userId', 'cohort: teamId');
    const tried = await applied(past, '--dry-run');
    expect(tried.code).toBe(2);
    const reasons = tried.err.split('\n').filter((line) => line.startsWith('  ✗ '));
    expect(reasons).toEqual([
      "  ✗ its cohort is 'userId' and stays so (start a new run for 'teamId')",
      '  ✗ one/point is over (completed): what it did cannot be changed',
    ]);
    const refused = await applied(past, ...because);
    expect(refused.code).toBe(2);
    for (const reason of reasons) expect(refused.err).toContain(reason.slice(4));
    expect(refused.err).toContain('[invalid-plan]');
  });

  it('tells a plan that is not valid line by line, with exit code 2, and sends nothing', async () => {
    await begin();
    const { code, out, err } = await applied(PLAN.replace('2 of lead', '2 of laed'), ...because);
    expect([code, `${out}${err}`]).toEqual([
      2,
      expect.stringMatching(/plan\.yaml:14:\d+ error: .*did you mean 'lead'/),
    ]);
    expect(await system.eventsOf(runId, 'plan.edited')).toEqual([]);
  });

  it('is refused with exit code 1 when the run has moved on, and when it has ended', async () => {
    await begin();
    for (const more of [['--dry-run'], because]) {
      const stale = await applied(CHANGED, '--revision', '1', ...more);
      expect(stale).toMatchObject({ code: 1, err: expect.stringContaining('[stale-revision]') });
    }
    await cli('abort', runId);
    const late = await applied(CHANGED, '--dry-run');
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('the run has ended (aborted)') });
  });

  it('wants a reason for what it changes, and none for a trial', async () => {
    await begin();
    expect(await applied(CHANGED)).toMatchObject({ code: 2, err: expect.stringContaining("add --reason 'why'") });
  });

  it('prints one line of NDJSON with --json', async () => {
    await begin();
    const edit = {
      refusals: [],
      added: ['one/notify'],
      removed: ['one/wait'],
      changed: ['one/approve'],
      voided: ['one/approve'],
      parts: ['title'],
    };
    expect(lines(await applied(CHANGED, '--dry-run', '--json'))).toEqual([{ kind: 'edit-preview', runId, edit }]);
    expect(lines(await applied(CHANGED, '--json', ...because))).toEqual([{ kind: 'edited', runId, edit }]);
  });
});
