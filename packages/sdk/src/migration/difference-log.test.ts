import type { Difference } from '@theseus/core/compare';
import { DIFFERENCE_PATH_LIMIT, DIFFERENCE_SAMPLE_LIMIT } from '@theseus/core/health';
import { describe, expect, test } from 'vitest';
import { flagAt, givenMigrations } from '../../test-support/given-migration.ts';
import { DifferenceLog, describeValue } from './difference-log.ts';
import type { MigrationOptions } from './migration-options.ts';

const WHO = { userId: 'user-1' };
const at = (path: string, legacy: unknown = 1, candidate: unknown = 2): Difference => ({
  path,
  kind: 'changed',
  legacy,
  candidate,
});

describe('DifferenceLog [CV-14]', () => {
  test('groups by path and kind, the most frequent first, with a few samples that differ', () => {
    const log = new DifferenceLog();
    for (let n = 0; n < 10; n += 1) log.add([at('$.b', 'x'.repeat(n), 1)], describeValue);
    log.add([at('$.a'), { ...at('$.a'), kind: 'type' }], describeValue);
    log.add([at('$.a')], describeValue);
    expect(log.toPaths()).toEqual([
      {
        path: '$.b',
        kind: 'changed',
        count: 10,
        samples: [0, 1, 2].map((n) => ({ legacy: `string(${n})`, candidate: 'number' })),
      },
      { path: '$.a', kind: 'changed', count: 2, samples: [{ legacy: 'number', candidate: 'number' }] },
      { path: '$.a', kind: 'type', count: 1, samples: [{ legacy: 'number', candidate: 'number' }] },
    ]);
  });

  test('keeps a bounded number of paths, samples and characters, and counts the rest', () => {
    const log = new DifferenceLog();
    for (let n = 0; n < 1000; n += 1)
      log.add([at(`$.${'long'.repeat(100)}${n}`), at(`$.p${n}`)], () => 'x'.repeat(999));
    const paths = log.toPaths();
    expect(paths.length).toBeLessThanOrEqual(DIFFERENCE_PATH_LIMIT + 1);
    expect(paths.reduce((sum, { count }) => sum + count, 0)).toBe(2000);
    for (const { path, samples } of paths) {
      expect(path.length).toBeLessThanOrEqual(200);
      expect(samples.length).toBeLessThanOrEqual(DIFFERENCE_SAMPLE_LIMIT);
      for (const { legacy } of samples) expect(legacy.length).toBe(120);
    }
  });

  test('keeps nothing that a database could not', () => {
    const log = new DifferenceLog();
    log.add([at('$')], () => `a\u0000b${String.fromCharCode(0xd800)}`);
    expect(log.toPaths()[0]?.samples[0]?.legacy).toBe('a·b·');
  });

  test.each<[unknown, string]>([
    ['secret', 'string(6)'],
    [42, 'number'],
    [true, 'boolean'],
    [null, 'null'],
    [undefined, 'absent'],
    [[1, 2], 'list(2)'],
    [{ a: 1 }, 'object(1)'],
    [new Date(), 'date'],
    [new Uint8Array(3), 'bytes(3)'],
    [new Map([[1, 2]]), 'map(1)'],
    [new Set([1, 2]), 'set(2)'],
  ])('shows of %o only what it is', (value, text) => {
    expect(describeValue(value)).toBe(text);
  });
});

describe('shadow reads [CV-14]', () => {
  interface User {
    readonly name: string;
    readonly tags: readonly string[];
  }

  function given(options: Partial<MigrationOptions<string, User>> = {}) {
    const world = givenMigrations(flagAt('shadow'));
    const migration = world.migrations.define<string, User, unknown, unknown>('moved', {
      read: { legacy: (id) => ({ name: id, tags: ['a'] }), candidate: (id) => ({ name: `${id}!`, tags: ['a'] }) },
      ...options,
    });
    return { ...world, migration };
  }

  test('are compared, told by telemetry as sums, and show no value', async () => {
    const { migration, telemetry } = given();
    migration.read(WHO, 'ada');
    migration.read(WHO, 'bob');
    await migration.close();
    const differences = { compared: 2, equal: 0, different: 2, dropped: 0, timedOut: 0, shadowFailed: 0 };
    const sample = { legacy: 'string(3)', candidate: 'string(4)' };
    const expected = { ...differences, paths: [{ path: '$.name', kind: 'changed', count: 2, samples: [sample] }] };
    expect(migration.differences()).toEqual(expected);
    expect(telemetry().moved.differences).toEqual(expected);
    expect(JSON.stringify(telemetry())).not.toContain('ada');
  });

  test('show what they are allowed to show', async () => {
    const { migration } = given({ redact: (value, { side }) => `${side}: ${String(value).slice(0, 1)}…` });
    migration.read(WHO, 'ada');
    await migration.close();
    expect(migration.differences().paths[0]?.samples).toEqual([{ legacy: 'legacy: a…', candidate: 'candidate: a…' }]);
  });

  test('are judged by a function where one is given', async () => {
    const { migration } = given({ compare: (legacy, candidate) => legacy.tags.length === candidate.tags.length });
    migration.read(WHO, 'ada');
    await migration.close();
    expect(migration.differences()).toMatchObject({ compared: 1, equal: 1 });
  });

  const fail = (): never => {
    throw new Error('bug');
  };
  test.each<[string, Partial<MigrationOptions<string, User>>, object]>([
    ['compare', { compare: fail }, { compared: 0, shadowFailed: 1 }],
    ['redact', { redact: fail }, { compared: 1, different: 1 }],
    ['copy', { copy: fail }, { compared: 1 }],
  ])('never let an error of %s reach the caller', async (what, options, counted) => {
    const { migration, messages } = given(options);
    expect(migration.read(WHO, 'ada')).toEqual({ name: 'ada', tags: ['a'] });
    await migration.close();
    expect(migration.differences()).toMatchObject(counted);
    expect(messages()).toEqual([expect.stringContaining(what === 'redact' ? 'redact' : `'${what}'`)]);
  });

  test('compare the answer as it was before the caller changed it, where it is copied', async () => {
    for (const [copy, expected] of [
      [(answer: { n: number }) => ({ ...answer }), 1],
      [undefined, 0],
    ] as const) {
      const { migrations } = givenMigrations(flagAt('shadow'));
      const migration = migrations.define('moved', {
        read: { legacy: () => ({ n: 1 }), candidate: () => ({ n: 1 }) },
        ...(copy === undefined ? {} : { copy }),
      });
      migration.read(WHO, 1).n = 5;
      await migration.close();
      expect(migration.differences().equal).toBe(expected);
    }
  });

  test('are dropped, and counted, when too many wait; no more are under way than allowed', async () => {
    const { migrations } = givenMigrations(flagAt('shadow'));
    let underWay = 0;
    let most = 0;
    const candidate = async (): Promise<string> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return 'a';
    };
    const migration = migrations.define('moved', {
      read: { legacy: async () => 'a', candidate },
      shadows: { concurrency: 3, room: 10 },
    });
    await Promise.all(Array.from({ length: 100 }, () => migration.read(WHO, 1)));
    await migration.close();
    expect(migration.differences()).toMatchObject({ compared: 10, equal: 10, dropped: 90 });
    expect(most).toBe(3);
    await migration.read(WHO, 1);
    expect(migration.differences().dropped).toBe(91);
  });
});
