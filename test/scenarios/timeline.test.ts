import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { common, phase, plan } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer } from '../test-support/running-server.ts';

const WEEK = 7 * 86_400_000;

let theseus: RunningServer;

beforeAll(async () => {
  theseus = await runningServer();
});

afterAll(() => theseus?.stop());

describe('the timeline of a run', () => {
  it('is there from the start: eight weeks of steps, each with when it is planned [CO-14]', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `week-${index + 1}`);
    const weeks = names.map((name, index) =>
      phase(
        name,
        [{ ...common(`${name}/work`), kind: 'wait', until: { kind: 'duration', durationMs: WEEK } }],
        names.slice(Math.max(0, index - 1), index),
      ),
    );
    const runId = await theseus.begin(plan(weeks));
    const { phases, startedAt } = await theseus.view(runId);
    const planned = phases.flatMap(({ steps }) => steps.map((step) => step.planned));
    expect(planned).toHaveLength(8);
    for (const [index, moment] of planned.entries()) {
      // The forecast is made a moment before the run begins.
      const offMs = Math.abs((moment?.startAt ?? 0) - (startedAt + index * WEEK));
      expect(offMs).toBeLessThan(60_000);
      expect((moment?.endAt ?? 0) - (moment?.startAt ?? 0)).toBe(WEEK);
    }
    expect(phases.map(({ steps }) => steps[0]?.startedAt !== null)).toEqual([true, ...Array(7).fill(false)]);
    await theseus.command(runId, { verb: 'promote' });
    const [first, second] = (await theseus.view(runId)).phases;
    expect(first?.steps[0]?.endedAt).toBeLessThan(startedAt + WEEK);
    expect(second?.steps[0]).toMatchObject({ timeliness: 'early', status: 'running' });
    await theseus.command(runId, { verb: 'cancel' });
  });
});
