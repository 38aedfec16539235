import { afterEach, describe, expect, it, vi } from 'vitest';
import { placeOf } from './postgres-tools.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('placeOf()', () => {
  it('reads an address, with what is written in it as it is meant', () => {
    expect(placeOf('postgres://ada:p%40ss@db.example:5433/my%20shop?sslmode=verify-full')).toEqual({
      PGHOST: 'db.example',
      PGPORT: '5433',
      PGUSER: 'ada',
      PGPASSWORD: 'p@ss',
      PGDATABASE: 'my shop',
      PGSSLMODE: 'verify-full',
    });
  });

  it("takes this worker's own place for a name, and never for an address of a plan's choice", () => {
    vi.stubEnv('PGHOST', 'db.example');
    vi.stubEnv('PGPASSWORD', 'hunter2');
    expect(placeOf('accounts')).toMatchObject({ PGHOST: 'db.example', PGPASSWORD: 'hunter2', PGDATABASE: 'accounts' });
    expect(placeOf('postgres://ada@evil.example/accounts')).toMatchObject({ PGHOST: 'evil.example', PGPASSWORD: '' });
  });

  it('refuses an address that cannot be read, without showing it', () => {
    expect(() => placeOf('postgres://ada:hunter2@[/x')).toThrow(
      expect.objectContaining({ code: 'invalid-argument', stack: expect.not.stringContaining('hunter2') }),
    );
  });
});
