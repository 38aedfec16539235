import { z } from 'zod';
import { PLAN_LIMITS } from './limits.ts';

/* The words that the schemas of a plan file share: all of them are text or numbers here, and read elsewhere. */

export const name = z
  .string()
  .max(200)
  .regex(/^[a-z0-9]+(?:[-_.][a-z0-9]+)*$/i, 'use letters, digits and single - _ . between them');
export const planName = z
  .string()
  .max(200)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'write it in kebab-case, such as move-the-cache');
export const duration = z.string().describe('A duration: 250ms, 30s, 30m, 1h30m, 2d, 8w');
export const percent = z.string().describe('A percentage: 10%, 0.5%');
export const exposures = z
  .array(z.string().describe('An exposure, with its own soak where it has one: 25%, 25% for 48h'))
  .min(1)
  .max(100)
  .describe('Exposures, growing; 0% first lets in only those who are named');
export const windowText = z
  .string()
  .describe('When it may move: 02:00-04:00 UTC, Mon,Wed,Fri 10:00-12:00 Europe/Berlin');
export const instant = z.string().describe('A moment: 2026-05-05T09:00:00Z, 2026-05-05T09:00[Europe/Berlin]');
export const traffic = z.strictObject({
  users: z.number().int().min(1).max(1_000_000_000).describe('People whom a flag at 100 % reaches'),
  requests: z.number().positive().max(1_000_000).optional().describe('Requests of each of them in a minute; 1'),
});
export const url = z
  .string()
  .max(PLAN_LIMITS.urlLength)
  .describe('An http or https address; ${{ vars.name }} and ${{ env.NAME }} may stand in it');
export const commandLine = z
  .union([z.string().min(1), z.array(z.string()).min(1)])
  .describe('A program and its arguments; run without a shell. A list keeps each argument as it is');
export const unit = z.enum(['percent', 'ms', 'count', 'per-second']);
