import { z } from '@hono/zod-openapi';
import { TheseusError } from '@theseus/core/error';
import { DEFAULT_ENVIRONMENT, environmentNameProblem, isEnvironmentName } from '@theseus/core/flag';
import type { Context, MiddlewareHandler } from 'hono';
import type { ApiEnvironment } from './http-api-parts.ts';

const HEADER = 'theseus-environment';
const QUERY = 'environment';

/** Kebab-case, as everywhere that an environment is named. */
export const EnvironmentSchema = z.string().refine(isEnvironmentName, {
  error: ({ input }) => environmentNameProblem(String(input)),
});

const described = (description: string) => z.string().optional().openapi({ description, example: 'staging' });
const query = z.looseObject({
  [QUERY]: described(`The environment, for whoever cannot send the header ${HEADER}, which counts first`),
});
const without = (what: string) => ({ headers: z.object({ [HEADER]: described(`The environment; ${what}`) }), query });

/** How a request names its environment, for the OpenAPI document; {@link environmentOf} reads and checks it. */
export const environmentRequest = without(`${DEFAULT_ENVIRONMENT} unless named here or in the query`);

/** The same where {@link environmentFilter} reads it. */
export const environmentFilterRequest = without('all of them unless named here or in the query');

/**
 * The environment a request is about. One that nobody knows has no flags, which is no error.
 *
 * @throws TheseusError `invalid-argument` when what is given is no name
 */
export function environmentOf(context: Context): string {
  const named = namedEnvironment(context) ?? DEFAULT_ENVIRONMENT;
  if (!isEnvironmentName(named)) throw new TheseusError('invalid-argument', environmentNameProblem(named));
  return named;
}

/** As {@link environmentOf}, but undefined where the request names none: it is about all of them. */
export function environmentFilter(context: Context): { readonly environment?: string } {
  return namedEnvironment(context) === undefined ? {} : { environment: environmentOf(context) };
}

/** Answers a wrong name in the words of OFREP, before anything is evaluated; caches keep environments apart. */
export const ofrepEnvironment: MiddlewareHandler<ApiEnvironment> = async (context, next) => {
  const named = namedEnvironment(context);
  if (named !== undefined && !isEnvironmentName(named)) {
    return context.json(
      { ...ofrepKey(context), errorCode: 'GENERAL', errorDetails: environmentNameProblem(named) },
      400,
    );
  }
  context.header('vary', HEADER);
  return next();
};

/** The flag a request names, which OFREP has in every answer about one flag. */
export function ofrepKey(context: Context): { readonly key?: string } {
  const key: string | undefined = context.req.param('key');
  return key === undefined ? {} : { key };
}

function namedEnvironment(context: Context): string | undefined {
  return context.req.header(HEADER) ?? context.req.query(QUERY);
}
