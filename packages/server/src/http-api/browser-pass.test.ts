import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { browserPass } from '../../../sdk/src/browser-pass.ts';
import type { TokenHolder } from '../ports/token-service.ts';
import { passHolder } from './browser-pass.ts';

const HOUR = 3_600_000;
const NOW = 1_000 * 24 * HOUR;
const TOKEN = 'ths_sdk_abc';
const ADA: TokenHolder = { name: 'sdk', role: 'sdk', key: createHash('sha256').update(TOKEN).digest('hex') };
const tokens = { bearers: async () => [{ ...ADA, name: 'eve', key: 'e' }, ADA] };

const holderOf = (pass: string, now = NOW) => passHolder(tokens, pass, now);
const written = (more: object = {}) => browserPass({ token: TOKEN, environment: 'staging', ...more }, NOW);

describe('passHolder()', () => {
  it('knows a pass that the SDK wrote, for its environment, as long as it is good', async () => {
    expect(await holderOf(written())).toEqual({
      name: 'sdk in browsers',
      role: 'browser',
      key: ADA.key,
      environment: 'staging',
    });
    expect(await holderOf(written(), NOW + HOUR - 1_000)).not.toBeNull();
    expect(await holderOf(written(), NOW + HOUR)).toBeNull();
    expect(written()).not.toContain(TOKEN);
  });

  it.each<[string, (pass: string) => string]>([
    ['of another environment', (pass) => pass.replace('.staging.', '.production.')],
    ['that is good for longer', (pass) => pass.replace(/\.(\d+)\./, (_whole, end) => `.${Number(end) + 60}.`)],
    ['of another token', () => browserPass({ token: 'ths_sdk_other', environment: 'staging' }, NOW)],
    ['that was cut off', (pass) => pass.slice(0, -1)],
    ['that is good from another day', () => browserPass({ token: TOKEN, forMs: 24 * HOUR }, NOW + 2 * HOUR)],
    ['that is nothing', () => 'ths_web_'],
  ])('knows none %s', async (_what, spoil) => {
    expect(await holderOf(spoil(written()))).toBeNull();
  });

  it.each([{ forMs: 0 }, { forMs: 25 * HOUR }, { forMs: Number.NaN }, { environment: 'NO' }, { token: '' }])(
    'is not written with %j',
    (more) => {
      expect(() => written(more)).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    },
  );
});
