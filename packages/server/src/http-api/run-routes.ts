import { createRoute, z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { planHash } from '@theseus/core/plan';
import type { PlanEdit, Verb } from '@theseus/core/rollout';
import type { HttpApi, HttpApiParts } from './http-api-parts.ts';
import type { OpenStreams } from './open-streams.ts';
import { checkedPlan } from './plan-guard.ts';
import { listed, shown } from './run-answers.ts';
import { streamRun } from './run-stream.ts';
import {
  CommandSchema,
  EditSchema,
  EventNumberSchema,
  PlanEditSchema,
  RecordedEventSchema,
  RunViewSchema,
  StartRunSchema,
} from './schemas.ts';
import { json, limit, refused } from './system-routes.ts';

const PLAN_BODY_BYTES = 2 * 1024 * 1024;
const MOST_RUNS = 100;
const MOST_EVENTS = 1_000;

const runParams = z.object({ id: z.string().min(1).max(300).openapi({ description: 'A run id, or `latest`' }) });
const runAnswer = json(z.object({ run: RunViewSchema }), 'The run');

export function addRunRoutes(api: HttpApi, parts: HttpApiParts, streams: OpenStreams): void {
  api.use('/api/v1/runs/*', limit(PLAN_BODY_BYTES));
  addStart(api, parts);
  addReading(api, parts);
  addCommands(api, parts);
  addEdit(api, parts);
  api.get('/api/v1/runs/:id/stream', (context) => streamRun(context, parts, streams));
}

function addStart(api: HttpApi, parts: HttpApiParts): void {
  const body = { content: { 'application/json': { schema: StartRunSchema } }, required: true };
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/runs',
      summary: 'Start a run of a checked plan',
      request: { body },
      responses: { 201: runAnswer, 409: refused, 422: refused },
    }),
    async (context) => {
      const { plan: given, planHash: expected, reason } = context.req.valid('json');
      const plan = checkedPlan(given);
      if (planHash(plan) !== expected) {
        throw new TheseusError('invalid-plan', 'The plan does not match its hash: check it again and send both anew');
      }
      const actor = { kind: 'person', name: context.get('holder').name } as const;
      const run = await parts.runs.start({ plan, planHash: expected, actor, reason: reason ?? 'started' });
      return context.json(shown(run), 201);
    },
  );
}

function addReading(api: HttpApi, parts: HttpApiParts): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/runs',
      summary: 'Runs, the newest first',
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(MOST_RUNS).default(20) }) },
      responses: { 200: json(z.object({ runs: z.array(RunViewSchema) }), 'The runs') },
    }),
    async (context) => {
      const runs = await parts.runs.list(context.req.valid('query').limit);
      return context.json({ runs: runs.map((run) => shown(run).run) }, 200);
    },
  );
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/runs/{id}',
      summary: 'One run',
      request: { params: runParams },
      responses: { 200: runAnswer, 404: refused },
    }),
    async (context) => context.json(shown(await parts.runs.view(context.req.valid('param').id)), 200),
  );
  const query = z.object({
    after: EventNumberSchema.default(0),
    limit: z.coerce.number().int().min(1).max(MOST_EVENTS).default(200),
  });
  api.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/runs/{id}/events',
      summary: 'The log of a run, in order',
      request: { params: runParams, query },
      responses: {
        200: json(
          z.object({ events: z.array(RecordedEventSchema), next: z.number().nullable() }),
          'The events; `next` is the `after` of the next page',
        ),
        404: refused,
      },
    }),
    async (context) => {
      const { after, limit: most } = context.req.valid('query');
      const events = await parts.runs.events(context.req.valid('param').id, after, most);
      const next = events.length < most ? null : (events.at(-1)?.seq ?? null);
      return context.json({ events: listed(events), next }, 200);
    },
  );
}

function addCommands(api: HttpApi, parts: HttpApiParts): void {
  const body = { content: { 'application/json': { schema: CommandSchema } }, required: true };
  api.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/runs/{id}/commands',
      summary: 'Any verb on a run: docs/reference/verbs.md says what each does in each state',
      request: { params: runParams, body },
      responses: {
        200: json(
          z.object({ run: RunViewSchema, events: z.array(RecordedEventSchema) }),
          'Done; the events it led to at once',
        ),
        403: refused,
        404: refused,
        409: refused,
      },
    }),
    async (context) => {
      const { verb, reason, person, expectedRevision, commandId } = context.req.valid('json');
      const outcome = await parts.runs.command({
        runId: context.req.valid('param').id,
        verb: withoutUndefined(verb) as Verb,
        actor: { kind: 'person', name: person ?? context.get('holder').name },
        reason,
        ...(expectedRevision === undefined ? {} : { expectedRevision }),
        ...(commandId === undefined ? {} : { commandId }),
      });
      return context.json({ ...shown(outcome.run), events: listed(outcome.events) }, 200);
    },
  );
}

function addEdit(api: HttpApi, parts: HttpApiParts): void {
  const body = { content: { 'application/json': { schema: EditSchema } }, required: true };
  const answer = z.object({ edit: PlanEditSchema, run: RunViewSchema, events: z.array(RecordedEventSchema) });
  api.openapi(
    createRoute({
      method: 'put',
      path: '/api/v1/runs/{id}/plan',
      summary: 'Replace the plan of a run by a newer version, or see what that would change',
      request: { params: runParams, body },
      responses: { 200: json(answer, 'What it changes'), 404: refused, 409: refused, 422: refused },
    }),
    async (context) => {
      const { plan: given, planHash: expected, reason, person, dryRun, ...aim } = context.req.valid('json');
      const runId = context.req.valid('param').id;
      const plan = checkedPlan(given);
      if (planHash(plan) !== expected) {
        throw new TheseusError('invalid-plan', 'The plan does not match its hash: check it again and send both anew');
      }
      const command = {
        runId,
        verb: { verb: 'edit', plan, planHash: expected },
        actor: { kind: 'person', name: person ?? context.get('holder').name },
        reason,
        ...withoutUndefined(aim),
      } as const;
      if (dryRun === true) {
        const edit = await parts.runs.rehearseEdit(command);
        return context.json({ edit: copied(edit), ...shown(await parts.runs.view(runId)), events: [] }, 200);
      }
      const edit = await parts.runs.previewEdit(runId, plan);
      const outcome = await parts.runs.command(command);
      return context.json({ edit: copied(edit), ...shown(outcome.run), events: listed(outcome.events) }, 200);
    },
  );
}

const copied = ({ refusals, added, removed, changed, voided, parts }: PlanEdit) => ({
  refusals: [...refusals],
  added: [...added],
  removed: [...removed],
  changed: [...changed],
  voided: [...voided],
  parts: [...parts],
});

function withoutUndefined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
