import { describe, expect, it } from 'vitest';
import { confirmedBy, SILENT_AFTER_MS } from './confirmation.ts';

const instance = (name: string, servedVersion: number, lastSeen: number) => ({
  instance: name,
  service: 's',
  servedVersion,
  lastSeen,
});

describe('confirmedBy()', () => {
  it('waits for every live instance', () => {
    const now = 1_000_000;
    expect(confirmedBy([instance('a', 7, now), instance('b', 6, now)], 7, now, 0)).toBeNull();
    expect(confirmedBy([instance('a', 7, now), instance('b', 8, now)], 7, now, 0)).toEqual({ instances: 2, silent: 0 });
  });

  it('tells of silent ones and does not wait for them', () => {
    const now = 1_000_000;
    const silent = instance('b', 6, now - SILENT_AFTER_MS - 1);
    expect(confirmedBy([instance('a', 7, now), silent], 7, now, 0)).toEqual({ instances: 1, silent: 1 });
  });

  it('calls nobody silent whom a server that has just started could not have heard', () => {
    const now = 1_000_000;
    const unheard = instance('a', 6, now - 60_000);
    expect(confirmedBy([unheard], 7, now, now - 1_000)).toBeNull();
    expect(confirmedBy([unheard], 7, now, now - SILENT_AFTER_MS - 1)).toEqual({ instances: 0, silent: 1 });
  });
});
