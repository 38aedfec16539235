import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { TheseusError } from '@theseus/core/error';
import {
  isKeyId,
  NONCE_BYTES,
  readSecret,
  SALT_BYTES,
  type SecretParts,
  TAG_BYTES,
  writeSecret,
} from './secret-text.ts';

const KEY_BYTES = 32;
/** Bytes of plaintext: what is larger is a file, and belongs into a store of files. */
const PLAINTEXT_MOST = 1_048_576;
const KEYS_MOST = 100;

/** Where a value belongs: it is readable nowhere else, so that no value can be moved to another person, tenant or field. */
export interface SecretContext {
  /** Absent where there is but one. */
  readonly tenant?: string;
  readonly subject: string;
  readonly field: string;
}

export interface EnvelopeOptions {
  /** Keys by id: 32 random bytes each, or the same as base64. Ids are seen in every value; never use one again for another key. */
  readonly keys: Readonly<Record<string, Uint8Array | string>>;
  /** The id of the key that new values are encrypted by; the others only read. */
  readonly current: string;
}

export interface Rotated {
  readonly text: string;
  /** False where the value was under the current key already. */
  readonly isChanged: boolean;
}

/** Encrypts small values at rest; see docs/reference/secrets.md. */
export interface Envelope {
  /** Each call gives another text, also for the same value. */
  encrypt(plaintext: string, context: SecretContext): string;
  /** @throws TheseusError `corrupt-record` for a value that was changed or belongs elsewhere, `not-found` for a key that is not given */
  decrypt(text: string, context: SecretContext): string;
  /** Under the current key; checks the value on the way. */
  rotate(text: string, context: SecretContext): Rotated;
  /** The id of the key that a value is under: what is left under an old one before that is thrown away. */
  keyIdOf(text: string): string;
}

/**
 * AES-256-GCM with a key of its own for each value, derived by HKDF-SHA-256 from the named key and a random salt.
 *
 * @throws TheseusError `invalid-argument` for a key of another length, a key id that cannot stand in a text, or no current key
 * @example envelope({ keys: { 'k1': process.env.SECRETS_KEY }, current: 'k1' })
 */
export function envelope({ keys, current }: EnvelopeOptions): Envelope {
  const known = new Map(Object.entries(keys).map(([id, key]) => [id, checkedKey(id, key)]));
  if (known.size > KEYS_MOST) throw invalid(`Cannot use ${known.size} keys: at most ${KEYS_MOST} are allowed`);
  const currentKey = known.get(current);
  if (currentKey === undefined) throw invalid(`Cannot encrypt by key '${current}': ${givenKeys(known)}`);
  const encrypt = (plaintext: string, context: SecretContext) => seal(plaintext, context, current, currentKey);
  const decrypt = (text: string, context: SecretContext) => {
    const parts = readSecret(text, context.field);
    const key = known.get(parts.keyId);
    if (key !== undefined) return open(parts, context, key);
    throw new TheseusError(
      'not-found',
      `Cannot decrypt field '${context.field}' by key '${parts.keyId}': ${givenKeys(known)}`,
    );
  };
  return {
    encrypt,
    decrypt,
    rotate(text, context) {
      const plaintext = decrypt(text, context);
      const isChanged = readSecret(text, context.field).keyId !== current;
      return { text: isChanged ? encrypt(plaintext, context) : text, isChanged };
    },
    keyIdOf: (text) => readSecret(text, 'unknown').keyId,
  };
}

function checkedKey(id: string, key: Uint8Array | string): KeyObject {
  if (!isKeyId(id))
    throw invalid(`Cannot use a key id of ${id.length} characters: 1 to 32 of A-Z a-z 0-9 _ - are allowed`);
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.from(key);
  if (bytes.length === KEY_BYTES) return createSecretKey(bytes);
  throw invalid(
    `Cannot use key '${id}': it has ${bytes.length} bytes, and must have ${KEY_BYTES} (openssl rand -base64 32)`,
  );
}

function givenKeys(keys: ReadonlyMap<string, unknown>): string {
  return keys.size === 0 ? 'no key is given' : `it is not among the given keys ${[...keys.keys()].sort().join(', ')}`;
}

function seal(plaintext: string, context: SecretContext, keyId: string, key: KeyObject): string {
  const bytes = checkedPlaintext(plaintext, context.field);
  const [salt, nonce] = [randomBytes(SALT_BYTES), randomBytes(NONCE_BYTES)];
  const cipher = createCipheriv('aes-256-gcm', valueKey(key, keyId, salt), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(boundContext(keyId, context));
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final()]);
  return writeSecret({ keyId, salt, nonce, ciphertext, tag: cipher.getAuthTag() });
}

function open({ keyId, salt, nonce, ciphertext, tag }: SecretParts, context: SecretContext, key: KeyObject): string {
  const decipher = createDecipheriv('aes-256-gcm', valueKey(key, keyId, salt), nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(boundContext(keyId, context)).setAuthTag(tag);
  const bytes = decipher.update(ciphertext);
  try {
    // OpenSSL compares the tag in constant time; nothing of what was decrypted leaves before that.
    decipher.final();
  } catch {
    throw new TheseusError(
      'corrupt-record',
      `Cannot decrypt field '${context.field}': its value was changed, or belongs to another tenant, subject or field, or key '${keyId}' is another one`,
    );
  }
  return bytes.toString('utf8');
}

function valueKey(key: KeyObject, keyId: string, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, salt, `theseus secret 1 ${keyId}`, KEY_BYTES));
}

/** One text for each context: as a list in JSON, so that 'a' of 'bc' is not 'ab' of 'c'. */
function boundContext(keyId: string, { tenant = '', subject, field }: SecretContext): Buffer {
  return Buffer.from(JSON.stringify(['theseus secret', 1, keyId, tenant, subject, field]), 'utf8');
}

function checkedPlaintext(plaintext: string, field: string): Buffer {
  const bytes = Buffer.from(plaintext, 'utf8');
  if (bytes.length > PLAINTEXT_MOST) {
    throw new TheseusError(
      'limit-exceeded',
      `Cannot encrypt field '${field}' of ${bytes.length} bytes: at most ${PLAINTEXT_MOST} are allowed`,
    );
  }
  if (bytes.toString('utf8') !== plaintext) {
    throw invalid(
      `Cannot encrypt field '${field}': half a surrogate pair in it cannot be written as UTF-8; encode bytes as base64`,
    );
  }
  return bytes;
}

function invalid(text: string): TheseusError {
  return new TheseusError('invalid-argument', text);
}
