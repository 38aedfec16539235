import { describe, expect, it } from 'vitest';
import { hashOf, seededRandom } from '../seeded-random.ts';
import { onACopy, type Write, withAJournal } from './action-orchestrator.ts';
import { OrderedCache, ScannedCache } from './cache-manager.ts';
import { type Breaker, byBranches, byTable, circuitBreaker } from './circuit-breaker.ts';
import { improvementsFor } from './improvement-orchestrator.ts';
import { SERVICE_NAMES, SERVICES } from './service-catalog.ts';

const USERS = Array.from({ length: 400 }, (_, index) => `user-${index}`);

describe('the two arms of a service', () => {
  it.each(SERVICE_NAMES)('%s answers the same on both, request after request', (name) => {
    const legacy = SERVICES[name]('legacy');
    const candidate = SERVICES[name]('candidate');
    for (let index = 0; index < 5_000; index += 1) {
      const user = USERS[hashOf(String(index)) % USERS.length] ?? '';
      expect(candidate.answer(user)).toEqual(legacy.answer(user));
    }
  });

  it('answers differently for different users', () => {
    for (const name of SERVICE_NAMES) {
      const service = SERVICES[name]('legacy');
      // Workflows differ by how often a user came, not by who they are.
      if (name === 'recommendation-orchestrator') service.answer('user-1');
      expect(service.answer('user-1')).not.toEqual(service.answer('user-2'));
    }
  });
});

describe('cache-manager', () => {
  it('forgets who has not been used for longest, on both arms', () => {
    for (const cache of [new ScannedCache(2), new OrderedCache(2)]) {
      cache.set('a', '1');
      cache.set('b', '2');
      cache.get('a');
      cache.set('c', '3');
      expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['1', undefined, '3']);
    }
  });

  it('keeps the same entries on both arms whatever is asked', () => {
    const random = seededRandom(7);
    const scanned = new ScannedCache(10);
    const ordered = new OrderedCache(10);
    for (let step = 0; step < 3_000; step += 1) {
      const key = String(Math.floor(random() * 25));
      expect(ordered.get(key)).toBe(scanned.get(key));
      if (random() < 0.5) continue;
      ordered.set(key, String(step));
      scanned.set(key, String(step));
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
    for (const user of USERS) legacy.answer(user);
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
      const { improvements } = SERVICES['improvement-orchestrator']('candidate').answer(user) as {
        improvements: string[];
      };
      for (const { name, after } of improvementsFor(user)) {
        for (const earlier of after) expect(improvements.indexOf(earlier)).toBeLessThan(improvements.indexOf(name));
      }
    }
  });
});

describe('action-orchestrator', () => {
  it('leaves nothing of an action of which one write is refused, on both arms', () => {
    const writes: readonly Write[] = [
      { place: 0, amount: 5 },
      { place: 1, amount: 5 },
      { place: 0, amount: 1_000 },
    ];
    for (const apply of [onACopy, withAJournal]) {
      const ledger = [1, 2];
      expect(apply(ledger, writes)).toBe(false);
      expect(ledger).toEqual([1, 2]);
      expect(apply(ledger, writes.slice(0, 2))).toBe(true);
      expect(ledger).toEqual([6, 7]);
    }
  });
});
