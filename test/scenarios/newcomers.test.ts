import { parsePlan } from '@theseus/core/plan';
import { createTheseus, type TheseusClient } from '@theseus/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runningServer, until } from '../test-support/running-server.ts';

const PLAN = `plan: onboarding
cohort: userId
signals: { errors: { telemetry: error-rate } }
gates: { standard: { every: 10m, rules: [errors > 5%: rollback now] } }
segments:
  team: { email: { endsWith: '@acme.example' } }
  newcomers: { signedUpAt: { after: 2026-05-01 } }
  migrated: { migratedAt: { present: true } }
flags:
  assistant:
    only: newcomers
    segments: [{ segment: team, exposure: 100% }, { segment: migrated, exposure: 100% }]
phases:
  - phase: move
    steps: [{ ramp: assistant, gate: standard, through: [0%, 20%, 50%, 100%], soak: 48h }]
`;

interface User {
  readonly userId: string;
  readonly email: string;
  readonly signedUpAt?: string;
  readonly migratedAt?: string;
}

/** Ten thousand: 20 of the team, 200 migrated, 80 of whom nobody knows when they came, half of the others new. */
const users: readonly User[] = Array.from({ length: 10_000 }, (_, at): User => {
  const userId = `user-${at}`;
  if (at < 20) return { userId, email: `${userId}@acme.example`, signedUpAt: '2025-01-01' };
  const email = `${userId}@home.example`;
  if (at < 220) return { userId, email, signedUpAt: '2025-01-01', migratedAt: '2026-05-02' };
  if (at < 300) return { userId, email };
  return { userId, email, signedUpAt: at % 2 === 0 ? '2026-04-30T23:59:59Z' : '2026-05-01T00:00:01Z' };
});
const isNewcomer = ({ signedUpAt = '' }: User): boolean => signedUpAt > '2026-05-01';
const always = users.slice(0, 220);
const others = users.slice(220);
const newcomers = others.filter(isNewcomer);
const existing = others.filter((user) => !isNewcomer(user));

let theseus: RunningServer;
let client: TheseusClient;

beforeAll(async () => {
  theseus = await runningServer();
  client = createTheseus({ url: theseus.url, token: theseus.sdkToken, service: 'front', log: () => undefined });
  await client.ready(10_000);
});

afterAll(async () => {
  await client?.close();
  await theseus?.stop();
});

const letIn = (among: readonly User[]): readonly User[] =>
  among.filter((user) => client.enabled('assistant', { ...user }));

describe('a flag for newcomers only', () => {
  it('goes to the team first, then to 20 %, 50 % and all of those who are new; others stay until migrated [CO-3]', async () => {
    const { plan, diagnostics } = parsePlan(PLAN, { file: 'plan.yaml' });
    if (plan === null) throw new Error(JSON.stringify(diagnostics));
    const runId = await theseus.begin(plan);
    let before: readonly User[] = [];
    for (const percent of [0, 20, 50, 100]) {
      // Confirmed: the client is known to serve it.
      await until(async () => {
        const [flag] = (await theseus.view(runId)).flags;
        return flag?.exposurePercent === percent && flag.confirmed;
      });
      const now = letIn(newcomers);
      const share = (now.length / newcomers.length) * 100;
      expect(Math.abs(share - percent)).toBeLessThanOrEqual(percent % 100 === 0 ? 0 : 2);
      // Growing removes nobody.
      expect(before.filter((user) => !now.includes(user))).toEqual([]);
      expect(letIn(existing)).toEqual([]);
      expect(letIn(always)).toHaveLength(220);
      before = now;
      await theseus.command(runId, { verb: 'promote' });
    }
    expect(client.details('assistant', { ...newcomers[0] })).toMatchObject({ arm: 'candidate', reason: 'SPLIT' });
    expect(client.details('assistant', { ...existing[0] })).toMatchObject({ arm: 'legacy', reason: 'SEGMENT' });
    const [first] = existing;
    expect(client.enabled('assistant', { ...first, migratedAt: '2026-06-01' })).toBe(true);
  });
});
