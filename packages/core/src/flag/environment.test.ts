import { describe, expect, it } from 'vitest';
import { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from './environment.ts';

describe('isEnvironmentName()', () => {
  it.each([DEFAULT_ENVIRONMENT, 'staging', 'eu-production-2', 'x'.repeat(60)])('takes %s', (name) => {
    expect(isEnvironmentName(name)).toBe(true);
  });

  it.each(['', 'Staging', 'eu_west', '-staging', 'staging-', 'a--b', '../etc', 'a b', 'prod\n', 'x'.repeat(61)])(
    'refuses %j and names what is allowed',
    (name) => {
      expect(isEnvironmentName(name)).toBe(false);
      expect(environmentNameProblem(name)).toContain('kebab-case with at most 60 characters');
    },
  );

  it('shows no more of a long name than its beginning', () => {
    expect(environmentNameProblem('x'.repeat(5_000)).length).toBeLessThan(250);
  });
});
