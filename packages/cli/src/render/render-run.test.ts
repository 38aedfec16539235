import { describe, expect, it } from 'vitest';
import { baselineView, movePhase, runView, stepView } from '../../test-support/run-view.ts';
import { renderRun } from './render-run.ts';

const soaking = runView({
  phases: movePhase(
    stepView({
      health: [
        {
          flag: 'search',
          gate: 'standard',
          verdict: 'warn',
          at: 80_000,
          soakedMs: 60_000,
          soakMs: 600_000,
          explanation: { headline: 'all rules keep', lines: [] },
          rules: [
            {
              rule: 'errors > 5%',
              signal: 'errors',
              verdict: 'pass',
              value: 1.25,
              threshold: 5,
              sample: 900,
              legacy: null,
              heldMs: 0,
              text: '',
            },
            {
              rule: 'latency > 90ms',
              signal: 'latency',
              verdict: 'warn',
              value: 95,
              threshold: 90,
              sample: 900,
              legacy: null,
              heldMs: 0,
              text: 'slow',
            },
          ],
        },
      ],
    }),
  ),
  waits: [
    {
      stepId: 'move/search',
      on: 'time',
      text: 'search soaks at 10 %: 1m of 10m healthy.',
      until: 630_000,
      endedBy: 'time, while it stays healthy',
      command: 'theseus promote night-20260504-1a2b3c --step move/search',
    },
  ],
});

const held = runView({
  phases: movePhase(
    stepView({ hold: { reason: 'no-evidence', text: 'errors: no SDK has reported traffic', since: 0 } }),
  ),
  waits: [
    {
      stepId: 'move/search',
      on: 'health',
      text: 'search is held because nobody can tell whether it is healthy.',
      until: null,
      endedBy: 'fresh data, or an operator',
      command: 'theseus promote night-20260504-1a2b3c --step move/search',
    },
  ],
});

const asking = runView({
  phases: movePhase(
    stepView({
      id: 'move/go',
      title: 'approve',
      kind: 'approve',
      ramp: null,
      approval: { id: 'a', question: 'Shall we go?', given: ['ana'], missing: '1 of release', requestedAt: 0 },
    }),
  ),
  waits: [
    {
      stepId: 'move/go',
      on: 'person',
      text: 'Shall we go? Waits for 1 of release (ana agreed).',
      until: null,
      endedBy: '1 of release',
      command: 'theseus approve night-20260504-1a2b3c --step move/go',
    },
  ],
});

const rollingBack = runView({
  rollbacks: [
    {
      id: 'rollback-1',
      scope: 'flag',
      target: 'search',
      reason: 'errors 8 breaks errors > 5%',
      status: 'running',
      outcome: null,
      parts: [],
      flags: ['search'],
      initiatedAt: 80_000,
      durationMs: null,
      budgetMs: 120_000,
      withinBudget: null,
      verification: [],
      failure: null,
    },
  ],
  waits: [
    {
      stepId: null,
      on: 'instances',
      text: 'rollback-1 waits for every instance to serve legacy.',
      until: null,
      endedBy: 'the instances',
      command: null,
    },
  ],
});

const partial = runView({
  status: 'finished',
  outcome: 'partial',
  endedAt: 90_000,
  rollbacks: [
    {
      id: 'rollback-1',
      scope: 'flag',
      target: 'search',
      reason: 'errors',
      status: 'completed',
      outcome: 'restored',
      parts: [
        {
          kind: 'exposure',
          name: 'exposure',
          status: 'done',
          durationMs: 200,
          budgetMs: 100,
          text: 'search: every instance serves legacy',
        },
      ],
      flags: ['search'],
      initiatedAt: 0,
      durationMs: 200,
      budgetMs: 100,
      withinBudget: false,
      verification: ['search: every instance serves legacy'],
      failure: null,
    },
  ],
});

const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
const squeeze = (lines: readonly string[]): string =>
  lines.join(' ').replaceAll(' \\ ', ' ').replace(ANSI, '').replace(/\s+/g, ' ');
const cases = Object.entries({ soaking, held, asking, rollingBack, partial });

