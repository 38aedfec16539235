import * as crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as secrets from './secrets/index.ts';
import * as validate from './validate/index.ts';

const MODULES: Readonly<Record<string, object>> = {
  'node:crypto': crypto,
  '@theseus/migrate/secrets': secrets,
  '@theseus/migrate/validate': validate,
};

/** Runs the examples of a page as one program, and returns what stands under these names at its end. */
async function ran(page: string, names: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const text = readFileSync(new URL(`../../../docs/reference/${page}`, import.meta.url), 'utf8');
  const code = [...text.matchAll(/```js\n(.*?)```/gs)].map(([, block = '']) => block).join('\n');
  const imports = /^import (\{.*?\}) from '(.*?)';$/gm;
  const program = code.replace(imports, (_, named: string, from: string) => `const ${named} = modules['${from}'];`);
  const run = new Function('modules', `return (async () => { ${program}; return { ${names.join(', ')} }; })()`);
  return run(MODULES) as Promise<Readonly<Record<string, unknown>>>;
}

describe('docs/reference/validation.md', () => {
  test('has examples that run, and say what they print [PX-2]', async () => {
    const { page, data, rows, checksum } = await ran('validation.md', ['page', 'data', 'rows', 'checksum']);
    expect((page as validate.DomSimilarity).score).toBeGreaterThan(0.9);
    expect((page as validate.DomSimilarity).score).toBeLessThan(1);
    expect(data).toEqual({ score: 1, differences: [] });
    expect([rows, checksum]).toEqual([1, expect.stringMatching(/^\w{64}$/)]);
  });
});

describe('docs/reference/secrets.md', () => {
  test('has examples that run [CO-9]', async () => {
    const { text, row, readField } = await ran('secrets.md', ['text', 'row', 'readField']);
    expect(text).toMatch(/^thsec1:k1:/);
    expect(row).toEqual({ plain: null, sealed: expect.stringMatching(/^thsec1:k1:/) });
    expect(readField).toBe(secrets.readField);
  });
});
