import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { steadyClock } from './steady-clock.ts';

/** A machine whose time passes and is set by hand. */
function machine(wall: number) {
  let monotonic = 0;
  let offset = wall;
  return {
    clocks: { wall: () => monotonic + offset, monotonic: () => monotonic },
    pass: (ms: number) => {
      monotonic += ms;
    },
    set: (byMs: number) => {
      offset += byMs;
    },
  };
}

describe('steadyClock()', () => {
  it('tells the time of the machine, and follows it when it is set forward', () => {
    const { clocks, pass, set } = machine(1_000_000);
    const clock = steadyClock(clocks);
    pass(500);
    expect(clock()).toBe(1_000_500);
    set(3_600_000);
    expect(clock()).toBe(4_600_500);
  });

  it('goes on at half its speed when the machine is set back, until both agree again', () => {
    const { clocks, pass, set } = machine(1_000_000);
    const clock = steadyClock(clocks);
    set(-60_000);
    pass(10_000);
    expect(clock()).toBe(1_005_000);
    pass(110_000);
    expect(clock()).toBe(1_060_000);
    pass(1_000);
    expect(clock()).toBe(1_061_000);
    expect(clocks.wall()).toBe(1_061_000);
  });

  it('never goes back, and never stands still, however the machine is set [ALL-5]', () => {
    const steps = fc.array(fc.record({ pass: fc.integer({ min: 2, max: 100_000 }), set: fc.integer() }));
    fc.assert(
      fc.property(steps, (all) => {
        const { clocks, pass, set } = machine(1_000_000);
        const clock = steadyClock(clocks);
        let last = clock();
        for (const step of all) {
          set(step.set);
          pass(step.pass);
          const now = clock();
          expect(now).toBeGreaterThan(last);
          last = now;
        }
      }),
    );
  });
});
