import { randomBytes, webcrypto } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Envelope, envelope, type SecretContext } from './envelope.ts';
import { isEncrypted } from './secret-text.ts';

const OLD_KEY = Uint8Array.from({ length: 32 }, (_, at) => at);
const NEW_KEY = Uint8Array.from({ length: 32 }, (_, at) => 255 - at);
const CONTEXT: SecretContext = { tenant: 'acme', subject: 'ada', field: 'github_token' };
/** Made once by this format; it must be readable for ever. */
const VECTOR =
  'thsec1:old:L1McIm8bOXKfBfWT9VElIP-IrQmapv020dhVuYsTnXcMWAnsoMeYQ8V43Xdpvq8PA19bM0C7ze45mDSLtOa1LNjjlB6cbg';

const oldKeys = envelope({ keys: { old: OLD_KEY }, current: 'old' });
const bothKeys = envelope({ keys: { old: OLD_KEY, new: NEW_KEY }, current: 'new' });

function textOfError(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    return inspect(thrown, { depth: 10, showHidden: true });
  }
  throw new Error('Nothing was thrown');
}

/** The format, read by another implementation of the same standards. */
async function readByWebCrypto(
  text: string,
  keyBytes: Uint8Array,
  { tenant, subject, field }: SecretContext,
): Promise<string> {
  const [, keyId = '', payload = ''] = text.split(':');
  const bytes = new Uint8Array(Buffer.from(payload, 'base64url'));
  const info = new TextEncoder().encode(`theseus secret 1 ${keyId}`);
  const base = await webcrypto.subtle.importKey('raw', new Uint8Array(keyBytes), 'HKDF', false, ['deriveKey']);
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: bytes.slice(0, 16), info };
  const key = await webcrypto.subtle.deriveKey(hkdf, base, { name: 'AES-GCM', length: 256 }, false, ['decrypt']);
  const additionalData = new TextEncoder().encode(
    JSON.stringify(['theseus secret', 1, keyId, tenant ?? '', subject, field]),
  );
  const gcm = { name: 'AES-GCM', iv: bytes.slice(16, 28), additionalData, tagLength: 128 };
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    await webcrypto.subtle.decrypt(gcm, key, bytes.slice(28)),
  );
}

const wellFormed = fc.string({ unit: 'binary', maxLength: 200 });

describe('envelope()', () => {
  test('gives back what was encrypted, any text, in any context [CO-9]', () => {
    fc.assert(
      fc.property(wellFormed, wellFormed, wellFormed, wellFormed, (plaintext, tenant, subject, field) => {
        const context = { tenant, subject, field };
        const text = oldKeys.encrypt(plaintext, context);
        expect(isEncrypted(text)).toBe(true);
        expect(oldKeys.decrypt(text, context)).toBe(plaintext);
      }),
    );
  });

  test('is AES-256-GCM under HKDF-SHA-256, as another implementation reads it [CO-9]', async () => {
    await fc.assert(
      fc.asyncProperty(wellFormed, async (plaintext) => {
        expect(await readByWebCrypto(oldKeys.encrypt(plaintext, CONTEXT), OLD_KEY, CONTEXT)).toBe(plaintext);
      }),
      { numRuns: 30 },
    );
  });

  test('reads what it wrote in earlier releases', async () => {
    expect(oldKeys.decrypt(VECTOR, CONTEXT)).toBe('gho_16C7e42F292c6912E7 ✓');
    expect(await readByWebCrypto(VECTOR, OLD_KEY, CONTEXT)).toBe('gho_16C7e42F292c6912E7 ✓');
  });

  test('never writes the same twice', () => {
    const texts = Array.from({ length: 1_000 }, () => oldKeys.encrypt('same', CONTEXT));
    expect(new Set(texts).size).toBe(1_000);
    expect(new Set(texts.map((text) => text.slice(0, 50))).size).toBe(1_000);
  });

  test('refuses a value of which any one character was changed, added or cut off [CO-9]', () => {
    const text = oldKeys.encrypt('secret', CONTEXT);
    const others = 'Ab0_-:=+/ ';
    for (let at = 0; at < text.length; at += 1) {
      for (const other of others) {
        if (other === text[at]) continue;
        const changed = text.slice(0, at) + other + text.slice(at + 1);
        expect(() => oldKeys.decrypt(changed, CONTEXT), changed).toThrow(
          /^Cannot (?:read|decrypt) field 'github_token'/,
        );
      }
      expect(() => oldKeys.decrypt(text.slice(0, at), CONTEXT)).toThrow();
    }
    expect(() => oldKeys.decrypt(`${text}A`, CONTEXT)).toThrow();
    expect(() => oldKeys.decrypt(`${text}=`, CONTEXT)).toThrow();
  });

  test('refuses a value of which any one bit was flipped', () => {
    const text = oldKeys.encrypt('secret', CONTEXT);
    const start = text.lastIndexOf(':') + 1;
    const bytes = Buffer.from(text.slice(start), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => oldKeys.decrypt(text.slice(0, start) + flipped.toString('base64url'), CONTEXT)).toThrow(
        'Cannot decrypt',
      );
    }
  });

  test.each<[string, SecretContext]>([
    ['subject', { ...CONTEXT, subject: 'eve' }],
    ['tenant', { ...CONTEXT, tenant: 'other' }],
    ['field', { ...CONTEXT, field: 'gitlab_token' }],
    ['absent tenant', { subject: 'ada', field: 'github_token' }],
    ['boundary between its parts', { tenant: 'acmea', subject: 'da', field: 'github_token' }],
  ])('refuses a value of another %s [CO-9]', (_, context) => {
    expect(() => oldKeys.decrypt(oldKeys.encrypt('secret', CONTEXT), context)).toThrow('Cannot decrypt field');
  });

  test('refuses a key of the same id with other bytes', () => {
    const other = envelope({ keys: { old: NEW_KEY }, current: 'old' });
    expect(() => other.decrypt(oldKeys.encrypt('secret', CONTEXT), CONTEXT)).toThrow("or key 'old' is another one");
  });

  test('refuses what is too large, and what has no UTF-8', () => {
    expect(() => oldKeys.encrypt('x'.repeat(1_048_577), CONTEXT)).toThrow('of 1048577 bytes: at most 1048576');
    expect(() => oldKeys.encrypt('\ud800', CONTEXT)).toThrow('half a surrogate pair');
  });
});

