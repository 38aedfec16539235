import { describe, expect, it } from 'vitest';
import { compileConditions } from '../flag/index.ts';
import { Problems } from './problems.ts';
import { readSegment } from './read-segment.ts';
import type { ReadingContext } from './reading-context.ts';
import type { AttributeTestSource } from './source-schema.ts';

function read(source: Readonly<Record<string, AttributeTestSource>>) {
  const problems = new Problems();
  const { conditions } = readSegment({ problems } as ReadingContext, 'audience', source);
  expect(problems.all()).toEqual([]);
  return conditions;
}

describe('readSegment()', () => {
  it('reads a range of versions as its comparisons', () => {
    expect(read({ app: { version: '>=2.3.0-rc.1 <3.0.0' } })).toEqual([
      { attribute: 'app', operator: 'versionAtLeast', value: '2.3.0-rc.1' },
      { attribute: 'app', operator: 'versionBelow', value: '3.0.0' },
    ]);
    expect(read({ app: { version: '2.3.0' } })).toEqual([{ attribute: 'app', operator: 'versionIs', value: '2.3.0' }]);
  });

  it('asks for presence and absence', () => {
    expect(read({ email: { present: true }, suspendedAt: { absent: true } })).toEqual([
      { attribute: 'email', operator: 'present' },
      { attribute: 'suspendedAt', operator: 'absent' },
    ]);
  });

  it.each([
    ['2026-05-01', '2026-05-01T00:00:00Z'],
    ['2026-05-01T09:00:00Z', '2026-05-01T09:00:00Z'],
    ['2026-05-01T09:00[Europe/Berlin]', '2026-05-01T07:00:00.000Z'],
    ['2026-05-01 09:00+02', '2026-05-01T07:00:00.000Z'],
  ])('writes the moment %s so that every evaluator can read it', (written, value) => {
    expect(read({ signedUpAt: { after: written } })).toEqual([{ attribute: 'signedUpAt', operator: 'after', value }]);
    expect(compileConditions(read({ signedUpAt: { after: written } }))({ signedUpAt: '2026-06-01' })).toBe(true);
  });
});
