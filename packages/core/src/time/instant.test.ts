import { describe, expect, it } from 'vitest';
import { parseInstant } from './instant.ts';

describe('parseInstant()', () => {
  it.each([
    ['2026-05-05T09:00:00Z', '2026-05-05T09:00:00.000Z'],
    [' 2026-05-05T09:00Z ', '2026-05-05T09:00:00.000Z'],
    ['2026-05-05T09:00:00+02:00', '2026-05-05T07:00:00.000Z'],
    ['2026-05-05T09:00[Europe/Berlin]', '2026-05-05T07:00:00.000Z'],
    // The clocks go forward from 02:00 to 03:00: a time that does not exist is read an hour later.
    ['2026-03-29T02:30[Europe/Berlin]', '2026-03-29T01:30:00.000Z'],
    // They go back from 03:00 to 02:00: of a time that comes twice, the first is meant.
    ['2026-10-25T02:30[Europe/Berlin]', '2026-10-25T00:30:00.000Z'],
  ])('reads %s', (text, instant) => expect(new Date(parseInstant(text) ?? 0).toISOString()).toBe(instant));

  it.each(['', 'tomorrow', '2026-05-05', '2026-05-05T09:00', '2026-13-05T09:00Z', '2026-05-05T09:00[Mars/Base]'])(
    'refuses %j',
    (text) => expect(parseInstant(text)).toBeNull(),
  );

  it('refuses an offset that the zone does not have then', () => {
    expect(parseInstant('2026-05-05T09:00+05:00[Europe/Berlin]')).toBeNull();
  });
});
