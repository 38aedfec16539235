import { genesisHash, type RecordedEvent, type RolloutEvent, recordEvent, viewOf } from '@theseus/core/rollout';
import { describe, expect, it } from 'vitest';
import { common, phase, plan, ramp, undoBy } from '../../../core/test-support/given-plan.ts';
import { RolloutWorld } from '../../../core/test-support/rollout-world.ts';
import { baselineView } from '../../test-support/run-view.ts';
import { renderReport } from './report.ts';

const repeatable = { argv: ['node', 'migrate.mjs'], repeatable: true };

/** A run in which people agree, a gate holds and fails, a rollback cannot take back everything, and a message goes out. */
function eventful(): RolloutWorld {
  const steps = [
    {
      ...common('one/schema', { undo: undoBy('node', 'revert.mjs'), budgetMs: 60_000 }),
      kind: 'run',
      command: repeatable,
      captures: [],
    },
    { ...common('one/go'), kind: 'approve', by: [{ role: 'lead', count: 1 }], question: 'Move | the cache?' },
    { ...common('one/tell'), kind: 'notify', channel: 'team', message: 'begun' },
    ramp('one', 'cache', { soakMs: 60_000, verify: [] }),
  ] as const;
  const world = new RolloutWorld(
    plan(
      [
        phase('one', steps),
        phase('two', [{ ...common('two/rest'), kind: 'wait', until: { kind: 'duration', durationMs: 1 } }], ['one']),
      ],
      {
        title: 'The cache moves',
        people: { ana: { name: 'ana', roles: ['lead'] } },
        channels: { team: { kind: 'console', name: 'team' } },
        messages: { begun: 'It begins' },
      },
    ),
  );
  world.finishEffects();
  world.now += 5_000;
  world.command({ verb: 'approve' });
  world.finishEffects({ summary: 'told\nthe team' });
  world.confirm();
  world.live(70_000);
  world.confirm();
  world.live(40_000, { errors: { status: 'no-data', value: null } });
  world.live(10_000);
  world.command({ verb: 'rollback', scope: 'plan', overMs: 0 });
  world.confirm();
  world.finishEffects({ outcome: 'failed', summary: 'exit code 1' });
  return world;
}

function recorded(events: readonly RolloutEvent[]): readonly RecordedEvent[] {
  let hash = genesisHash('run-1');
  return events.map((event, index) => {
    const link = recordEvent('run-1', index + 1, hash, event);
    hash = link.hash;
    return link;
  });
}

const reportOf = ({ state, watches, now }: RolloutWorld, log: readonly RecordedEvent[]): string =>
  renderReport(viewOf(state, watches, now), log);

describe('renderReport()', () => {
  it('tells a whole run from its outcome to its last event', async () => {
    const world = eventful();
    const report = reportOf(world, recorded(world.events)).replace(/sha256:[0-9a-f]{64}/, 'sha256:<the last link>');
    await expect(report).toMatchFileSnapshot('report.golden.md');
  });

  it('says where the record was tampered with', () => {
    const world = eventful();
    const log = recorded(world.events).map((link) =>
      link.seq === 3 ? { ...link, event: { ...link.event, reason: 'another' } } : link,
    );
    expect(reportOf(world, log)).toContain('**The chain is broken at event 3');
  });

  it('tells what was usual before anything moved, over what time, by how much and from where [QA-2] [CO-13]', () => {
    const world = eventful();
    const view = viewOf(world.state, world.watches, world.now);
    const shape = { covered: 160, of: 168, weeks: 4 };
    const baselines = [
      baselineView({ flag: 'cache', shape }),
      baselineView({ signal: 'queue', query: 'sum(a | b)', sample: null, noShape: 'http signals have no history' }),
      baselineView({ signal: 'old', unit: null, over: null, sample: null, source: null, value: 0.4 }),
    ];
    const [, section] = renderReport({ ...view, baselines }, recorded(world.events)).split('## Baselines');
    expect(section?.split('## ')[0]?.trim().split('\n').slice(2)).toEqual([
      '| cache | latency | 150 ms | 2026-04-06 00:00:00 to 2026-05-04 00:00:00 UTC | 1200 requests | by hour of the week (160 of 168 known from 4 weeks) | telemetry |',
      '|  | queue | 150 ms | 2026-04-06 00:00:00 to 2026-05-04 00:00:00 UTC |  | the same at every hour: http signals have no history | telemetry `sum(a \\| b)` |',
      '|  | old | 0.4 |  |  | not asked for |  |',
    ]);
    expect(renderReport(view, recorded(world.events))).not.toContain('## Baselines');
  });

  it('keeps its tables whole whatever people write', () => {
    const world = eventful();
    const rows = reportOf(world, recorded(world.events))
      .split('\n')
      .filter((line) => line.startsWith('|'));
    for (const row of rows) expect(row.replaceAll('\\|', '').endsWith('|')).toBe(true);
  });
});
