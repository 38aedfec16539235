import { type Plan, parsePlan } from '@theseus/core/plan';
import { foresee, parseWhatIf } from '@theseus/core/simulate';
import { describe, expect, it } from 'vitest';
import { renderForesightPage } from './foresight-page.ts';
import type { ForesightReport } from './foresight-report.ts';

const EVIL = '"><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>\'';

/** Every text of a plan that is free, written as JSON since YAML is a superset of it. */
const SOURCE = {
  plan: 'evil',
  title: `title ${EVIL}`,
  cohort: 'userId',
  signals: { errors: { telemetry: 'error-rate' } },
  gates: { standard: { rules: [{ 'errors > 5%': 'rollback now' }] } },
  people: { ana: ['tech-lead'] },
  channels: { team: { webhook: 'https://hooks.example/T000/secret' } },
  messages: { done: `message ${EVIL} {{ phase.title }} {{ plan.title }}` },
  flags: { cache: {} },
  phases: [
    {
      phase: 'one',
      title: `phase ${EVIL}`,
      steps: [
        { run: ['node', EVIL], title: `run ${EVIL}`, mitigation: `mitigation ${EVIL}` },
        { ramp: 'cache', gate: 'standard', title: `ramp ${EVIL}`, through: ['0.1%', '100%'], soak: '1h' },
        { approve: `question ${EVIL}`, by: ['tech-lead'], title: `approve ${EVIL}` },
        { notify: 'team', message: 'done', title: `notify ${EVIL}` },
        { run: 'node x', name: 'last', title: `last ${EVIL}`, irreversible: true, mitigation: EVIL },
      ],
    },
  ],
};

function reportOf(source: unknown, faults: readonly string[] = []): ForesightReport {
  const { plan, diagnostics } = parsePlan(JSON.stringify(source), { file: 'plan.yaml' });
  expect(diagnostics).toEqual([]);
  const foresight = foresee(plan as Plan, {
    startAt: Date.parse('2026-03-07T09:00:00Z'),
    whatIf: faults.flatMap((fault) => parseWhatIf(fault, plan as Plan)),
    approvalDelayMs: 600_000,
    seed: 1,
    load: { users: 10_000, requestsPerUserMinute: 1 },
  });
  const file = `plan ${EVIL}.yaml`;
  const findings = foresight.findings.map((finding) => ({ ...finding, place: `${file}:1`, line: 1 }));
  return { foresight, file, findings, whatIf: [...faults, EVIL], seed: 1 };
}

const TAG = /<\/?([a-z][a-z0-9]*)((?:\s+[a-z][a-z0-9-]*(?:="[^"<>]*")?)*)\s*\/?>/gi;

/** Every `<` of the page that begins no tag of ours. */
function strayTags(page: string): readonly string[] {
  const rest = page
    .replace(/^<!doctype html>/, '')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(TAG, '');
  return rest.match(/[<>][^<>]{0,40}/g) ?? [];
}

describe('renderForesightPage()', () => {
  const page = renderForesightPage(reportOf(SOURCE));

  it('brings in no markup from a plan, wherever its author wrote some', () => {
    for (const part of ['title', 'phase', 'run', 'ramp', 'approve', 'notify', 'question', 'message', 'mitigation']) {
      expect(page).toContain(`${part} &quot;&gt;&lt;script&gt;`);
    }
    expect(page).not.toMatch(/<script|<img/i);
    expect(strayTags(page)).toEqual([]);
    const names = [...page.matchAll(TAG)].flatMap(
      ([, , written = '']) => written.replace(/"[^"]*"/g, '').match(/[\w-]+/g) ?? [],
    );
    expect(names.filter((name) => /^(?:on.*|src|href|style|action)$/i.test(name))).toEqual([]);
  });

  it('needs nothing beside itself, and shows no secret of an address', () => {
    expect(page.replaceAll('//evil.example', '')).not.toMatch(/@import|url\(|(?:src|href)="|https?:\/\//);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toContain('T000/secret');
  });

  it('holds what people look for, drawings included', () => {
    for (const title of [
      'Problems',
      'Timeline',
      'Exposure',
      'If it breaks',
      'Approvals',
      'Messages',
      'Cannot be taken back',
    ]) {
      expect(page).toContain(`<h2>${title}</h2>`);
    }
    expect(page).not.toContain('What goes wrong');
    expect(page.match(/<svg class="bar"/g)).toHaveLength(6);
    expect(page.match(/<svg class="ramp"/g)).toHaveLength(1);
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('tells what goes wrong when something does', () => {
    const broken = renderForesightPage(reportOf(SOURCE, ['errors=8% at 10m', 'effect[last]=fail']));
    expect(broken).toContain('<h2>What goes wrong</h2>');
    expect(broken).toContain('rollback-1 of flag cache initiated');
    expect(broken).toContain('class="span rolled-back"');
    expect(broken).toContain('<title>held: it fails, as asked for</title>');
    expect(strayTags(broken)).toEqual([]);
  });

  it('draws nothing where nothing is exposed', () => {
    const bare = { plan: 'bare', cohort: 'userId', phases: [{ phase: 'one', steps: [{ wait: '1h' }] }] };
    const calm = renderForesightPage(reportOf(bare));
    expect(calm).toContain('nobody is ever exposed');
    expect(calm).not.toContain('<h2>Exposure</h2>');
  });
});
