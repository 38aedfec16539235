import { z } from 'zod';
import { planSchema } from './source-schema.ts';

/** The plan language as JSON Schema (draft 7), generated from what checks it: for completion in editors. */
export function planJsonSchema(): Readonly<Record<string, unknown>> {
  const schema = z.toJSONSchema(planSchema, { target: 'draft-7', io: 'input' });
  return { ...schema, title: 'Theseus plan' };
}
