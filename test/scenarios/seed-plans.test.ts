import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { lines, theseus } from '../../packages/cli/test-support/command-line.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

const fileOf = (name: string): string => fileURLToPath(new URL(`../../examples/plans/${name}.yaml`, import.meta.url));

interface Played {
  readonly code: unknown;
  readonly summary: Readonly<Record<string, unknown>>;
  /** When each step began, epoch milliseconds. */
  readonly startOf: ReadonlyMap<string, number>;
  readonly events: readonly Readonly<Record<string, unknown>>[];
}

async function play(name: string, start: string, ...more: readonly string[]): Promise<Played> {
  const ended = await theseus('simulate', fileOf(name), '--start', start, '--json', ...more);
  const printed = lines(ended);
  const steps = printed.filter(({ kind }) => kind === 'step');
  return {
    code: ended.code,
    summary: printed.at(-1) ?? {},
    startOf: new Map(steps.map(({ id, startAt }) => [String(id), Number(startAt)])),
    events: printed.filter(({ kind }) => kind === 'event'),
  };
}

const ofType = ({ events }: Played, type: string) => events.filter((event) => event['type'] === type);

describe('plans of real rollouts', () => {
  it.each([
    ['cv-review', 1],
    ['xcodereviewer', 2],
    ['careeros', 2],
  ])('%s is checked without a complaint in each of its environments [ALL-1]', async (name, environments) => {
    const { code, out } = await theseus('check', fileOf(name));
    expect(code).toBe(0);
    expect(out.match(/0 errors, 0 warnings/g)).toHaveLength(environments);
  });
});

describe('the launch of cv-review', () => {
  const T = Date.parse('2026-03-02T09:00:00-08:00');
  const EARLY = '2026-02-27T16:00:00Z';

  it('keeps its timeline from a day before to two hours after, and ends with the freeze lifted [QA-3, QA-13, ALL-2]', async () => {
    const played = await play('cv-review', EARLY);
    expect(played).toMatchObject({ code: 0, summary: { outcome: 'succeeded' } });
    const minutes = (id: string): number => Math.round(((played.startOf.get(id) ?? 0) - T) / 60_000);
    const timeline = ['preflight/database', 'prepare/notify', 'database/notify', 'database/tell', 'code/tell'];
    expect(timeline.map(minutes)).toEqual([-24 * 60, -30, 0, 15, 25]);
    expect(['verification/tell', 'verification/tell-end'].map(minutes)).toEqual([55, 120]);
    expect(ofType(played, 'freeze.lifted')).toMatchObject([{ stepId: 'prepare/freeze', lifted: true }]);
    expect(ofType(played, 'contingency.fired')).toEqual([]);
    expect(Number(played.summary['endedAt']) - T).toBeGreaterThanOrEqual(48 * HOUR);
  });

  it('goes back to before the code was deployed when it is red, and only as far [QA-5, QA-8, QA-9]', async () => {
    const played = await play('cv-review', EARLY, '--what-if', 'errors=12% at 3d1h35m');
    expect(played).toMatchObject({ code: 1, summary: { outcome: 'partial' } });
    expect(ofType(played, 'rollback.initiated')).toMatchObject([{ scope: 'point', target: 'code-not-deployed' }]);
    expect(ofType(played, 'step.rolled-back').map(({ stepId }) => stepId)).toContain('code/deploy');
    expect(ofType(played, 'step.rolled-back').map(({ stepId }) => stepId)).not.toContain('database/migrate');
  });

  it('takes the flag off when only the new page fails, and tightens a time-out when it is slow [QA-11]', async () => {
    const slow = await play('cv-review', EARLY, '--what-if', 'slowest=80000ms at 3d1h45m for 5m');
    expect(ofType(slow, 'contingency.fired').map(({ name }) => name)).toEqual(['slow']);
    expect(slow.summary).toMatchObject({ outcome: 'succeeded' });
    const corrupt = await play('cv-review', EARLY, '--what-if', 'broken-rows=2 at 3d1h40m');
    expect(ofType(corrupt, 'contingency.fired').map(({ name }) => name)).toEqual(['corrupt-data']);
    expect(corrupt.summary).toMatchObject({ flags: [{ key: 'cv-review', exposurePercent: 0 }] });
  });
});

