import { describe, expect, it } from 'vitest';
import { parsePlan } from './parse-plan.ts';

const planWith = (signal: string, rule = 'watched > 5') => `
plan: watching
cohort: userId
signals:
  watched: ${signal}
gates:
  standard:
    rules:
      - ${rule}: rollback now
flags:
  cache: {}
phases:
  - phase: one
    steps:
      - ramp: cache
        gate: standard
        through: [10%, 100%]
        soak: 10m
`;

const read = (signal: string, rule?: string) => parsePlan(planWith(signal, rule), { file: 'plan.yaml' });

describe('readSignal()', () => {
  it('reads PromQL, with the legacy arm and the sample where they are given [XR-3]', () => {
    const { plan, diagnostics } = read(
      `{ prometheus: 'a', legacy: 'b', sample: 'c', at: 'http://prom:9090', unit: ratio, freshFor: 5s }`,
      'watched > legacy + 1 points',
    );
    expect(diagnostics).toEqual([]);
    expect(plan?.signals['watched']).toEqual({
      name: 'watched',
      source: { kind: 'prometheus', query: 'a', legacy: 'b', sample: 'c', url: 'http://prom:9090', scale: 100 },
      unit: 'percent',
      overMs: 60_000,
      freshForMs: 5_000,
    });
  });

  it('reads SQL and alerts [CO-10]', () => {
    expect(
      read("{ sql: 'select count(*) from bugs', database: '${{ env.BUGS }}' }").plan?.signals['watched'],
    ).toMatchObject({
      source: { kind: 'sql', query: 'select count(*) from bugs', database: '${{ env.BUGS }}', scale: 1 },
      unit: 'count',
    });
    expect(read('{ alert: ErrorsHigh, labels: { team: search } }').plan?.signals['watched']).toMatchObject({
      source: { kind: 'alert', alert: 'ErrorsHigh', labels: { team: 'search' } },
      freshForMs: 900_000,
    });
  });

  it.each<[string, string, string, RegExp, string?]>([
    ['an address that is none', '{ prometheus: up, at: prom }', 'invalid-url', /write http/],
    [
      'a placeholder that nothing fills',
      '{ prometheus: \'up{f="${{ falg }}"}\' }',
      'unknown-placeholder',
      /did you mean 'flag'/,
    ],
    [
      'a secret in a query',
      '{ prometheus: \'up{t="${{ env.TOKEN }}"}\' }',
      'secret-place',
      /addresses of channels, sources and databases/,
    ],
    ['a database that is none', "{ sql: 'select 1', database: mysql://db/x }", 'invalid-url', /postgres:\/\//],
    ['SQL without a database', "{ sql: 'select 1' }", 'missing-key', /database/],
    ['an unknown unit', '{ prometheus: up, unit: ratoi }', 'invalid-value', /ratio/],
    ['a misspelt source', '{ promtheus: up }', 'unknown-source', /did you mean 'prometheus'/],
    [
      'legacy without a query for it',
      '{ prometheus: up }',
      'invalid-bound',
      /give the signal a 'legacy' query/,
      'watched > legacy + 1',
    ],
    [
      'legacy of SQL',
      "{ sql: 'select 1', database: 'postgres://db/x' }",
      'invalid-bound',
      /do not know arms/,
      'watched > 2x legacy',
    ],
  ])('refuses %s, and says how to mend it [ALL-1]', (_name, signal, code, mend, rule) => {
    const { plan, diagnostics } = read(signal, rule);
    expect(plan).toBeNull();
    const found = diagnostics.find((diagnostic) => diagnostic.code === code);
    expect(found, JSON.stringify(diagnostics)).toBeDefined();
    expect(`${found?.message} ${found?.mend}`).toMatch(mend);
  });

  it('warns of a quotient that is taken for percent, which would look 100 times better or worse than it is', () => {
    const warned = read("{ prometheus: 'sum(rate(ok[1m])) / sum(rate(all[1m]))', unit: percent }", 'watched < 95%');
    expect(warned.plan).not.toBeNull();
    expect(warned.diagnostics).toMatchObject([
      { severity: 'warning', code: 'looks-like-a-ratio', mend: expect.stringContaining('unit: ratio') },
    ]);
    expect(read("{ prometheus: '100 * a / b', unit: percent }", 'watched < 95%').diagnostics).toEqual([]);
    expect(read("{ prometheus: 'a / b', unit: ratio }", 'watched < 95%').diagnostics).toEqual([]);
  });
});
