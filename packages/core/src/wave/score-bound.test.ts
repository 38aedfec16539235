import { describe, expect, test } from 'vitest';
import { isLooser, parseScoreBound } from './score-bound.ts';

describe('parseScoreBound()', () => {
  test.each([
    ['dom >= 95%', { score: 'dom', operator: '>=', bound: 0.95 }],
    ['performance<=120%', { score: 'performance', operator: '<=', bound: 1.2 }],
    ['rows > 10', { score: 'rows', operator: '>', bound: 10 }],
    ['dom >= 99.9%', { score: 'dom', operator: '>=', bound: 0.999 }],
  ])('reads %s [PX-2]', (text, bound) => {
    expect(parseScoreBound(text)).toEqual(bound);
  });

  test.each(['', 'dom', 'dom = 95%', 'dom >= ', 'dom >= high', '>= 95%', 'dom >= 95% for 3m', 'dom >= -1'])(
    'refuses %j',
    (text) => {
      expect(parseScoreBound(text)).toBeNull();
    },
  );
});

describe('isLooser()', () => {
  test.each([
    ['dom >= 90%', 'dom >= 95%', true],
    ['dom >= 98%', 'dom >= 95%', false],
    ['dom >= 95%', 'dom >= 95%', false],
    ['dom >= 95%', 'dom > 95%', true],
    ['performance <= 150%', 'performance <= 120%', true],
    ['performance < 120%', 'performance <= 120%', false],
    ['performance >= 150%', 'performance <= 120%', null],
    ['dom >= 95%', 'rows >= 95%', null],
  ])('of %s and %s says %s: thresholds tighten by phase [PX-2]', (one, other, expected) => {
    const [bound, than] = [parseScoreBound(one), parseScoreBound(other)];
    expect(bound === null || than === null ? undefined : isLooser(bound, than)).toBe(expected);
  });
});
