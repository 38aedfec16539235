import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunView } from '@theseus/core/rollout';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestSystem, until } from '../../../server/test-support/test-system.ts';
import { type Ended, lines, theseus } from '../../test-support/command-line.ts';

const PLAN = `plan: moving
cohort: userId
signals: { errors: { telemetry: error-rate }, complaints: { reported: true, unit: percent } }
gates: { standard: { every: 30s, rules: [ errors > 5%: rollback now ] } }
flags: { cache: {}, search: {} }
people: { ana: [lead] }
channels: { log: { console: true } }
messages: { told: The provider is down }
windows: { quiet: daily UTC }
contingencies:
  provider-is-down:
    do: [ { notify: log, message: told }, { rollback: cache } ]
phases:
  - phase: one
    steps:
      - { ramp: cache, gate: standard, through: [10%, 50%, 100%], soak: 1h, approve: { from: 100%, by: [lead] } }
      - point: before-search
      - { ramp: search, gate: standard, through: [10%, 100%], soak: 1h, window: quiet }
  - phase: two
    steps: [ { wait: 1h }, { notify: log, message: told, name: goodbye } ]
environments:
  staging: { risks: {} }
  production: { after: staging }
`;

let system: TestSystem;
let file = '';

beforeAll(async () => {
  system = await TestSystem.begin();
  file = join(system.folder, 'plan.yaml');
  await writeFile(file, PLAN);
}, 60_000);

afterEach(async () => {
  await cli('resume', '--all', '--reason', 'the test is over');
  const { runs } = (await system.call<{ runs: RunView[] }>('GET', '/api/v1/runs')).body;
  const isExposed = ({ flags }: RunView): boolean => flags.some(({ exposurePercent }) => exposurePercent > 0);
  for (const run of runs) if (run.status !== 'finished' || isExposed(run)) await cli('abort', run.runId);
  // A run gives its flags back once it is known that nobody serves the candidate.
  for (const { runId } of runs)
    await until(async () => (await system.view(runId)).flags.every((flag) => flag.confirmed));
});

afterAll(() => system?.end());

const cli = (...args: readonly string[]): Promise<Ended> =>
  theseus(...args, '--url', system.url, '--token', system.tokens.operator);
const because = ['--reason', 'a test', '--as', 'ana'];

async function begin(...more: readonly string[]): Promise<string> {
  const started = await cli('run', file, '--env', 'staging', '--detach', '--json', ...more);
  const run = lines(started).findLast(({ kind }) => kind === 'run' || kind === 'started');
  return String((run?.['run'] as RunView | undefined)?.runId ?? run?.['runId']);
}

const flag = async (runId: string, key: string) => (await system.view(runId)).flags.find((known) => known.key === key);

describe('theseus hold and release', () => {
  it('keep a step where it is until a person lets it go, and say so once [ALL-8]', async () => {
    const runId = await begin();
    const held = await cli('hold', runId, '--step', 'one/cache', ...because);
    expect(held).toMatchObject({ code: 0, err: '' });
    expect(held.out).toContain('one/cache held (person)');
    expect(held.out).toContain(`To end it: theseus release ${runId} --step one/cache`);
    expect((await cli('hold', runId, '--step', 'one/cache', ...because)).out).toContain('nothing to do');
    expect((await cli('release', runId, ...because)).out).toContain('one/cache goes on');
    const [event] = await system.eventsOf(runId, 'step.held');
    expect(event).toMatchObject({ actor: { kind: 'person', name: 'ana' }, reason: 'a test', hold: 'person' });
  });

  it('say which steps there are to choose from, with exit code 1', async () => {
    const runId = await begin();
    const wrong = await cli('hold', runId, '--step', 'one/cahce', ...because);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('what can be held: one/cache [not-found]') });
    const loose = await cli('release', runId, ...because);
    expect(loose).toMatchObject({ code: 1, err: expect.stringContaining('no step is held by a person') });
  });
});

describe('theseus promote', () => {
  it('--to-end goes as far as people have agreed, and to the end when they have [ALL-8]', async () => {
    const runId = await begin();
    expect((await cli('promote', runId, ...because)).out).toContain('cache 10 % → 50 %');
    const asked = await cli('promote', runId, '--to-end', ...because);
    expect(asked.out).toContain('one/cache asks: Raise cache to 100 %?');
    expect((await flag(runId, 'cache'))?.exposurePercent).toBe(50);
    expect(await cli('approve', runId, '--as', 'eve', '--reason', 'why not')).toMatchObject({ code: 1 });
    await cli('approve', runId, ...because);
    const ended = await cli('promote', runId, '--to-end', ...because);
    expect(ended.out).toContain('one/cache completed');
    expect((await flag(runId, 'cache'))?.exposurePercent).toBe(100);
  });
});

