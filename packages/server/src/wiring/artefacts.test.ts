import type { Step } from '@theseus/core/plan';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan, undoBy } from '../../../core/test-support/given-plan.ts';
import { noting, TestSystem, until } from '../../test-support/test-system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await TestSystem.begin();
}, 60_000);

afterAll(() => system?.end());

/** A command that prints a line and is taken back by one that notes what it was given. */
const printing = (id: string, line: string, name: string, pattern: string): Step => ({
  ...common(id),
  kind: 'run',
  command: { argv: ['node', '-e', 'console.log(process.argv[1])', line], repeatable: false },
  captures: [{ name, pattern }],
  undo: undoBy(...noting(`took back \${{ ${name} }}`).argv),
});

describe('artefacts of a launch', () => {
  it('come from what commands print, and reach the commands that take it back, the last first [QA-4]', async () => {
    const runId = await system.run(
      plan([
        phase('one', [
          printing('one/tag', 'tagged v1.2.3 at 4fa09c', 'tag', 'tagged (\\S+)'),
          printing('one/backup', 'dump saved as b-42; rm -rf $HOME', 'backup_id', 'saved as (.*)'),
          { ...common('one/rest'), kind: 'wait', until: { kind: 'duration', durationMs: 3_600_000 } },
        ]),
      ]),
    );
    await until(async () => (await system.view(runId)).phases[0]?.steps[2]?.status === 'running');
    await system.command(runId, { verb: 'rollback', scope: 'plan' });
    await until(async () => (await system.view(runId)).outcome === 'rolled-back');
    // No shell ever reads them: what a command printed stays one argument, whatever it holds.
    expect(await system.notes()).toEqual(['took back b-42; rm -rf $HOME', 'took back v1.2.3']);
    const [rollback] = (await system.view(runId)).rollbacks;
    expect(rollback?.parts.map(({ name, status }) => [name, status])).toEqual([
      ['exposure', 'done'],
      ['one/backup', 'done'],
      ['one/tag', 'done'],
    ]);
  });

  it('hold the plan where the output has none, and say what was looked for [QA-4]', async () => {
    const runId = await system.run(plan([phase('one', [printing('one/tag', 'nothing', 'tag', 'tagged (\\S+)')])]));
    await until(async () => (await system.view(runId)).phases[0]?.steps[0]?.hold !== null);
    expect((await system.view(runId)).phases[0]?.steps[0]?.hold).toMatchObject({
      reason: 'command-failed',
      text: expect.stringContaining("matches 'tagged (\\S+)', so 'tag' is not known"),
    });
    await system.command(runId, { verb: 'abort' });
  });
});
