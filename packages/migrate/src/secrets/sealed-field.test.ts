import { describe, expect, test } from 'vitest';
import { defineMigration } from '../handler.ts';
import { decryptAndCompare } from '../validate/decrypt-and-compare.ts';
import { envelope } from './envelope.ts';
import { clearPlain, readField, type SealedField, sealField, unsealField } from './sealed-field.ts';

const secrets = envelope({ keys: { k1: new Uint8Array(32).fill(7) }, current: 'k1' });
const ADA = { subject: 'ada', field: 'token' };
const EVE = { subject: 'eve', field: 'token' };
const PLAIN: SealedField = { plain: 'gho_1', sealed: null };

/** A table of tokens as careeros has one, and how its rows are moved. */
function givenTokens() {
  const rows = new Map<string, SealedField>([
    ['ada', PLAIN],
    ['eve', { plain: 'gho_2', sealed: null }],
  ]);
  const rowOf = (key: string) => rows.get(key) ?? { plain: null, sealed: null };
  const context = (subject: string) => ({ subject, field: 'token' });
  const migration = defineMigration({
    save: async ({ key }) => ({ ...rowOf(key) }),
    migrate: async ({ key }) => {
      rows.set(key, sealField(rowOf(key), context(key), secrets));
      return undefined;
    },
    validate: async ({ key }) => {
      const { plain, sealed } = rowOf(key);
      return decryptAndCompare(secrets, sealed ?? '', plain ?? '', context(key));
    },
    restore: async ({ key }, saved) => {
      rows.set(key, saved as unknown as SealedField);
    },
  });
  return { rows, rowOf, context, migration };
}

describe('a field on its way to be encrypted', () => {
  test('keeps its plaintext until the encrypted value is verified, then loses it, and can go back [CO-9]', () => {
    const both = sealField(PLAIN, ADA, secrets);
    expect(both.plain).toBe('gho_1');
    expect(readField(both, ADA, secrets)).toEqual({ value: 'gho_1', from: 'sealed' });
    const sealed = clearPlain(both, ADA, secrets);
    expect(sealed).toEqual({ plain: null, sealed: both.sealed });
    expect(readField(sealed, ADA, secrets)).toEqual({ value: 'gho_1', from: 'sealed' });
    expect(unsealField(sealed, ADA, secrets)).toEqual(PLAIN);
  });

  test('falls back to its plaintext, and says why [CO-9]', () => {
    const foreign = { plain: 'gho_1', sealed: secrets.encrypt('gho_1', EVE) };
    expect(readField(foreign, ADA, secrets)).toMatchObject({
      value: 'gho_1',
      from: 'plain',
      problem: /^Cannot decrypt/,
    });
    const stale = { plain: 'gho_9', sealed: secrets.encrypt('gho_1', ADA) };
    expect(readField(stale, ADA, secrets)).toMatchObject({ value: 'gho_9', from: 'plain', problem: /another value/ });
  });

  test.each<[string, SealedField]>([
    ['missing', PLAIN],
    ['of another user', { plain: 'gho_1', sealed: secrets.encrypt('gho_1', EVE) }],
    ['of another value', { plain: 'gho_1', sealed: secrets.encrypt('gho_2', ADA) }],
    ['no encrypted value', { plain: 'gho_1', sealed: 'gho_1' }],
  ])('keeps its plaintext while the encrypted value is %s, and is sealed again [CO-9]', (_, field) => {
    expect(() => clearPlain(field, ADA, secrets)).toThrow("Cannot remove the plaintext of field 'token'");
    expect(clearPlain(sealField(field, ADA, secrets), ADA, secrets).plain).toBeNull();
  });

  test('is sealed once, however often that is asked for', () => {
    const once = sealField(PLAIN, ADA, secrets);
    expect(sealField(once, ADA, secrets)).toBe(once);
    const cleared = clearPlain(once, ADA, secrets);
    expect(sealField(cleared, ADA, secrets)).toBe(cleared);
    expect(clearPlain(cleared, ADA, secrets)).toBe(cleared);
  });

  test('may be empty, which is not absent', () => {
    const empty = clearPlain(sealField({ plain: '', sealed: null }, ADA, secrets), ADA, secrets);
    expect(readField(empty, ADA, secrets)).toEqual({ value: '', from: 'sealed' });
    expect(readField({ plain: null, sealed: null }, ADA, secrets)).toEqual({ value: null, from: 'nowhere' });
  });

  test('throws where nothing else is left and it cannot be read', () => {
    expect(() => readField({ plain: null, sealed: secrets.encrypt('x', EVE) }, ADA, secrets)).toThrow('Cannot decrypt');
  });
});

describe('a table of tokens', () => {
  test('is moved for one user first, proved, and taken back byte for byte [CO-9]', async () => {
    const { rows, rowOf, context, migration } = givenTokens();
    const [ada, eve] = [structuredClone(rowOf('ada')), structuredClone(rowOf('eve'))];
    const saved = await migration.save({ key: 'ada' });
    await migration.migrate({ key: 'ada' });
    expect(await migration.validate({ key: 'ada' })).toEqual({ scores: { secrets: 1 } });
    expect(rowOf('eve')).toEqual(eve);
    rows.set('ada', clearPlain(rowOf('ada'), context('ada'), secrets));
    await migration.restore({ key: 'ada' }, saved);
    expect(rowOf('ada')).toEqual(ada);
  });

  test('is told to be wrong where a value is, without showing it', async () => {
    const { rows, migration } = givenTokens();
    rows.set('ada', { plain: 'gho_1', sealed: secrets.encrypt('gho_other', ADA) });
    const found = await migration.validate({ key: 'ada' });
    expect(found.scores).toEqual({ secrets: 0 });
    expect(found.note).not.toMatch(/gho/);
  });
});
