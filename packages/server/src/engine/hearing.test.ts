import { describe, expect, it } from 'vitest';
import { confirmedBy } from './confirmation.ts';
import { Hearing } from './hearing.ts';

describe('Hearing', () => {
  it('begins anew after a break, and is not sure until the database has answered again [ALL-7]', () => {
    let now = 1_000;
    const hearing = new Hearing(() => now, 6_000);
    expect(hearing.since).toBe(1_000);
    for (; now < 50_000; now += 2_000) hearing.heard();
    expect(hearing.since).toBe(1_000);
    now += 30_000;
    expect(hearing.since).toBeNull();
    hearing.heard();
    expect(hearing.since).toBe(now);
  });

  it('lets no exposure be confirmed without instances that could not be heard meanwhile [CV-4]', () => {
    let now = 1_000;
    const hearing = new Hearing(() => now, 6_000);
    const instances = [{ servedVersion: 1, lastSeen: 1_000 }];
    now = 60_000;
    hearing.heard();
    expect(confirmedBy(instances, 2, now, hearing.since ?? now)).toBeNull();
    now += 11_000;
    expect(confirmedBy(instances, 2, now, 60_000)).toEqual({ instances: 0, silent: 1 });
  });
});
