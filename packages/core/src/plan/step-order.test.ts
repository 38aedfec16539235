import { describe, expect, it } from 'vitest';
import { StepOrder } from './step-order.ts';

function order(): StepOrder {
  return new StepOrder([
    { name: 'a', needs: [], steps: ['a1', 'a2'] },
    { name: 'b', needs: ['a'], steps: ['b1', 'b2'] },
    { name: 'side', needs: [], steps: ['s1', 's2'] },
    { name: 'end', needs: ['b'], steps: ['e1'] },
  ]);
}

describe('StepOrder', () => {
  it.each([
    ['a1', 'a2', true],
    ['a2', 'a1', false],
    ['a1', 'a1', false],
    ['a2', 'b1', true],
    ['a1', 'e1', true],
    ['e1', 'a1', false],
    ['s1', 'b1', false],
    ['b1', 's1', false],
    ['unknown', 'a1', false],
    ['a1', 'unknown', false],
  ])('%s before %s is %s', (first, second, before) => expect(order().isBefore(first, second)).toBe(before));

  it('follows what a step needs itself, and what came before that', () => {
    const linked = order();
    expect(linked.isBefore('s1', 'e1')).toBe(false);
    linked.link('b2', 's2');
    expect(linked.isBefore('s1', 'b2')).toBe(true);
    expect(linked.isBefore('s2', 'e1')).toBe(true);
    expect(linked.isBefore('s1', 'b1')).toBe(false);
    expect(linked.isBefore('b1', 's2')).toBe(false);
  });

  it('ends on phases that go in a circle or need what is not there', () => {
    const circular = new StepOrder([
      { name: 'x', needs: ['y', 'nowhere'], steps: ['x1'] },
      { name: 'y', needs: ['x', 'empty'], steps: ['y1'] },
      { name: 'empty', needs: ['x'], steps: [] },
    ]);
    expect(circular.isBefore('y1', 'x1')).toBe(true);
  });
});
