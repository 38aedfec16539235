import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Timed } from './deadlines.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function given() {
  const deadlines = new Deadlines(() => performance.now());
  const passed: string[] = [];
  const start = (name: string, limitMs: number): Timed => {
    const timed: Timed = {
      dueMs: 0,
      isOver: false,
      pass: () => void passed.push(`${name} at ${performance.now() - begin}`),
    };
    deadlines.start(limitMs, performance.now(), timed);
    return timed;
  };
  const begin = performance.now();
  return { passed, start };
}

test('Deadlines pass each at its own time, once, and not what is over', async () => {
  const { passed, start } = given();
  start('a', 100);
  const over = start('b', 100);
  await vi.advanceTimersByTimeAsync(50);
  start('c', 100);
  start('short', 10);
  over.isOver = true;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(passed).toEqual(['short at 60', 'a at 100', 'c at 150']);
  start('d', 100);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(passed.at(-1)).toBe('d at 1150');
});

test('Deadlines need one timer for each length, however many wait, and none when nothing does', async () => {
  const { start } = given();
  for (let n = 0; n < 10_000; n += 1) start(`${n}`, 100).isOver = true;
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(200);
  expect(vi.getTimerCount()).toBe(0);
});
