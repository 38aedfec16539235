import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TheseusError } from '../error.ts';
import { murmur3, murmur3Resume, saltState, utf8Length } from './murmur3.ts';
import vectors from './murmur3-vectors.json' with { type: 'json' };

describe('murmur3Resume()', () => {
  test('gives the hash of salt + key that an independent implementation gives', () => {
    expect(vectors.length).toBeGreaterThan(200);
    const ours = vectors.map(({ salt, key }) => ({ salt, key, hash: murmur3Resume(saltState(salt), key) }));
    expect(ours).toEqual(vectors.map(({ salt, key, hash }) => ({ salt, key, hash })));
  });

  test('equals a plain hash of the joined text', () => {
    const salts = fc.string({ unit: 'binary' }).filter((salt) => utf8Length(salt) % 4 === 0);
    fc.assert(
      fc.property(salts, fc.string({ unit: 'binary' }), (salt, key) => {
        expect(murmur3Resume(saltState(salt), key)).toBe(murmur3(salt + key));
      }),
    );
  });

  test('reads the UTF-8 that a text encoder writes, whatever the text', () => {
    // Every UTF-16 unit, surrogates without a partner included.
    const texts = fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 24 })
      .map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(texts, (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
        expect(murmur3(text)).toBe(murmur3(Buffer.from(text).toString('utf8')));
      }),
    );
  });

  test('is an unsigned integer', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const hash = murmur3(text);
        expect(hash >= 0 && hash < 2 ** 32 && Number.isInteger(hash)).toBe(true);
      }),
    );
  });
});

describe('saltState()', () => {
  test.each(['a', 'ab', 'abc', 'abcde', 'é', 'abcé', '日本'])('refuses %j, which ends inside a block', (salt) => {
    expect(() => saltState(salt)).toThrow(TheseusError);
    expect(() => saltState(salt)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
  });

  test.each(['', 'abcd', 'éé', '😀', 'a日'])('accepts %j, which fills whole blocks', (salt) => {
    expect(saltState(salt).byteLength).toBe(Buffer.byteLength(salt));
  });
});
