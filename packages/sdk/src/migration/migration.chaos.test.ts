import type { MigrationStage, ReadPreference } from '@theseus/core/flag';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { flagAt, givenMigrations } from '../../test-support/given-migration.ts';

type Mood = 'answers' | 'differs' | 'throws' | 'rejects' | 'slow' | 'hangs';

const WHO = { userId: 'user-1' };
const MOODS: readonly Mood[] = ['answers', 'answers', 'differs', 'throws', 'rejects', 'slow', 'hangs'];

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  process.off('unhandledRejection', note);
});

/** A side in a mood: answers are told from `n`, so that a wrong one is seen. */
function behave(mood: Mood, side: string, n: number): Promise<{ n: number; by?: string }> {
  switch (mood) {
    case 'answers':
      return Promise.resolve({ n });
    case 'differs':
      return Promise.resolve({ n, by: side });
    case 'throws':
      throw new Error(`${side} threw`);
    case 'rejects':
      return Promise.reject(new Error(`${side} rejected`));
    case 'slow':
      return new Promise((resolve) => setTimeout(() => resolve({ n }), 60));
    case 'hangs':
      return new Promise(() => undefined);
  }
}

const step = fc.record({
  stage: fc.constantFrom<MigrationStage>('off', 'dualwrite', 'shadow', 'live', 'rampdown', 'complete'),
  legacy: fc.constantFrom(...MOODS),
  candidate: fc.constantFrom(...MOODS),
  read: fc.constantFrom<ReadPreference | undefined>(undefined, 'legacy', 'candidate', 'fastest'),
  fallback: fc.boolean(),
  waitMs: fc.constantFrom(0, 0, 5, 3_000),
});

function isWell(mood: Mood): boolean {
  return mood !== 'throws' && mood !== 'rejects' && mood !== 'hangs';
}

describe('reads while everything fails', () => {
  test('end within their deadlines, with an answer wherever one side that may answer is well, and every comparison is accounted for [CV-2] [CO-5]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const { migrations, become, entries } = givenMigrations(flagAt('off'));
        const moods = { legacy: 'answers' as Mood, candidate: 'answers' as Mood };
        const migration = migrations.define('moved', {
          read: {
            legacy: (n: number) => behave(moods.legacy, 'legacy', n),
            candidate: (n: number) => behave(moods.candidate, 'candidate', n),
          },
          compare: { tolerance: { absolute: 0 } },
          shadows: { concurrency: 2, room: 3 },
        });
        let answered = 0;
        for (const [n, { stage, legacy, candidate, read, fallback, waitMs }] of steps.entries()) {
          const preference = read === undefined ? {} : { read };
          become(flagAt(stage, { deadlineMs: 100, breakAbove: 10_000, ...preference }, { fallback }));
          Object.assign(moods, { legacy, candidate });
          const began = performance.now();
          const ended = new Promise((resolve) => resolve(migration.read(WHO, n))).then(
            (answer) => ({ answer, tookMs: performance.now() - began }),
            (error: unknown) => ({ error, tookMs: performance.now() - began }),
          );
          await vi.advanceTimersByTimeAsync(250);
          const outcome = await Promise.race([ended, Promise.resolve('still waiting')]);
          if (typeof outcome === 'string') throw new Error(outcome);
          expect(outcome.tookMs).toBeLessThanOrEqual(202);
          if ('answer' in outcome) expect(outcome.answer).toMatchObject({ n });
          if ('answer' in outcome) answered += 1;
          const isLegacyAsked =
            stage === 'off' || stage === 'dualwrite' || (stage === 'shadow' && (read ?? 'legacy') === 'legacy');
          if (isLegacyAsked || (read === 'fastest' && (stage === 'shadow' || stage === 'live'))) {
            if (isWell(legacy)) expect(outcome).toHaveProperty('answer');
          } else if (fallback && (stage === 'live' || stage === 'rampdown') && isWell(legacy)) {
            expect(outcome).toHaveProperty('answer');
          }
          await vi.advanceTimersByTimeAsync(waitMs);
        }
        await vi.advanceTimersByTimeAsync(10_000);
        await migration.close();
        const { compared, equal, different, dropped, timedOut, shadowFailed } = migration.differences();
        expect(compared).toBe(equal + different);
        expect(compared + dropped + timedOut + shadowFailed).toBeLessThanOrEqual(answered);
        expect(entries).toEqual([]);
      }),
      { numRuns: 150 },
    );
    expect(unhandled).toEqual([]);
  });

  test('never wait for the shadow', async () => {
    const { migrations } = givenMigrations(flagAt('shadow'));
    const migration = migrations.define('moved', {
      read: {
        legacy: (n: number) => behave('answers', 'legacy', n),
        candidate: (n: number) => behave('hangs', 'candidate', n),
      },
      shadows: { concurrency: 2, room: 3 },
    });
    for (let n = 0; n < 100; n += 1) expect(await migration.read(WHO, n)).toEqual({ n });
    await vi.advanceTimersByTimeAsync(20_000);
    await migration.close();
    const { dropped, timedOut } = migration.differences();
    expect({ dropped, timedOut }).toEqual({ dropped: 97, timedOut: 3 });
  });
});
