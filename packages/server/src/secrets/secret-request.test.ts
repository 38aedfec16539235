import { afterEach, describe, expect, it, vi } from 'vitest';
import { planSecrets } from './fill-secrets.ts';
import { secretRequest } from './secret-request.ts';

afterEach(() => void vi.unstubAllEnvs());

const fill = planSecrets(process.env, ['HOOK']);

describe('secretRequest()', () => {
  it('fills secrets in', () => {
    vi.stubEnv('HOOK', 'b-7');
    expect(secretRequest('http://127.0.0.1/${{ env.HOOK }}', { method: 'POST' }, fill).url).toBe(
      'http://127.0.0.1/b-7',
    );
  });

  it.each(['http://ada:${{ env.HOOK }}@127.0.0.1/', '${{ env.HOOK }}', 'http://[${{ env.HOOK }}/'])(
    'refuses %s without showing what it holds',
    (address) => {
      vi.stubEnv('HOOK', 'hunter2');
      const refused = expect.objectContaining({
        code: 'invalid-argument',
        stack: expect.not.stringContaining('hunter2'),
      });
      expect(() => secretRequest(address, {}, fill)).toThrow(refused);
    },
  );
});
