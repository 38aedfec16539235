import { expect, test } from 'vitest';
import { documentOf, flagOf } from '../../test-support/fake-server.ts';
import { type FlagChange, FlagStore } from './flag-store.ts';

function storeWithNews() {
  const news: FlagChange[] = [];
  return { news, store: new FlagStore((change) => news.push(change())) };
}

test('FlagStore takes only newer documents', () => {
  const { store, news } = storeWithNews();
  expect(store.version).toBe(0);
  expect(store.offerDocument(documentOf(5, [flagOf('a')]))).toBe('applied');
  expect(store.offerDocument(documentOf(5, []))).toBe('same');
  expect(store.offerDocument(documentOf(4, []))).toBe('older');
  expect(store.flags?.keys().next().value).toBe('a');
  expect(news).toEqual([{ version: 5, changed: ['a'] }]);
});

test('FlagStore takes a patch only where it follows', () => {
  const { store, news } = storeWithNews();
  const patch = { from: 5, version: 6, flags: { b: flagOf('b') }, removed: ['a'] };
  expect(store.offerPatch(patch)).toBe('gap');
  store.offerDocument(documentOf(5, [flagOf('a')]));
  expect(store.offerPatch({ ...patch, from: 6, version: 7 })).toBe('gap');
  expect(store.offerPatch(patch)).toBe('applied');
  expect(store.offerPatch(patch)).toBe('known');
  expect(store.version).toBe(6);
  expect(news.at(-1)).toEqual({ version: 6, changed: ['b', 'a'] });
});

test('FlagStore names what differs between two documents, segments included', () => {
  const { store, news } = storeWithNews();
  const segment = (value: number) => ({
    s: { key: 's', conditions: [{ attribute: 'n', operator: 'above' as const, value }] },
  });
  const inSegment = flagOf('in-segment', { rules: [{ segment: 's', exposure: 5 }] });
  store.offerDocument(
    documentOf(1, [flagOf('same'), flagOf('gone'), flagOf('other', { exposure: 1 }), inSegment], {
      segments: segment(1),
    }),
  );
  store.offerDocument(
    documentOf(2, [flagOf('same'), flagOf('new'), flagOf('other', { exposure: 2 }), inSegment], {
      segments: segment(2),
    }),
  );
  expect(new Set(news.at(-1)?.changed)).toEqual(new Set(['gone', 'new', 'other', 'in-segment']));
});
