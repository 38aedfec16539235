import { describe, expect, it } from 'vitest';
import { errorAnswer, statusOf } from './error-answer.ts';

const failure = (code: string) => Object.assign(new Error(`secret-host said ${code}`), { code });

describe('errorAnswer()', () => {
  it.each([
    '08006',
    '57P01',
    '53300',
    '57014',
    'ECONNREFUSED',
    'ENOTFOUND',
    'EAI_AGAIN',
    'EHOSTUNREACH',
    'ENETUNREACH',
  ])('says of %s that the database does not answer at the moment', (code) => {
    expect(statusOf(failure(code))).toBe(503);
    expect(errorAnswer(failure(code)).error.code).toBe('database-failed');
  });

  it.each(['23505', '22P05', 'ERR_INVALID_ARG_TYPE'])('tells nothing of %s', (code) => {
    expect(statusOf(failure(code))).toBe(500);
    expect(JSON.stringify(errorAnswer(failure(code)))).not.toContain('secret-host');
  });
});