describe('theseus skip, cancel and retry', () => {
  it('leave a step out, end a run as it stands, and begin again from a step [ALL-8]', async () => {
    const runId = await begin();
    const half = await cli('cancel', runId, ...because);
    expect(half).toMatchObject({ code: 1, err: expect.stringContaining('cache would be left half-way') });
    await cli('rollback', runId, '--flag', 'cache', ...because);
    await until(async () => (await system.view(runId)).rollbacks[0]?.status === 'completed');
    expect((await cli('skip', runId, '--step', 'one/search', ...because)).code).toBe(1);
    await cli('rollback', runId, '--flag', 'search', ...because);
    await until(async () => (await system.view(runId)).phases[1]?.status === 'running');
    expect((await cli('skip', runId, '--step', 'two/goodbye', ...because)).out).toContain('two/goodbye skipped');
    const again = await cli('retry', runId, '--step', 'one/cache', '--and-after', ...because);
    expect(again.out).toContain('begins again: one/cache, one/point, one/search');
    expect((await flag(runId, 'cache'))?.exposurePercent).toBe(10);
  });

  it('cancel what nobody is on, which cannot be taken up again', async () => {
    const runId = await begin();
    await cli('pause', runId, ...because);
    await cli('rollback', runId, '--flag', 'cache', ...because);
    await until(async () => (await system.view(runId)).rollbacks[0]?.status === 'completed');
    expect((await cli('cancel', runId, ...because)).out).toContain('run finished: cancelled');
    const late = await cli('retry', runId, '--step', 'one/cache', '--and-after', ...because);
    expect(late).toMatchObject({ code: 1, err: expect.stringContaining('the run has ended (cancelled)') });
    expect((await cli('status', runId)).code).toBe(1);
  });
});

describe('theseus trigger', () => {
  it('lets a contingency act: its message goes out, and its flag goes back [QA-11]', async () => {
    const runId = await begin();
    const fired = await cli('trigger', 'provider-is-down', runId, ...because);
    expect(fired).toMatchObject({ code: 0, out: expect.stringContaining('contingency provider-is-down acts') });
    await until(async () => (await flag(runId, 'cache'))?.status === 'rolled-back');
    await until(async () => (await system.view(runId)).contingencies[0]?.status === 'done');
    expect(await system.eventsOf(runId, 'contingency.fired')).toMatchObject([{ actor: { name: 'ana' } }]);
  });

  it('names the contingencies there are', async () => {
    const runId = await begin();
    const wrong = await cli('trigger', 'provider', runId, ...because);
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('there are: provider-is-down') });
    expect((await cli('trigger', 'provider-is-down', runId)).code).toBe(2);
  });
});

describe('theseus rollback --to', () => {
  it('takes back what came after the point, and leaves what came before [QA-5]', async () => {
    const runId = await begin();
    const early = await cli('rollback', runId, '--to', 'before-search', ...because);
    expect(early).toMatchObject({ code: 1, err: expect.stringContaining('has not passed the point') });
    await cli('promote', runId, ...because);
    await cli('promote', runId, ...because);
    await cli('approve', runId, ...because);
    await cli('promote', runId, '--to-end', ...because);
    const back = await cli('rollback', runId, '--to', 'before-search', '--over', '5m', ...because);
    expect(back.out).toContain('rollback-1 of point before-search initiated over 5m');
    expect((await flag(runId, 'cache'))?.exposurePercent).toBe(100);
    expect((await flag(runId, 'search'))?.exposurePercent).toBe(8);
  });
});

