import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PLAYED_RUNS } from '../../test-support/played-runs.ts';
import type { RolloutWorld } from '../../test-support/rollout-world.ts';
import { usualAt } from '../health/index.ts';
import type { EventType } from './event.ts';
import { replay } from './evolve.ts';
import { findBrokenLink, genesisHash, recordEvent } from './hash-chain.ts';
import type { RecordedEvent } from './recorded-event.ts';
import type { RolloutState } from './state.ts';
import type { RunView } from './view.ts';
import { viewOf } from './view-of.ts';
import { baselineOf } from './watch-targets.ts';

const FOLDER = new URL('../../test-support/recorded-runs/', import.meta.url);
const NOBODY_WATCHES = new Map();

interface Recording {
  readonly events: readonly RecordedEvent[];
  /** How the run stood after its last event; the plan is in the events. */
  readonly state: Omit<RolloutState, 'plan'>;
  readonly view: RunView;
}

function record(world: RolloutWorld): Recording {
  const events: RecordedEvent[] = [];
  for (const event of world.events) {
    const { runId } = world.state;
    events.push(recordEvent(runId, events.length + 1, events.at(-1)?.hash ?? genesisHash(runId), event));
  }
  const { plan: _plan, ...state } = world.state;
  return { events, state, view: viewOf(world.state, NOBODY_WATCHES, world.now) };
}

/** One event a line, then how it ended: a difference shows as the line it is in. */
function written({ events, state, view }: Recording): string {
  return `${[...events, { state }, { view }].map((line) => JSON.stringify(line)).join('\n')}\n`;
}

function read(file: string): Recording {
  const lines = readFileSync(new URL(file, FOLDER), 'utf8').trimEnd().split('\n');
  const parsed = lines.map((line) => JSON.parse(line) as unknown);
  const [{ state }, { view }] = parsed.slice(-2) as [Pick<Recording, 'state'>, Pick<Recording, 'view'>];
  return { events: parsed.slice(0, -2) as RecordedEvent[], state, view };
}

const recordings = (): readonly string[] =>
  existsSync(FOLDER)
    ? readdirSync(FOLDER, { recursive: true })
        .map((file) => String(file).replaceAll('\\', '/'))
        .filter((file) => file.endsWith('.ndjson'))
        .sort()
    : [];

// A recording is never written again: what a version once wrote, it wrote.
const version = process.env['RECORD_RUNS_AS'];
if (version !== undefined) {
  mkdirSync(new URL(`${version}/`, FOLDER), { recursive: true });
  for (const [name, play] of Object.entries(PLAYED_RUNS)) {
    const file = new URL(`${version}/${name}.ndjson`, FOLDER);
    if (!existsSync(file)) writeFileSync(file, written(record(play())));
  }
}

/** What each version may add to is the inside of a value; which steps, flags and effects there are is as it was. */
const MAPS = ['phases', 'steps', 'flags', 'effects', 'captures', 'baselines', 'freezes', 'contingencies'] as const;

describe('a run that an earlier version recorded', () => {
  it('is there to be read, of every run that is played', () => {
    const names = new Set(recordings().map((file) => file.replace(/^.*\/|\.ndjson$/g, '')));
    expect([...names].sort()).toEqual(Object.keys(PLAYED_RUNS).sort());
  });

  it.each(recordings())('%s is whole, and folds to the state and the view it had [ALL-3, ALL-5]', (file) => {
    const { events, state, view } = read(file);
    expect(findBrokenLink(events)).toBeNull();
    const now = replay(events.map(({ event }) => event));
    if (now === null) throw new Error(`${file} holds no event`);
    expect(now).toMatchObject(state);
    for (const map of MAPS) expect(Object.keys(now[map]).sort()).toEqual(Object.keys(state[map]).sort());
    expect(JSON.parse(JSON.stringify(viewOf(now, NOBODY_WATCHES, view.now)))).toMatchObject(view);
  });

  it('has a plain number for each baseline, which is shown and compared with as it was [CV-12]', () => {
    const { events } = read('0.1.0/steered.ndjson');
    const now = replay(events.map(({ event }) => event));
    if (now === null) throw new Error('the recording holds no event');
    expect(usualAt(baselineOf(now, 'cache')['errors'], 1)).toEqual({ value: 0.4, when: null });
    expect(viewOf(now, NOBODY_WATCHES, 1).baselines).toMatchObject([
      { flag: 'cache', signal: 'errors', value: 0.4, unit: null, over: null, shape: null, usual: { value: 0.4 } },
    ]);
  });

  it('shows whatever is changed, left out, put in or moved in it [ALL-5]', () => {
    const { events } = read(recordings()[0] ?? '');
    const [first, second, third, ...rest] = events as [RecordedEvent, RecordedEvent, RecordedEvent];
    const another = { ...second, event: { ...second.event, reason: 'nothing happened' } };
    const relinked = recordEvent(second.runId, 2, first.hash, another.event);
    for (const [forged, seq] of [
      [[first, another, third, ...rest], 2],
      [[first, { ...second, event: { ...second.event, at: second.event.at + 1 } }, third, ...rest], 2],
      [[first, { ...second, event: { ...second.event, actor: { kind: 'person', name: 'eve' } } }, third, ...rest], 2],
      [[first, relinked, third, ...rest], 3],
      [[first, third, ...rest], 2],
      [[first, first, second, third, ...rest], 2],
      [[first, third, second, ...rest], 2],
    ] as const) {
      expect(findBrokenLink(forged)?.seq).toBe(seq);
    }
  });
});

describe('the runs that are recorded', () => {
  const played = Object.values(PLAYED_RUNS).map((play) => play());

  it('are the same whenever they are played, and replay to what they led to', () => {
    for (const [index, play] of Object.values(PLAYED_RUNS).entries()) {
      expect(play().events).toEqual(played[index]?.events);
      expect(replay(played[index]?.events ?? [])).toEqual(played[index]?.state);
    }
  });

  it('meet every kind of event that there is', () => {
    const every: Readonly<Record<EventType, true>> = {
      'run.started': true,
      'run.paused': true,
      'run.resumed': true,
      'run.finished': true,
      'steps.reset': true,
      'plan.edited': true,
      'phase.started': true,
      'phase.finished': true,
      'step.started': true,
      'step.held': true,
      'step.released': true,
      'step.completed': true,
      'step.skipped': true,
      'step.rolled-back': true,
      'step.warned': true,
      'watch.soaked': true,
      'effect.requested': true,
      'effect.finished': true,
      'flag.exposure-changed': true,
      'flag.exposure-confirmed': true,
      'flag.stage-changed': true,
      'flag.fallback-changed': true,
      'flag.overridden': true,
      'flag.retired': true,
      'flag.unretired': true,
      'approval.requested': true,
      'approval.given': true,
      'approval.rejected': true,
      'rollback.initiated': true,
      'rollback.part-ended': true,
      'rollback.overran': true,
      'rollback.completed': true,
      'rollback.failed': true,
      'freeze.lifted': true,
      'contingency.fired': true,
      'contingency.advanced': true,
      'contingency.ended': true,
    };
    const met = new Set(played.flatMap(({ events }) => events.map(({ type }) => type)));
    expect([...met].sort()).toEqual(Object.keys(every).sort());
  });
});
