import { describe, expect, it } from 'vitest';
import { hashOf } from '../seeded-random.ts';
import { type Breaker, byBranches, byTable, circuitBreaker } from './circuit-breaker.ts';
import { improvementsFor } from './improvement-orchestrator.ts';
import { SERVER_NAMES, SERVICES } from './service-catalog.ts';

const USERS = Array.from({ length: 400 }, (_, index) => `user-${index}`);

const STAGES = ['', 'gather', 'draft', 'rank', 'review', 'publish', 'no stage'];
/** Its new arm has a fault, so that comparing has something to find. */
const ALIKE = SERVER_NAMES.filter((name) => name !== 'cv-analyzer');

describe('the two arms of a service', () => {
  it.each(ALIKE)('%s answers the same on both, request after request', (name) => {
    const legacy = SERVICES[name]('legacy');
    const candidate = SERVICES[name]('candidate');
    for (let index = 0; index < 5_000; index += 1) {
      const user = USERS[hashOf(String(index)) % USERS.length] ?? '';
      const after = STAGES[index % STAGES.length] ?? '';
      expect(candidate.answer(user, after)).toEqual(legacy.answer(user, after));
    }
  });

  it('of cv-analyzer differ for a few users, in one field, which only a comparison shows [CV-14]', () => {
    const [legacy, candidate] = [SERVICES['cv-analyzer']('legacy'), SERVICES['cv-analyzer']('candidate')];
    const different = USERS.flatMap((user) => {
      const { level: old, ...rest } = legacy.answer(user, '');
      const { level: fresh, ...others } = candidate.answer(user, '');
      expect(others).toEqual(rest);
      return old === fresh ? [] : user;
    });
    expect(different.length).toBeGreaterThan(0);
    expect(different.length).toBeLessThan(USERS.length / 10);
  });

  it('answers differently for different users', () => {
    // A workflow's next stage is the same for everybody.
    for (const name of SERVER_NAMES.filter((one) => one !== 'recommendation-orchestrator')) {
      const service = SERVICES[name]('legacy');
      expect(service.answer('user-1', '')).not.toEqual(service.answer('user-2', ''));
    }
  });
});

describe('circuit-breaker', () => {
  it('opens after three failures in a row, refuses five calls, then lets one try', () => {
    for (const next of [byBranches, byTable]) {
      let breaker: Breaker = { status: 'closed', count: 0 };
      const seen: string[] = [];
      for (const call of [
        'failed',
        'failed',
        'succeeded',
        'failed',
        'failed',
        'failed',
        ...Array.from({ length: 5 }, () => 'failed'),
        'succeeded',
      ] as const) {
        breaker = next(breaker, call as 'failed' | 'succeeded');
        seen.push(breaker.status);
      }
      expect(seen).toEqual([
        ...Array.from({ length: 5 }, () => 'closed'),
        ...Array.from({ length: 5 }, () => 'open'),
        'half-open',
        'closed',
      ]);
    }
  });

  it('carries its state from one arm to the other through a backup', () => {
    const legacy = circuitBreaker('legacy');
    for (const user of USERS) legacy.answer(user, '');
    const candidate = circuitBreaker('candidate');
    const saved = legacy.state?.save();
    expect(candidate.state?.save()).not.toEqual(saved);
    expect(candidate.state?.restore(JSON.parse(JSON.stringify(saved)))).toBe(true);
    expect(candidate.state?.save()).toEqual(saved);
  });

  it.each([
    null,
    [],
    {},
    'open',
    { mail: null },
    { mail: { status: 'ajar', count: 0 } },
    { mail: { status: 'open', count: -1 } },
    { disk: { status: 'open', count: 0 } },
  ])('refuses %j as a state and stays as it is', (value) => {
    const { state } = circuitBreaker('candidate');
    const before = state?.save();
    expect(state?.restore(value)).toBe(false);
    expect(state?.save()).toEqual(before);
  });
});

describe('improvement-orchestrator', () => {
  it('puts every improvement after what it builds on', () => {
    for (const user of USERS) {
      const { improvements } = SERVICES['improvement-orchestrator']('candidate').answer(user, '') as {
        improvements: string[];
      };
      for (const { name, after } of improvementsFor(user)) {
        for (const earlier of after) expect(improvements.indexOf(earlier)).toBeLessThan(improvements.indexOf(name));
      }
    }
  });
});
