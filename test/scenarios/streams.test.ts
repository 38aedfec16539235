import type { FlagDocument, FlagPatch } from '@theseus/core/flag';
import type { RecordedEvent, RunView } from '@theseus/core/rollout';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { phase, plan, ramp } from '../../packages/core/test-support/given-plan.ts';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

let theseus: RunningServer;

beforeAll(async () => {
  theseus = await runningServer();
});

afterAll(() => theseus?.stop());

/** Everybody on the candidate until a person says otherwise. */
const exposing = (flag: string) =>
  plan([phase('one', [ramp('one', flag, { through: [100_000], soakMs: 3_600_000 })])], { name: `move-${flag}` });

/** Starts it, and waits until the server answers from it: that comes a moment after the run is stored. */
async function expose(flag: string): Promise<string> {
  const run = await theseus.begin(exposing(flag));
  await until(async () => {
    const { body } = await theseus.call('GET', '/api/v1/flags');
    return (body as FlagDocument).flags[flag]?.exposure === 100_000;
  });
  return run;
}

const back = (flag: string) => ({ verb: 'rollback', scope: 'flag', target: flag, overMs: 0 });

describe('the flag stream', () => {
  it('says everything once, and then only what changes, which together is everything again', async () => {
    const first = await expose('first');
    const stream = await theseus.open<FlagDocument & FlagPatch>('/api/v1/flags/stream');
    await until(() => stream.events.length > 0);
    expect(stream.events[0]).toMatchObject({ event: 'put', data: { flags: { first: { exposure: 100_000 } } } });

    await theseus.begin(exposing('second'));
    // Changes that come close together may be told together.
    await until(() => stream.events.some(({ data }) => data.flags?.['second']?.exposure === 100_000));
    await theseus.command(first, back('first'));
    await until(() => stream.events.some(({ data }) => data.flags?.['first']?.exposure === 0));
    const patches = stream.events.slice(1);
    for (const { event } of patches) expect(event).toBe('patch');
    expect(Object.keys(patches.at(-1)?.data.flags ?? {})).toEqual(['first']);
    await stream.close();
    const versions = stream.events.map(({ data }) => data.version);
    expect(patches.map(({ data }) => data.from)).toEqual(versions.slice(0, -1));
    const told = Object.assign({}, ...stream.events.map(({ data }) => data.flags));
    const { body } = await theseus.call('GET', '/api/v1/flags');
    expect(body).toMatchObject({ version: versions.at(-1), flags: told });
  });
});

describe('the stream of one flag for one subject', () => {
  it('speaks when the answer changes, and of no other flag [CO-2]', async () => {
    const run = await expose('watched');
    const stream = await theseus.open<{ enabled: boolean }>('/api/feature-flags/watched?userId=ada');
    await theseus.begin(exposing('unwatched'));
    await theseus.command(run, back('watched'));
    await until(() => stream.events.some(({ data }) => !data.enabled));
    expect(stream.events.map(({ event, data }) => [event, data.enabled])).toEqual([
      ['flag', true],
      ['flag', false],
    ]);
    await stream.close();
  });
});

describe('the stream of a run', () => {
  type Said = RecordedEvent & RunView;

  const numbers = (stream: { readonly events: readonly { readonly event: string; readonly id: string | null }[] }) =>
    stream.events.flatMap(({ event, id }) => (event === 'event' ? [Number(id)] : []));

  it('goes on after the last event that was seen: none is lost, none comes twice [ALL-3]', async () => {
    const run = await theseus.begin(exposing('resumed'));
    const path = `/api/v1/runs/${run}/stream`;
    const before = await theseus.open<Said>(path, { as: 'operator' });
    await until(() => before.events.some(({ event }) => event === 'view'));
    await before.close();
    const seen = numbers(before);

    await theseus.command(run, { verb: 'pause' });
    await theseus.command(run, back('resumed'));
    await until(async () => (await theseus.view(run)).rollbacks.every(({ status }) => status === 'completed'));
    const headers = { 'last-event-id': String(seen.at(-1)) };
    const after = await theseus.open<Said>(path, { as: 'operator', headers });
    const { revision } = await theseus.view(run);
    await until(() => after.events.some(({ event, data }) => event === 'view' && data.revision >= revision));
    await after.close();
    const all = [...seen, ...numbers(after)];
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => index + 1));
    expect(all.length).toBeGreaterThanOrEqual(revision);
  });

  it('sends each view after exactly the events that led to it', async () => {
    const run = await theseus.begin(exposing('viewed'));
    const stream = await theseus.open<Said>(`/api/v1/runs/${run}/stream`, { as: 'operator' });
    for (const verb of ['pause', 'resume', 'pause', 'resume']) await theseus.command(run, { verb });
    const { revision } = await theseus.view(run);
    await until(() => stream.events.some(({ event, data }) => event === 'view' && data.revision >= revision));
    await stream.close();
    let last = 0;
    for (const { event, id, data } of stream.events) {
      if (event === 'view') expect(data.revision).toBe(last);
      else last = Number(id);
    }
  });
});
