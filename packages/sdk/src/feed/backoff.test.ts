import { expect, test } from 'vitest';
import { Backoff } from './backoff.ts';

test('Backoff doubles its bound up to the most, and begins anew after a success', () => {
  const backoff = new Backoff(100, 1000, () => 1);
  expect([1, 2, 3, 4, 5, 6].map(() => backoff.nextMs())).toEqual([100, 200, 400, 800, 1000, 1000]);
  backoff.reset();
  expect(backoff.nextMs()).toBe(100);
});

test('Backoff waits anywhere below its bound', () => {
  const rolls = [0, 0.5, 0.25];
  const backoff = new Backoff(100, 1000, () => rolls.shift() as number);
  expect([backoff.nextMs(), backoff.nextMs(), backoff.nextMs()]).toEqual([0, 100, 100]);
});

test('Backoff stays finite after any number of failures', () => {
  const backoff = new Backoff(100, 1000, () => 1);
  for (let n = 0; n < 5000; n += 1) backoff.nextMs();
  expect(backoff.nextMs()).toBe(1000);
});
