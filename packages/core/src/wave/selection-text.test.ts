import { expect, test } from 'vitest';
import { selectionText } from './selection-text.ts';

test('selectionText() says how many, of which strata, and why others are not chosen [PX-3]', () => {
  const selection = {
    total: 50,
    seen: 1_250,
    strata: { US: 17, EU: 33 },
    excluded: { 'in another wave already': 3, 'not in the segment': 1_197 },
  };
  expect(selectionText(selection).replaceAll('\u00a0', ' ')).toBe(
    '50 of 1 250: 33 EU, 17 US; 1 200 not chosen: 1 197 not in the segment, 3 in another wave already',
  );
});

test('selectionText() sums up what would be too long to read', () => {
  const strata = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`r${at}`, 20 - at]));
  const text = selectionText({ total: 155, seen: 155, strata, excluded: {} });
  expect(text.endsWith('13 r7, 23 in 2 others')).toBe(true);
});
