import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { flagAt, givenMigrations } from '../../test-support/given-migration.ts';
import { dualCache } from './dual-cache.ts';
import { openRepairJournal } from './repair-journal.ts';
import { otherSide, STAGE_TABLE } from './stage-table.ts';

const page = readFileSync(new URL('../../../../docs/reference/migration.md', import.meta.url), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'theseus-migration-'));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A store in memory that notes who was asked for what. */
function storeOf(calls: string[], name: string) {
  const entries = new Map<string, unknown>();
  const verb = (of: string) => async (what: unknown) => void calls.push(`${name} ${of} ${JSON.stringify(what)}`);
  return {
    get: async (id: string) => entries.get(id),
    put: async (user: { id: string }) => void entries.set(user.id, user),
    set: async (key: string, value: unknown) => void entries.set(key, value),
    delete: async (key: string) => entries.delete(key),
    take: verb('take'),
    give: verb('give'),
    move: verb('move'),
    back: verb('back'),
  };
}

describe('docs/reference/migration.md', () => {
  test('shows the stages as they are [CV-2]', () => {
    const rows = Object.entries(STAGE_TABLE).map(([stage, { reads, authority, writes }]) => {
      const order = writes === 'both' ? `${authority}, ${otherSide(authority)}` : writes;
      return `| \`${stage}\` | ${reads} | ${authority} | ${order} |`;
    });
    expect(page).toContain(rows.join('\n'));
  });

  test('has examples that run', async () => {
    const { migrations } = givenMigrations({ ...flagAt('live'), key: 'user-store' });
    const theseus = { migration: migrations.define.bind(migrations) };
    const calls: string[] = [];
    const printed: unknown[][] = [];
    const names = {
      theseus,
      dualCache,
      openRepairJournal: () => openRepairJournal(join(folder, 'users.repairs')),
      oldStore: storeOf(calls, 'old'),
      newStore: storeOf(calls, 'new'),
      oldCache: storeOf(calls, 'old'),
      newCache: storeOf(calls, 'new'),
      console: { log: (...values: unknown[]) => printed.push(values) },
    };
    const code = [...page.matchAll(/```js\n(.*?)```/gs)].map(([, block]) => block).join('\n');
    const program = new Function(
      ...Object.keys(names),
      `return (async () => { ${code}; await repairs.close(); return user; })()`,
    );
    expect(await program(...Object.values(names))).toEqual({ id: 'ada', name: 'Ada', tags: [] });
    expect(calls).toEqual(['new move {"from":"ada","to":"bob"}']);
    expect(printed[0]?.slice(3)).toEqual(['closed', 0]);
    await migrations.close();
  });
});
