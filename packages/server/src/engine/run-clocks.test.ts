import { describe, expect, it } from 'vitest';
import { RunClocks } from './run-clocks.ts';

describe('RunClocks', () => {
  it("lets a run's time go on from the last event of a server that was ahead", () => {
    let wall = 1_000;
    const clocks = new RunClocks(() => wall);
    clocks.saw('run-1', 5_000);
    expect(clocks.now('run-1')).toBe(5_000);
    wall = 1_700;
    expect(clocks.now('run-1')).toBe(5_700);
    expect(clocks.now('run-2')).toBe(1_700);
  });

  it('is never behind the last event, and keeps its lead', () => {
    const clocks = new RunClocks(() => 1_000);
    clocks.saw('run-1', 900);
    expect(clocks.aheadMs('run-1')).toBe(0);
    clocks.saw('run-1', 2_000);
    clocks.saw('run-1', 1_500);
    expect(clocks.now('run-1')).toBe(2_000);
    clocks.forget('run-1');
    expect(clocks.now('run-1')).toBe(1_000);
  });
});