describe('the move of xcodereviewer', () => {
  const START = '2026-03-02T08:00:00Z';
  const STAGES: readonly (readonly [percent: number, soakMs: number])[] = [
    [0, 7 * DAY],
    [10, 7 * DAY],
    [25, 2 * DAY],
    [50, 3 * DAY],
    [75, 2 * DAY],
    [100, 7 * DAY],
  ];

  it('watches staging for 48 hours, and then production for five weeks, each exposure for its own time [XR-2, ALL-2]', async () => {
    const staging = await play('xcodereviewer', START, '--env', 'staging');
    expect(staging.code).toBe(0);
    expect(Number(staging.summary['endedAt']) - Date.parse(START)).toBeGreaterThanOrEqual(2 * DAY);
    const production = await play('xcodereviewer', START, '--env', 'production');
    expect(production.code).toBe(0);
    const moves = ofType(production, 'flag.exposure-changed');
    expect(moves.map(({ to }) => Number(to) / 1_000)).toEqual(STAGES.map(([percent]) => percent));
    const [ended] = ofType(production, 'step.completed').filter(({ stepId }) => stepId === 'expansion/use-backend-api');
    const moments = [...moves, ended].map((event) => Number(event?.['at']));
    for (const [index, [, soakMs]] of STAGES.entries()) {
      expect((moments[index + 1] ?? 0) - (moments[index] ?? 0)).toBeGreaterThanOrEqual(soakMs);
    }
    expect(ofType(production, 'step.held')).toEqual([]);
  });

  it('steps down over five minutes when it is slow, and at once when it fails [XR-4, XR-6]', async () => {
    const slow = await play('xcodereviewer', START, '--env', 'production', '--what-if', 'latency=900ms at 2w');
    const down = ofType(slow, 'flag.exposure-changed').map(({ to }) => Number(to) / 1_000);
    expect(down.slice(-5)).toEqual([8, 6, 4, 2, 0]);
    const failing = await play('xcodereviewer', START, '--env', 'production', '--what-if', 'errors=6% at 2w');
    expect(ofType(failing, 'flag.exposure-changed').at(-1)).toMatchObject({ from: 10_000, to: 0 });
  });

  it('takes all of it back in order when data is lost, and scales down only after that [XR-5]', async () => {
    const lost = await play('xcodereviewer', START, '--env', 'production', '--what-if', 'data-loss=1 at 2w');
    expect(lost.summary).toMatchObject({ outcome: 'rolled-back' });
    const parts = ofType(lost, 'rollback.part-ended').map(({ part }) => part as { kind: string; name: string });
    expect(parts.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'exposure exposure',
      'undo deploy/enable',
      'undo deploy/release',
      'undo deploy/migrate',
      'verify 1',
      'after 1',
      'after 2',
      'after 3',
    ]);
  });
});

describe('the eight weeks of careeros', () => {
  const START = '2026-03-02T07:00:00Z';
  const WEEK = 7 * DAY;

  it('deploy in a low-traffic window and open each flag in its week, newcomers first [CO-8, ALL-2]', async () => {
    const played = await play('careeros', START, '--env', 'production');
    expect(played).toMatchObject({ code: 0, summary: { outcome: 'succeeded' } });
    const weekOf = (id: string): number => ((played.startOf.get(id) ?? 0) - Date.parse('2026-03-02T08:00:00Z')) / WEEK;
    const begun = ['foundation/postgres', 'core-ux/new-approval-ui', 'infrastructure/check', 'beta/watch'].map(weekOf);
    expect(begun.map((week) => Math.round(week * 10) / 10)).toEqual([0, 2, 6, 7]);
    for (const id of ['deploy', 'schema', 'one-user', 'all-users']) {
      const moment = new Date(played.startOf.get(`foundation/${id}`) ?? 0);
      expect([moment.getUTCHours() >= 2 && moment.getUTCHours() < 5, [2, 3, 4].includes(moment.getUTCDay())]).toEqual([
        true,
        true,
      ]);
    }
    const first = ofType(played, 'flag.exposure-changed').filter(({ flag }) => flag === 'new-approval-ui');
    expect(first.map(({ to }) => Number(to) / 1_000)).toEqual([0, 20, 50, 100]);
  });

  it('are played in staging within a day, in compressed time [CO-8]', async () => {
    const staging = ['--env', 'staging', '--compress', '56'];
    const { code, summary } = await play('careeros', '2026-02-23T07:59:00Z', ...staging);
    expect(code).toBe(0);
    expect(Number(summary['endedAt']) - Number(summary['startedAt'])).toBeLessThan(DAY + HOUR);
  });

  it('take a page back for a P0 bug, and with it what requires it, and nothing else [CO-10]', async () => {
    const bug = await play('careeros', START, '--env', 'production', '--what-if', 'p0-bugs[new-landing]=1 at 33d');
    const [rollback] = ofType(bug, 'rollback.initiated');
    expect(rollback).toMatchObject({ target: 'new-landing', scope: 'flag' });
    const off = (bug.summary['flags'] as { key: string; exposurePercent: number }[]).filter(
      (f) => f.exposurePercent === 0,
    );
    expect(off.map(({ key }) => key)).toEqual(['new-landing', 'quantum-dashboard', 'quantum-settings']);
  });
});
