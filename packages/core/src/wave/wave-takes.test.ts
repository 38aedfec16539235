import { describe, expect, test } from 'vitest';
import { waveCount } from './wave-size.ts';
import { parseTake, sizeWaves, type TakingWave } from './wave-takes.ts';

function written(...takes: readonly string[]): readonly TakingWave[] {
  return takes.map((text, at) => ({ wave: `w${at + 1}`, take: parseTake(text) ?? { kind: 'all' } }));
}

describe('parseTake()', () => {
  test.each([
    ['50', { kind: 'count', count: 50 }],
    ['25%', { kind: 'share', share: 25_000 }],
    ['25% of all', { kind: 'share', share: 25_000 }],
    ['0.1%', { kind: 'share', share: 100 }],
    ['40% of remaining', { kind: 'remaining', share: 40_000 }],
    ['40 % of the remaining', { kind: 'remaining', share: 40_000 }],
    ['all', { kind: 'all' }],
  ])('reads %s [PX-4, PX-5]', (text, take) => {
    expect(parseTake(text)).toEqual(take);
  });

  test.each(['', '0', '-3', '1.5', '0%', '101%', '0.0001%', 'some', '40% of others', '50 of remaining'])(
    'refuses %j',
    (text) => {
      expect(parseTake(text)).toBeNull();
    },
  );
});

describe('sizeWaves()', () => {
  test('makes one series of the shares of the remaining that follow each other, and reaches everybody [PX-3, PX-4, PX-5]', () => {
    const waves = written(
      '50',
      '100',
      '100',
      '100',
      '40% of remaining',
      '30% of remaining',
      '20% of remaining',
      '10% of remaining',
    );
    const members = new Map<string, number>();
    let remaining = 1_250;
    for (const sizing of sizeWaves(waves)) {
      if (sizing.kind === 'problem') throw new Error(sizing.message);
      const before = sizing.size.kind === 'remaining' ? sizing.size.after : [];
      const takenBefore = before.reduce((sum, { wave }) => sum + (members.get(wave) ?? 0), 0);
      const count = waveCount(sizing.size, { all: 1_250, remaining, takenBefore });
      members.set(sizing.wave, count);
      remaining -= count;
    }
    expect([...members.values()]).toEqual([50, 100, 100, 100, 360, 270, 180, 90]);
    expect(remaining).toBe(0);
  });

  test('begins a series anew after a wave of another kind', () => {
    const sizes = sizeWaves(written('50% of remaining', '10', '50% of remaining'));
    expect(sizes.map((sizing) => sizing.kind === 'size' && sizing.size)).toEqual([
      { kind: 'remaining', share: 50_000, after: [] },
      { kind: 'count', count: 10 },
      { kind: 'remaining', share: 50_000, after: [] },
    ]);
  });

  test.each<readonly [string, readonly string[], string]>([
    ['all before another', ['all', '10'], "nobody is left for wave 'w2': 'w1' takes all who remain"],
    [
      'all of the remaining before another',
      ['60% of remaining', '40% of remaining', '5'],
      "nobody is left for wave 'w3': 'w2'",
    ],
    [
      'too much of the remaining',
      ['60% of remaining', '50% of remaining'],
      "the waves 'w1', 'w2' take 110 % of the same",
    ],
    ['too much of all', ['60%', '50%'], "waves up to 'w2' take 110 % of all"],
  ])('refuses %s, with the mend', (_name, takes, message) => {
    const problems = sizeWaves(written(...takes)).flatMap((sizing) => (sizing.kind === 'problem' ? sizing : []));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]?.mend).not.toBe('');
  });

  test('refuses two waves of one name', () => {
    const twice = sizeWaves([
      { wave: 'pilot', take: { kind: 'count', count: 1 } },
      { wave: 'pilot', take: { kind: 'count', count: 1 } },
    ]);
    expect(twice[1]).toMatchObject({ kind: 'problem', message: "there is a wave 'pilot' already" });
  });
});
