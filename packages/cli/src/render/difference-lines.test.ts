import { describe, expect, it } from 'vitest';
import type { DifferenceReport } from '../api-client/api-client.ts';
import { differenceLines } from './difference-lines.ts';

const NOTHING = { compared: 0, equal: 0, different: 0, dropped: 0, timedOut: 0, shadowFailed: 0, since: null };

const report = (totals: object, paths: DifferenceReport['paths'] = []): DifferenceReport => ({
  flag: 'cache',
  environment: 'default',
  totals: { ...NOTHING, ...totals },
  paths,
});

const path = (name: string, count: number, sample: string): DifferenceReport['paths'][number] => ({
  path: name,
  kind: 'changed',
  count,
  samples: [{ legacy: sample, candidate: 'number' }],
  firstAt: 1,
  lastAt: 2,
});

describe('differenceLines()', () => {
  it('shows how often both sides agree, and each place where they do not with a sample [CV-14]', () => {
    const totals = { compared: 2_000, equal: 1_990, different: 10, timedOut: 3, dropped: 1, since: 1 };
    expect(differenceLines(report(totals, [path('$.price', 8, 'string(4)'), path('$.a', 2, 'null')]))).toEqual([
      'cache: of 2000 compared reads 1990 agreed (99.5 %), 10 differed',
      '  not compared: 3 timed out, 1 were dropped',
      '',
      'path     kind     count  share  legacy -> candidate',
      '$.price  changed  8      0.4 %  string(4) -> number',
      '$.a      changed  2      0.1 %  null -> number',
    ]);
  });

  it('never rounds one difference among many to none', () => {
    const [line] = differenceLines(report({ compared: 1_000_000, equal: 999_999, different: 1, since: 1 }));
    expect(line).toContain('> 99.99 %');
  });

  it('says that nothing was compared rather than that all agree', () => {
    expect(differenceLines(report({}))).toEqual(['cache: no read was compared yet']);
    expect(differenceLines(report({ timedOut: 2, since: 1 }))[0]).toContain('none yet');
  });

  it('lets no sample move the cursor, and cuts long ones off', () => {
    const control = String.fromCharCode(27);
    const lines = differenceLines(
      report({ compared: 1, different: 1, since: 1 }, [path('$.a', 1, `${control}[2J${'x'.repeat(90)}`)]),
    );
    expect(lines.join('\n')).not.toContain(control);
    expect(lines.at(-1)).toMatch(/…$/);
  });
});
