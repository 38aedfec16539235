import { z } from 'zod';
import { PLAN_LIMITS } from './limits.ts';
import { commandLine, duration, name, unit, url } from './schema-words.ts';

/* Signals as people write them, by where they come from. */

const telemetrySignal = z.strictObject({
  telemetry: z
    .enum(['error-rate', 'success-rate', 'latency-p50', 'latency-p95', 'latency-p99', 'request-rate', 'agreement-rate'])
    .describe("What the SDK's own counters say about the flag's traffic"),
  unit: unit.optional(),
  over: duration.optional().describe('How much of the past one reading covers; 1m'),
  freshFor: duration.optional().describe('An older value is stale'),
});
const httpSignal = z.strictObject({
  http: url,
  pointer: z.string().describe('JSON pointer to the number in the answer, such as /data/value').optional(),
  unit: unit.optional(),
  freshFor: duration.optional(),
});
const commandSignal = z.strictObject({
  command: commandLine,
  unit: unit.optional(),
  freshFor: duration.optional(),
});
const reportedSignal = z.strictObject({
  reported: z.literal(true).describe('A value that people or programs report: theseus signal NAME VALUE'),
  unit: unit.optional(),
  freshFor: duration.optional().describe('How long a report counts; 24h'),
});

const query = z
  .string()
  .min(1)
  .max(PLAN_LIMITS.queryLength)
  .describe('${{ flag }} and ${{ environment }} stand for what is judged');
const share = z.enum([...unit.options, 'ratio']).describe('ratio where it answers 0 to 1: read as percent');
const prometheusSignal = z.strictObject({
  prometheus: query.describe(
    'PromQL that answers one number, for ${{ flag }} in ${{ environment }} where they stand in it',
  ),
  legacy: query.describe('The same number for the legacy arm').optional(),
  sample: query.describe('How many requests stand behind the number').optional(),
  at: url.describe("The Prometheus to ask; the server's own where absent").optional(),
  unit: share.optional(),
  freshFor: duration.optional(),
});
const sqlSignal = z.strictObject({
  sql: query.describe(
    'One SELECT that answers one row with one number; ${{ flag }} and ${{ environment }} are bound to it',
  ),
  database: z.string().describe('A PostgreSQL address, best as a secret: ${{ env.NAME }}'),
  unit: share.optional(),
  freshFor: duration.optional(),
});
const alertSignal = z.strictObject({
  alert: z.string().min(1).max(200).describe('Name of an alert that Alertmanager sends: 1 while it fires, else 0'),
  labels: z.record(z.string(), z.string()).describe('Labels that the alert must have').optional(),
  freshFor: duration.optional().describe('How long ago Alertmanager may have spoken last; 15m'),
});

const goalSignal = z.strictObject({
  goal: name.describe("What programs track of users: theseus.track('replied', { userId })"),
  measure: z
    .enum(['rate', 'value'])
    .describe('rate: how many users reach it; value: the mean of what it is worth by user; rate')
    .optional(),
  lowerIsBetter: z.boolean().describe('Such as for complaints; false').optional(),
  freshFor: duration.optional().describe('How long SDKs may have been silent; 90s'),
});

export const signalSchemas = {
  telemetry: telemetrySignal,
  http: httpSignal,
  command: commandSignal,
  reported: reportedSignal,
  prometheus: prometheusSignal,
  sql: sqlSignal,
  alert: alertSignal,
  goal: goalSignal,
} as const;
