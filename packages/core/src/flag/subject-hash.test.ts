import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucket } from './bucket.ts';
import { saltState } from './murmur3.ts';
import { isSampled, SubjectHasher, THINNEST_SAMPLE } from './subject-hash.ts';

const SALT = 'cvplus-2026a';
const many = Array.from({ length: 50_000 }, (_, index) => new SubjectHasher(SALT).hash(`user-${index}`));

test('SubjectHasher gives each subject one whole number, and other subjects and salts others', () => {
  expect(new Set(many).size).toBe(many.length);
  expect(many.every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
  expect(new SubjectHasher('cvplus-2026b').hash('user-1')).not.toBe(new SubjectHasher(SALT).hash('user-1'));
  expect(new SubjectHasher(SALT).hash('user-1')).toBe(5_042_838_109_984_119);
});

test('isSampled() keeps about one of 2^level subjects', () => {
  for (const level of [0, 1, 2, 5]) {
    const share = many.filter((hash) => isSampled(hash, level)).length / many.length;
    expect(Math.abs(share * 2 ** level - 1), `level ${level}`).toBeLessThan(0.1);
  }
});

test('isSampled() keeps in a thinner sample only who is in every thicker one', () => {
  const hash = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(hash, fc.integer({ min: 1, max: THINNEST_SAMPLE }), (subject, level) => {
      expect(isSampled(subject, level) && !isSampled(subject, level - 1)).toBe(false);
    }),
  );
});

test('a sample holds as many of the candidate as everybody does: it knows nothing of buckets', () => {
  const salt = saltState(SALT);
  const isCandidate = (index: number) => bucket(salt, `user-${index}`) < 10_000;
  const sampled = many.flatMap((hash, index) => (isSampled(hash, 2) ? [index] : []));
  expect(sampled.filter(isCandidate).length / sampled.length).toBeCloseTo(0.1, 1);
});