describe('keys of an envelope', () => {
  test('may be base64', () => {
    const text = Buffer.from(OLD_KEY).toString('base64');
    expect(envelope({ keys: { old: text }, current: 'old' }).decrypt(VECTOR, CONTEXT)).toMatch(/^gho/);
  });

  test.each<[string, () => Envelope]>([
    [
      "Cannot use key 'k': it has 31 bytes, and must have 32",
      () => envelope({ keys: { k: OLD_KEY.slice(1) }, current: 'k' }),
    ],
    ["Cannot encrypt by key 'k': no key is given", () => envelope({ keys: {}, current: 'k' })],
    [
      "Cannot encrypt by key 'k': it is not among the given keys old",
      () => envelope({ keys: { old: OLD_KEY }, current: 'k' }),
    ],
    ['Cannot use a key id of 3 characters', () => envelope({ keys: { 'a:b': OLD_KEY }, current: 'a:b' })],
  ])('are refused: %s', (text, make) => {
    expect(make).toThrow(text);
  });

  test('cannot be had from an envelope', () => {
    expect(inspect(oldKeys, { depth: 10, showHidden: true })).not.toMatch(/00 ?01 ?02|KeyObject/);
    expect(JSON.stringify(oldKeys)).toBe('{}');
  });

  test('rotate: values of the old key are read, and written anew under the current one [CO-9]', () => {
    const text = oldKeys.encrypt('secret', CONTEXT);
    const { text: rotated, isChanged } = bothKeys.rotate(text, CONTEXT);
    expect([bothKeys.keyIdOf(text), bothKeys.keyIdOf(rotated), isChanged]).toEqual(['old', 'new', true]);
    expect(bothKeys.rotate(rotated, CONTEXT)).toEqual({ text: rotated, isChanged: false });
    const newKeys = envelope({ keys: { new: NEW_KEY }, current: 'new' });
    expect(newKeys.decrypt(rotated, CONTEXT)).toBe('secret');
    expect(() => newKeys.decrypt(text, CONTEXT)).toThrow("by key 'old': it is not among the given keys new");
    expect(() => bothKeys.rotate(text, { ...CONTEXT, subject: 'eve' })).toThrow('Cannot decrypt');
  });

  test('and plaintext are in no error', () => {
    const secret = randomBytes(12).toString('hex');
    const elsewhere = { ...CONTEXT, subject: 'eve' };
    const texts = [
      () => oldKeys.decrypt(secret, CONTEXT),
      () => oldKeys.decrypt(oldKeys.encrypt(secret, CONTEXT), elsewhere),
      () => oldKeys.encrypt(`${secret}\ud800`, CONTEXT),
      () => envelope({ keys: { k: secret }, current: 'k' }),
      () => envelope({ keys: { [`${secret}:`]: OLD_KEY }, current: 'k' }),
    ].map(textOfError);
    for (const text of texts) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(OLD_KEY).toString('base64'));
      expect(text).not.toContain(Buffer.from(OLD_KEY).toString('hex'));
    }
  });
});

describe('isEncrypted()', () => {
  test.each([null, undefined, 7, '', 'gho_x', 'thsec1:', 'thsec1:k:', 'thsec2:k:AAAA', 'thsec1:k:AA AA'])(
    'is false for %o',
    (value) => {
      expect(isEncrypted(value)).toBe(false);
    },
  );
});
