import { stripVTControlCharacters } from 'node:util';
import { type Plan, parsePlan } from '@theseus/core/plan';
import { foresee, parseWhatIf } from '@theseus/core/simulate';
import { describe, expect, it } from 'vitest';
import { visibleLength } from '../render/text-width.ts';
import { renderForesightText } from './foresight-text.ts';

const LONG = 'a-flag-whose-name-goes-on-and-on-until-no-table-has-room-for-it';
const SOURCE = {
  plan: 'moving',
  title: 'Moving',
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  people: { ana: ['tech-lead'] },
  channels: { team: { console: true } },
  messages: { done: `Two\nlines \u001b[2J\u001b[31m${'and many words '.repeat(20)}` },
  flags: { cache: {}, [LONG]: {} },
  phases: [
    {
      phase: 'one',
      steps: [
        { ramp: 'cache', gate: 'standard', through: ['1%', '100%'], soak: '1h' },
        { ramp: LONG, gate: 'standard', through: ['100%'], soak: '1h' },
        { approve: 'Go on?', by: ['tech-lead'] },
        { notify: 'team', message: 'done' },
        { run: 'node x', irreversible: true, mitigation: 'a dump is kept' },
      ],
    },
  ],
};

function linesOf(faults: readonly string[], options: { readonly color?: boolean; readonly all?: boolean } = {}) {
  const { plan, diagnostics } = parsePlan(JSON.stringify(SOURCE), { file: 'plan.yaml' });
  expect(diagnostics).toEqual([]);
  const foresight = foresee(plan as Plan, {
    startAt: Date.parse('2026-03-02T09:00:00Z'),
    whatIf: faults.flatMap((fault) => parseWhatIf(fault, plan as Plan)),
    approvalDelayMs: 600_000,
    seed: 1,
    load: { users: 10_000, requestsPerUserMinute: 1 },
  });
  const findings = foresight.findings.map((finding) => ({ ...finding, place: 'plan.yaml:9', line: 9 }));
  const report = { foresight, file: 'plan.yaml', findings, whatIf: faults, seed: 1 };
  return renderForesightText(report, { color: false, all: false, width: 80, ...options });
}

describe('renderForesightText()', () => {
  it('begins with outcome, end, worst case and problems', () => {
    expect(linesOf([]).slice(0, 5)).toEqual([
      '✓ succeeded: ends Mon 2026-03-02 12:11 UTC, after 3h 11m',
      '  Worst case  10\u00a0000 users for 30s: 5\u00a0033 user-minutes (cache at 100\u00a0%, errors >',
      '              5%: rollback now)',
      '  Problems    none found',
      '  Asks for    1 approval, 1 message, 1 step without a way back',
    ]);
  });

  it.each([
    ['nothing', []],
    ['a rollback', ['errors=8% at 90m']],
    ['silence', ['errors=silent at 10m']],
    ['a failure', ['effect[run]=unknown']],
  ])('stays within 80 columns and moves no cursor when there is %s to tell', (_what, faults) => {
    for (const all of [true, false]) {
      const lines = linesOf(faults, { all });
      expect(lines.filter((line) => visibleLength(line) > 80)).toEqual([]);
      expect(lines.filter((line) => /\p{Cc}/u.test(line))).toEqual([]);
    }
  });

  it('says since when it is stuck and on what, and what goes wrong, before anything else', () => {
    const lines = linesOf(['errors=silent at 10m']);
    expect(lines[0]).toBe('✗ unfinished: stands still since Mon 2026-03-02 09:40 UTC, after 40m');
    expect(lines[1]).toMatch(/^ {2}Stuck {7}cache was taken back because nobody could/);
    expect(lines.join('\n')).toMatch(/What goes wrong\n {2}\+11m 30s +Mon 09:11 {2}one\/cache held/);
    expect(lines.join('\n')).toMatch(/\+40m +Mon 09:40 {2}one\/cache held \(blind\)/);
  });

  it('shows each problem with its place and its mend', () => {
    const text = linesOf(['errors=8% at 90m and instances=slow 5m']).join('\n');
    expect(text).toMatch(/ ✗ plan\.yaml:9 rollback-1 of flag cache takes/);
    expect(text).toContain('    → ');
  });

  it('shows stages and events only when all is asked for', () => {
    expect(linesOf([]).join('\n')).toContain('ramp cache 1→100\u00a0%');
    expect(linesOf([]).join('\n')).not.toContain('Every event');
    const all = linesOf([], { all: true }).join('\n');
    expect(all).toMatch(/Mon 2026-03-02 10:00 +1h +1\u00a0%|Mon 2026-03-02 09:00 +1h +1\u00a0%/);
    expect(all).toContain('run finished: succeeded');
  });

  it('colours only where it may', () => {
    const colored = linesOf(['errors=8% at 90m'], { color: true });
    expect(colored[0]).toContain('\u001b[31m✗');
    expect(colored.map(stripVTControlCharacters)).toEqual(linesOf(['errors=8% at 90m']));
  });
});
