import { type Arm, isSampled, NO_VARIANT } from '@theseus/core/flag';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SubjectTable } from './subject-table.ts';

type Counts = Map<string, number[]>;

function read(table: SubjectTable, limit = 1e9): Counts {
  const { legacy, candidate, variants } = table.take(limit);
  const counts: Counts = new Map();
  const places = variants.flatMap((users, place) => new Array<number>(users).fill(place + NO_VARIANT));
  for (const [arm, text] of Object.entries({ legacy, candidate })) {
    const numbers = text === '' ? [] : text.split(',').map(Number);
    for (let at = 0; at < numbers.length; at += 5) {
      const variant = arm === 'legacy' ? NO_VARIANT : places[at / 5];
      counts.set(`${arm} ${numbers[at]} ${variant}`, numbers.slice(at + 1, at + 5));
    }
  }
  return counts;
}

/** Few high and low words, so that slots collide. */
const subject = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 53 - 1 }),
  fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 }))
    .map(([high, low]) => high * 2 ** 32 + low * 2 ** 26),
);
const event = fc.record({
  subject,
  of: fc.constantFrom<{ arm: Arm; variant: number }>(
    { arm: 'legacy', variant: NO_VARIANT },
    { arm: 'candidate', variant: NO_VARIANT },
    { arm: 'candidate', variant: 0 },
    { arm: 'candidate', variant: 19 },
  ),
  requests: fc.integer({ min: 0, max: 1 }),
  errors: fc.integer({ min: 0, max: 1 }),
  body: fc.integer({ min: 0, max: 1 }),
  tail: fc.integer({ min: 0, max: 1 }),
});

test('SubjectTable counts as a map would, however often it grows, is thinned or emptied in parts', () => {
  const level = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 400 }),
      level,
      fc.integer({ min: 70, max: 500 }),
      (events, thin, limit) => {
        const table = new SubjectTable();
        const model: Counts = new Map();
        for (const { subject: who, of, requests, errors, body, tail } of events) {
          table.count({ subject: who, ...of }, { requests, errors, body, tail }, () => true);
          const key = `${of.arm} ${who} ${of.variant}`;
          const [n = 0, e = 0, s = 0, t = 0] = model.get(key) ?? [];
          model.set(key, [n + requests, e + errors, s + body, t + tail]);
        }
        table.thin(thin);
        for (const key of [...model.keys()]) if (!isSampled(Number(key.split(' ')[1]), thin)) model.delete(key);
        expect(table.size).toBe(model.size);
        const seen: Counts = new Map();
        while (table.size > 0) {
          const before = table.size;
          for (const [key, counts] of read(table, limit)) {
            expect(seen.has(key), 'each stands in one part only').toBe(false);
            seen.set(key, counts);
          }
          expect(table.size).toBeLessThan(before);
        }
        expect(seen).toEqual(model);
      },
    ),
  );
});

test('SubjectTable adds nobody where that is forbidden, and goes on counting those it knows', () => {
  const table = new SubjectTable();
  const quiet = { requests: 1, errors: 0, body: 0, tail: 0 };
  const who = (subject: number, arm: Arm = 'legacy') => ({ subject, arm, variant: NO_VARIANT });
  expect(table.count(who(1), quiet, () => true)).toBe(true);
  expect(table.count(who(2), quiet, () => false)).toBe(false);
  expect(table.count(who(1, 'candidate'), quiet, () => false)).toBe(false);
  expect(table.count(who(1), quiet, () => false)).toBe(true);
  expect([...read(table)]).toEqual([[`legacy 1 ${NO_VARIANT}`, [2, 0, 0, 0]]]);
});
