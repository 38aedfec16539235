import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatDiagnostic, type Plan, parsePlan } from '@theseus/core/plan';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDemoPlan } from './demo-plan.ts';
import type { ServiceUrls } from './front.ts';
import { planVariables } from './plan-variables.ts';
import { SERVER_NAMES, SERVICE_NAMES } from './services/service-catalog.ts';

const FILE = join(import.meta.dirname, '../plan.yaml');
const HOUR_MS = 3_600_000;

let plan: Plan;

beforeAll(async () => {
  const { plan: parsed, diagnostics } = parsePlan(await readFile(FILE, 'utf8'), { file: 'plan.yaml' });
  expect(diagnostics.map(formatDiagnostic)).toEqual([]);
  plan = parsed as Plan;
});

function ramps(of: Plan) {
  return of.phases.flatMap(({ steps }) => steps).filter((step) => step.kind === 'ramp');
}

describe('plan.yaml', () => {
  it('moves the seven services in dependency order through the stages and soaks of their risk class [CV-1]', () => {
    const stages = {
      low: [10, 25, 50, 75, 100],
      medium: [5, 10, 25, 50, 75, 100],
      critical: [1, 5, 10, 25, 50, 75, 100],
    };
    const soaks = { low: HOUR_MS / 2, medium: HOUR_MS, critical: 2 * HOUR_MS };
    const risks = ['low', 'low', 'medium', 'medium', 'critical', 'critical', 'critical'] as const;
    // Of a migration the stage in which its answers become the candidate's.
    const moves = ramps(plan).filter(({ move }) => move === undefined || move.to === 'live');
    expect(moves.map(({ flag }) => flag)).toEqual(SERVICE_NAMES);
    moves.forEach(({ through, soaksMs }, index) => {
      const risk = risks[index] ?? 'low';
      expect(through.map((exposure) => exposure / 1_000)).toEqual(stages[risk]);
      expect(new Set(soaksMs)).toEqual(new Set([soaks[risk]]));
    });
  });

  it('writes both caches before it reads the new one, and compares before anybody is answered by it [CV-6] [CV-14]', () => {
    for (const flag of ['cv-analyzer', 'cache-manager']) {
      const stages = ramps(plan).flatMap((ramp) => (ramp.flag === flag ? (ramp.move?.to ?? []) : []));
      expect(stages).toEqual(['dualwrite', 'shadow', 'live', 'rampdown']);
    }
    const rules = plan.gates['caches-agree']?.rules ?? [];
    const agreement = rules.find(({ condition }) => JSON.stringify(condition).includes('agreement'));
    expect(agreement?.action).toMatchObject({ kind: 'rollback' });
  });

  it('puts the adapter’s breaker back with the service whose failures open it [CV-7]', () => {
    const generator = ramps(plan).find(({ flag }) => flag === 'recommendation-generator');
    const argv = JSON.stringify(generator?.undo?.alternatives[0]?.argv);
    expect(argv).toContain('restore-breakers.mjs');
    expect(argv).toContain('adapters_id');
  });

  it('lets recommendation-generator be taken back alone: nothing requires it', () => {
    expect(Object.values(plan.flags).filter(({ requires }) => requires.includes('recommendation-generator'))).toEqual(
      [],
    );
    expect(Object.values(plan.flags).filter(({ requires }) => requires.length > 0)).toHaveLength(6);
  });

  it('asks for one approval, of a tech lead, before anything critical moves', () => {
    const approvals = plan.phases.flatMap(({ steps }) => steps).filter(({ kind }) => kind === 'approve');
    expect(approvals).toMatchObject([{ id: 'critical/go', by: [{ role: 'tech-lead', count: 1 }] }]);
    expect(plan.phases.find(({ name }) => name === 'critical')?.steps[0]?.id).toBe('critical/go');
    expect(ramps(plan).every(({ approve }) => approve === null)).toBe(true);
  });

  it('records a verified backup and a baseline before anything moves, and probes legacy after every rollback', () => {
    expect(plan.phases[0]?.steps.map(({ kind }) => kind)).toEqual([
      'check',
      'check',
      'backup',
      'backup',
      'baseline',
      'notify',
    ]);
    expect(plan.phases[0]?.steps[2]).toMatchObject({
      command: { repeatable: true },
      captures: [{ name: 'backup_id' }],
      verify: { argv: expect.any(Array) },
    });
    expect(ramps(plan).every(({ verify }) => verify.length > 0)).toBe(true);
    expect(plan.phases.every(({ steps }) => steps.at(-1)?.kind === 'notify')).toBe(true);
  });
});

describe('loadDemoPlan()', () => {
  const services = Object.fromEntries(
    SERVER_NAMES.map((name, index) => [
      name,
      { legacy: `http://127.0.0.1:${5_000 + index}`, candidate: `http://127.0.0.1:${6_000 + index}` },
    ]),
  ) as ServiceUrls;
  const variables = planVariables({
    frontUrl: 'http://127.0.0.1:7000',
    messagesUrl: 'http://127.0.0.1:7001/messages',
    services,
    ops: '/a b/ops',
    backups: '/a b/backups',
  });

  it('fills in where everything is and makes an hour a second', async () => {
    const demo = await loadDemoPlan(FILE, variables, 3_600);
    expect(demo).toMatchObject({ stages: 49, soakMs: 62_667, plan: { timeCompression: 3_600 } });
    const text = JSON.stringify(demo.plan);
    expect(text).not.toContain(':45');
    for (const name of SERVER_NAMES) expect(text).toContain(services[name].legacy);
  });

  it('keeps folders with spaces in one argument', async () => {
    const { plan: filled } = await loadDemoPlan(FILE, variables, 3_600);
    const backup = filled.phases[0]?.steps[2];
    expect(backup?.kind === 'backup' && backup.command.argv).toEqual([
      'node',
      '/a b/ops/save-breakers.mjs',
      services['circuit-breaker'].legacy,
      '/a b/backups',
    ]);
  });
});