describe('renderRun()', () => {
  it.each(cases)('shows a run that is %s', (_name, view) => {
    expect(renderRun(view, { width: 100, color: false }).join('\n')).toMatchSnapshot();
  });

  it.each(cases)('fits %s into 60 columns and leaves nothing out [ALL-6]', (_name, view) => {
    const narrow = renderRun(view, { width: 60, color: false });
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(60);
    expect(squeeze(narrow)).toBe(squeeze(renderRun(view, { width: 400, color: false })));
  });

  it.each(cases)('says the same of %s without colour [ALL-6]', (_name, view) => {
    const colored = renderRun(view, { width: 60, color: true });
    expect(colored.join('')).toMatch(ANSI);
    expect(squeeze(colored)).toBe(squeeze(renderRun(view, { width: 60, color: false })));
  });

  it('says of every wait what it is for, who ends it and with which command [ALL-6]', () => {
    for (const view of [soaking, held, asking, rollingBack]) {
      const shown = squeeze(renderRun(view, { width: 60, color: false }));
      for (const wait of view.waits) {
        expect(shown).toContain(wait.text);
        expect(shown).toContain(`Ended by ${wait.endedBy}.`);
        if (wait.command !== null) expect(shown).toContain(`${wait.command} --reason '…'`);
      }
    }
  });

  it('lets no text of a plan or a person move the cursor or begin a line', () => {
    const lines = renderRun(
      { ...soaking, title: 'Search\u001b[2J\nfinished: succeeded' },
      { width: 120, color: false },
    );
    expect(lines[0]).toContain('Search [2J finished: succeeded');
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });

  it('names the environment of a run that is not in the default one [CO-8]', () => {
    const shown = (environment: string) => renderRun(runView({ environment }), { width: 100, color: false }).join('\n');
    expect(shown('staging')).toContain('night-20260504-1a2b3c  in staging  revision 12');
    expect(shown('default')).toContain('night-20260504-1a2b3c  revision 12');
  });

  it('gives up steps before it gives up a wait where the screen is low [ALL-6]', () => {
    const steps = Array.from({ length: 40 }, (_, index) => stepView({ id: `move/${index}`, title: `step ${index}` }));
    const lines = renderRun({ ...held, phases: movePhase(...steps) }, { width: 80, height: 15, color: false });
    expect(lines.length).toBeLessThanOrEqual(15);
    expect(squeeze(lines)).toContain('Ended by fresh data, or an operator.');
    expect(squeeze(lines)).toMatch(/… \d+ more lines/);
  });

  it('keeps a command whole for the shell when it must be broken', () => {
    const lines = renderRun(asking, { width: 60, color: false });
    const at = lines.findIndex((line) => line.includes('theseus approve'));
    expect(lines[at]).toMatch(/ \\$/);
    expect(lines[at + 1]).toContain('--reason');
  });
});

describe('a rule that the judge answers', () => {
  const rule = (verdict: 'pass' | 'warn' | 'inconclusive' | 'fail', text: string) => ({
    rule: 'worse than legacy',
    signal: '*',
    verdict,
    value: 0.5,
    threshold: null,
    sample: 1_200,
    legacy: 0.4,
    heldMs: 0,
    text,
    evidence: 0.84,
    required: 20,
  });
  const shown = (verdict: Parameters<typeof rule>[0], color: boolean): string => {
    const health = {
      flag: 'search',
      gate: 'standard',
      verdict,
      at: 0,
      soakedMs: 0,
      soakMs: 600_000,
      explanation: { headline: '', lines: [] },
      rules: [rule(verdict, 'needs about 3h more')],
    };
    const view = runView({ phases: movePhase(stepView({ health: [health] })) });
    return renderRun(view, { width: 200, color }).find((line) => line.includes('worse than legacy')) ?? '';
  };

  it('shows its evidence against what is enough, and what is lacking [CO-13]', () => {
    expect(shown('pass', false)).toContain('✓ worse than legacy  evidence 0.84 of 20  n=1200  needs about 3h more');
  });

  it.each([
    ['pass', 32],
    ['warn', 33],
    ['inconclusive', 33],
    ['fail', 31],
  ] as const)('is coloured by its verdict: %s [QA-6]', (verdict, code) => {
    expect(shown(verdict, true)).toContain(`\u001b[${code}m`);
  });
});

describe('what is usual', () => {
  const shape = { covered: 160, of: 168, weeks: 4 };
  const baselines = [baselineView({ flag: 'search', shape }), baselineView({ signal: 'queue', sample: null })];

  it('is shown with the time it was learnt from, its sample and its hours of the week [QA-2]', () => {
    const lines = renderRun(runView({ baselines }), { width: 200, color: false });
    expect(lines.filter((line) => line.startsWith('≈'))).toEqual([
      '≈ usual search: latency 150 ms over 4w, 1200 requests, by hour of the week (160 of 168 known from 4 weeks)',
      '≈ usual queue 150 ms over 4w',
    ]);
  });

  it('of many flags is left to the report, and goes first where there is no room', () => {
    const many = runView({ baselines: Array.from({ length: 9 }, () => baselineView()), phases: movePhase(stepView()) });
    const whole = renderRun(many, { width: 200, color: false });
    expect(whole.at(-1)).toBe("≈ 3 more in 'theseus report'");
    const small = renderRun(many, { width: 200, height: 6, color: false });
    expect(small.some((line) => line.startsWith('≈'))).toBe(false);
    expect(small.some((line) => line.includes('search'))).toBe(true);
  });
});
