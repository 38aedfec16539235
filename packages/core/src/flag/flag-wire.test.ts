import { describe, expect, it } from 'vitest';
import type { FlagDefinition, FlagDocument } from './flag-document.ts';
import { sentDocument, sentPatch } from './flag-wire.ts';
import { parseFlagDocument, parseFlagPatch } from './parse-flag-document.ts';

const PLAIN: FlagDefinition = {
  key: 'plain',
  enabled: true,
  cohort: 'userId',
  salt: 'plan',
  exposure: 25_000,
  requires: [],
  overrides: { candidate: [], legacy: [] },
  rules: [],
  fallback: true,
};
const OTHER: FlagDefinition = {
  ...PLAIN,
  key: 'other',
  enabled: false,
  requires: ['plain'],
  overrides: { candidate: [], legacy: ['ana'] },
  rules: [{ segment: 'near', exposure: 1 }],
  fallback: false,
  epoch: 3,
  variants: [{ name: 'short', weight: 100_000 }],
};
const DOCUMENT: FlagDocument = { version: 4, flushEveryMs: 5_000, flags: { plain: PLAIN, other: OTHER }, segments: {} };

const sentAndRead = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a document as it is sent', () => {
  it('leaves out lists that are empty, and comes to the same when it is read', () => {
    const sent = sentDocument(DOCUMENT);
    expect(sent.flags['plain']).toEqual({
      key: 'plain',
      enabled: true,
      cohort: 'userId',
      salt: 'plan',
      exposure: 25_000,
      fallback: true,
    });
    expect(parseFlagDocument(sentAndRead(sent))).toEqual({ kind: 'document', document: DOCUMENT });
  });

  it('may be a patch', () => {
    const patch = { from: 4, version: 5, flags: { plain: PLAIN, other: OTHER }, removed: ['gone'] };
    expect(parseFlagPatch(sentAndRead(sentPatch(patch)))).toEqual({ kind: 'patch', patch });
  });

  it('may be whole, as older servers and copies on disk have it', () => {
    expect(parseFlagDocument(sentAndRead(DOCUMENT))).toEqual({ kind: 'document', document: DOCUMENT });
  });
});
