import { describe, expect, it } from 'vitest';
import { nearest, suggest } from './did-you-mean.ts';

describe('nearest()', () => {
  it.each([
    ['standrad', ['slow', 'standard'], 'standard'],
    ['Standard', ['standard'], 'standard'],
    ['gaet', ['gate', 'name'], 'gate'],
    ['G', ['g'], 'g'],
  ])('takes %s for one of %j', (written, known, meant) => expect(nearest(written, known)).toBe(meant));

  it.each([
    ['g', ['a', 'b']],
    ['qa', ['eu', 'us']],
    ['', ['a']],
    ['production', ['staging']],
  ])('takes %j for none of %j', (written, known) => expect(nearest(written, known)).toBeNull());
});

describe('suggest()', () => {
  it('lists the names there are where none is near', () => {
    expect(suggest('g', ['a', 'b'])).toBe('there are: a, b');
  });
});