describe('theseus pause --all and resume --all', () => {
  it('stop and let go every run, and tell how many and by whom [CO-15]', async () => {
    const runId = await begin();
    expect((await cli('pause', '--all')).code).toBe(2);
    const paused = await cli('pause', '--all', ...because);
    expect(paused).toMatchObject({ code: 0, out: 'The whole system is paused by ana: a test (1 unfinished run).\n' });
    expect((await cli('status', runId)).out).toContain('The whole system is paused');
    expect(await cli('resume', runId, ...because)).toMatchObject({ code: 1, err: expect.stringContaining('--all') });
    const resumed = await cli('resume', '--all', '--json', ...because);
    expect(lines(resumed)).toEqual([{ kind: 'system', paused: false, pause: null, runs: [runId] }]);
    expect((await system.view(runId)).status).toBe('running');
  });
});

describe('--env', () => {
  it('chooses where a plan runs, is asked for where there is a choice, and keeps the order of environments [CO-8]', async () => {
    const open = await cli('run', file, '--detach');
    expect([open.code, `${open.out}${open.err}`]).toEqual([2, expect.stringContaining('staging')]);
    const unknown = await cli('run', file, '--env', 'stagign', '--detach');
    expect([unknown.code, `${unknown.out}${unknown.err}`]).toEqual([
      2,
      expect.stringContaining("did you mean 'staging'"),
    ]);
    const early = await cli('run', file, '--env', 'production', '--detach');
    expect(early).toMatchObject({ code: 1, err: expect.stringContaining('staging') });
    const runId = await begin();
    expect((await system.view(runId)).environment).toBe('staging');
    expect((await cli('status', '--all')).out).toContain(`${runId}  staging  running`);
    const elsewhere = await cli('signal', 'complaints', '3', '--env', 'production', '--json');
    expect(lines(elsewhere)).toEqual([{ kind: 'reported', name: 'complaints', value: 3, usedBy: [] }]);
  });
});

describe('every action', () => {
  it('prints NDJSON with --json: what happened, then the run', async () => {
    const runId = await begin();
    const paused = lines(await cli('pause', runId, '--json', ...because));
    expect(paused).toMatchObject([
      { kind: 'event', type: 'run.paused', reason: 'a test' },
      { kind: 'run', run: { runId, status: 'paused' } },
    ]);
  });

  it('is refused when the run has moved on since --revision, except a rollback', async () => {
    const runId = await begin();
    const stale = await cli('hold', runId, '--revision', '1', ...because);
    expect(stale).toMatchObject({ code: 1, err: expect.stringContaining('[stale-revision]') });
    expect((await cli('rollback', runId, '--flag', 'cache', '--revision', '1')).code).toBe(0);
    expect((await flag(runId, 'cache'))?.exposurePercent).toBe(0);
  });
});

describe('the command that a wait shows', () => {
  const shown = async (runId: string, ...start: readonly string[]): Promise<readonly string[]> => {
    const commands = (await system.view(runId)).waits.flatMap(({ command }) => command ?? []);
    const found = commands.find((command) => command.startsWith(['theseus', ...start].join(' ')));
    if (found === undefined) throw new Error(`no ${start.join(' ')} among ${commands.join('; ')}`);
    return found.split(' ').slice(1);
  };

  it.each<[string, (runId: string) => Promise<unknown>]>([
    ['release', (runId) => cli('hold', runId, ...because)],
    ['resume', (runId) => cli('pause', runId, ...because)],
    ['resume --all', () => cli('pause', '--all', ...because)],
    ['promote', () => Promise.resolve()],
    ['rollback', (runId) => cli('rollback', runId, '--flag', 'cache', '--over', '1h', ...because)],
    ['rollback', (runId) => cli('rollback', runId, '--phase', 'one', '--over', '1h', ...because)],
    ['rollback', (runId) => cli('rollback', runId, '--plan', '--over', '1h', ...because)],
    ['rollback', (runId) => toThePoint(runId)],
    ['approve', (runId) => toTheQuestion(runId)],
  ])('can be typed as it stands: %s [ALL-6]', async (verb, prepare) => {
    const runId = await begin();
    await prepare(runId);
    const before = (await system.view(runId)).revision;
    const ended = await cli(...(await shown(runId, ...verb.split(' '))), ...because);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect((await system.view(runId)).revision).toBeGreaterThan(before);
  });
});

async function toTheQuestion(runId: string): Promise<void> {
  await cli('promote', runId, '--to-end', ...because);
}

async function toThePoint(runId: string): Promise<void> {
  await toTheQuestion(runId);
  await cli('approve', runId, ...because);
  await cli('promote', runId, '--to-end', ...because);
  await cli('rollback', runId, '--to', 'before-search', '--over', '1h', ...because);
}
