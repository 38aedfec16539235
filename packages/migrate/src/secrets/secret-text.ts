import { TheseusError } from '@theseus/core/error';

/** What every encrypted value begins with: the name, and the version of the format. */
const PREFIX = 'thsec1:';
const SHAPE = /^thsec1:(?<keyId>[A-Za-z0-9_-]{1,32}):(?<payload>[A-Za-z0-9_-]+)$/;

export const SALT_BYTES = 16;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;
const OVERHEAD_BYTES = SALT_BYTES + NONCE_BYTES + TAG_BYTES;

/** The parts of `thsec1:KEY-ID:base64url(salt ‖ nonce ‖ ciphertext ‖ tag)`. */
export interface SecretParts {
  readonly keyId: string;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Whether a value has the form of an encrypted one; whether it can be read, only its key tells. */
export function isEncrypted(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith(PREFIX) && SHAPE.test(value);
}

export function isKeyId(text: string): boolean {
  return /^[A-Za-z0-9_-]{1,32}$/.test(text);
}

export function writeSecret({ keyId, salt, nonce, ciphertext, tag }: SecretParts): string {
  return `${PREFIX}${keyId}:${Buffer.concat([salt, nonce, ciphertext, tag]).toString('base64url')}`;
}

/** @throws TheseusError `corrupt-record`, without a word of what was given: it may be a plaintext */
export function readSecret(text: string, field: string): SecretParts {
  const { keyId, payload } = SHAPE.exec(text)?.groups ?? {};
  const bytes = Buffer.from(payload ?? '', 'base64url');
  // Other texts of the same bytes exist, since decoders skip what they do not know: one value has one text.
  const isExact = bytes.toString('base64url') === payload;
  if (keyId === undefined || !isExact || bytes.length < OVERHEAD_BYTES) {
    throw new TheseusError(
      'corrupt-record',
      `Cannot read field '${field}': its value is not of the form thsec1:KEY-ID:…; is it plaintext, or cut off?`,
    );
  }
  const end = bytes.length - TAG_BYTES;
  return {
    keyId,
    salt: bytes.subarray(0, SALT_BYTES),
    nonce: bytes.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES),
    ciphertext: bytes.subarray(SALT_BYTES + NONCE_BYTES, end),
    tag: bytes.subarray(end),
  };
}
