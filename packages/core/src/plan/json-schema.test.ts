import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { planJsonSchema } from './json-schema.ts';

const example: unknown = parse(readFileSync(new URL('../../test-support/example-plan.yaml', import.meta.url), 'utf8'));

interface Validator {
  (value: unknown): boolean;
  errors?: unknown;
}
// ESLint brings ajv 6, which judges draft 7: the schema is tried by a validator that had no part in making it.
const Ajv = createRequire(import.meta.url)('ajv') as new (options: object) => { compile(schema: object): Validator };
const validate = new Ajv({ allErrors: true, schemaId: 'auto' }).compile(planJsonSchema());

describe('planJsonSchema()', () => {
  it('is draft 7 with a text for what editors complete [ALL-1]', () => {
    const schema = planJsonSchema() as { $schema: string; properties: Record<string, { description?: string }> };
    expect(schema.$schema).toContain('draft-07');
    expect(Object.entries(schema.properties).filter(([, { description }]) => !description)).toEqual([]);
  });

  it('accepts the example [ALL-1]', () => {
    validate(example);
    expect(validate.errors).toBeNull();
  });

  it.each<[string, object]>([
    ['an unknown key', { titel: 'x' }],
    ['a flag of a later version', { flags: { cache: { keep: 'in-flight' } } }],
    ['a number for a share', { risks: { low: { through: [10], soak: '1h' } } }],
    ['silence that passes', { gates: { standard: { rules: [{ 'errors > 5%': 'hold' }], silence: 'pass' } } }],
    ['a step of no kind', { phases: [{ phase: 'one', steps: [{ rmap: 'cache' }] }] }],
  ])('refuses %s [ALL-1]', (_what, change) => {
    expect(validate({ ...(example as object), ...change })).toBe(false);
  });
});
