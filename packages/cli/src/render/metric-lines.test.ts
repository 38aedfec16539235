import { describe, expect, it } from 'vitest';
import { metricView } from '../../test-support/metric-view.ts';
import { runView } from '../../test-support/run-view.ts';
import { explainRun } from './explain-run.ts';
import { metricLines } from './metric-lines.ts';
import { renderReport } from './report.ts';

const flag = { key: 'reply', status: 'ramping', exposurePercent: 50, confirmed: true, requires: [] } as const;

describe('metricLines()', () => {
  it('says what each variant reached, with its interval and how sure that is [CO-7]', () => {
    expect(metricLines(metricView([300, 400, 310]))).toEqual([
      'reply, response-rate (goal replied, higher is better), against legacy:',
      '  short: better, 40 % of 1000 users, on legacy 30 %, a difference of +2.87 points to +17.1 points (95 % sure at every look)',
      '  long: no difference shown, 31 % of 1000 users, on legacy 30 %, a difference of -5.92 points to +7.92 points (95 % sure at every look); about 110000 more users would show a difference of this size',
    ]);
  });

  it('says how many more users it takes where there are too few', () => {
    expect(metricLines(metricView([3, 4, 5], [40, 40, 40]))[1]).toBe(
      '  short: needs data, 10 % of 40 users, on legacy 7.5 %; about 210 more users are needed',
    );
  });

  it('refuses a result with its reason, and shows who was exposed all the same [CO-7]', () => {
    const lines = metricLines(metricView([300, 300, 300], [2_000, 1_000, 1_000]));
    expect(lines[0]).toMatch(/no result, the users are not divided as they should be/);
    expect(lines[1]).toBe('  legacy: 300 of 2000 users reached it');
  });
});

describe('metrics of a run', () => {
  const metrics = [metricView([300, 400, 310])];

  it('stand in its report and in what explains it [CO-7]', () => {
    const view = runView({ flags: [{ ...flag, metrics }] });
    expect(renderReport(view, [])).toContain('## Metrics\n\n- reply, response-rate');
    expect(renderReport(view, [])).toContain('\n  - short: better, 40 % of 1000 users');
    expect(explainRun(view).lines.join('\n')).toContain('short: better');
    expect(explainRun(view).metrics).toEqual(metrics);
  });

  it('stand in its report for earlier exposures as well, with the moment they ended [CO-7]', () => {
    const past = { ...metricView([300, 310, 310]), exposurePercent: 10, endedAt: 90_000 };
    const report = renderReport(runView({ flags: [{ ...flag, metrics, pastMetrics: [past] }] }), []);
    expect(report).toContain('- reply at 10 %, until 1970-01-01 00:01:30 UTC, response-rate');
    expect(report.indexOf('reply at 10 %')).toBeLessThan(report.indexOf('- reply, response-rate'));
  });

  it('are left out where nothing is measured', () => {
    const view = runView({ flags: [flag] });
    expect(renderReport(view, [])).not.toContain('Metrics');
    expect(explainRun(view)).toEqual({ judged: [], metrics: [], lines: [] });
  });
});
