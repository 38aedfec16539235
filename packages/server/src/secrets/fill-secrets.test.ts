import { describe, expect, it } from 'vitest';
import { planSecrets } from './fill-secrets.ts';

const ENVIRONMENT = { THESEUS_PLAN_HOOK: 'b-7', TEAM_WEBHOOK: 'c-8', DATABASE_URL: 'postgres://u:hunter2@db/x' };

describe('planSecrets()', () => {
  it.each<[string, readonly string[], string]>([
    ['https://chat.test/${{ env.THESEUS_PLAN_HOOK }}', [], 'https://chat.test/b-7'],
    ['https://chat.test/${{env.TEAM_WEBHOOK}}', ['TEAM_WEBHOOK'], 'https://chat.test/c-8'],
    ['https://chat.test/', [], 'https://chat.test/'],
  ])('fills %s in where %s is open to plans', (text, named, filled) => {
    expect(planSecrets(ENVIRONMENT, named)(text)).toBe(filled);
  });

  it.each(['DATABASE_URL', 'TEAM_WEBHOOK', 'THESEUS_TOKEN'])(
    'keeps %s, which nobody opened, and says how to',
    (name) => {
      const refused = expect.objectContaining({
        code: 'not-allowed',
        message: expect.stringContaining(`--plan-variable ${name}`),
        stack: expect.not.stringContaining('hunter2'),
      });
      expect(() => planSecrets(ENVIRONMENT, ['OTHER'])(`https://evil.test/\${{ env.${name} }}`)).toThrow(refused);
    },
  );

  it('says which variable is not set', () => {
    expect(() => planSecrets({})('${{ env.THESEUS_PLAN_GONE }}')).toThrow(
      expect.objectContaining({ code: 'invalid-argument', message: expect.stringContaining('THESEUS_PLAN_GONE') }),
    );
  });
});
