import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { rolesFor } from './access.ts';
import { createHttpApi } from './http-api.ts';
import type { HttpApiParts } from './http-api-parts.ts';

const FILE = fileURLToPath(new URL('../../../../docs/reference/api.md', import.meta.url));

interface Operation {
  readonly summary?: string;
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
}

/** Only the routes are looked at, so no port is ever called. */
function routes(): readonly { method: string; path: string; operation: Operation }[] {
  const flags = {
    document: () => ({ version: 0, flags: {}, segments: {}, flushEveryMs: 5_000 }),
    onChange: () => () => undefined,
  };
  const api = createHttpApi({ flags, now: () => 0 } as unknown as HttpApiParts);
  const document = api.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'Theseus', version: '1' } });
  return Object.entries(document.paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Operation>).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

function render(): string {
  const sections = routes().map(({ method, path, operation }) => {
    const answers = Object.entries(operation.responses ?? {}).map(
      ([status, { description }]) => `- ${status}: ${description}`,
    );
    const roles = rolesFor(method, path.replaceAll(/\{\w+\}/g, 'x')).join(', ');
    return `## ${method} ${path}\n\n${operation.summary}. Open to: ${roles}.\n\n${answers.join('\n')}`;
  });
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

const HEAD = `# HTTP API

Generated from the OpenAPI document that every server hands out at \`/openapi.json\`, with all shapes.

JSON in and out, \`Authorization: Bearer <token>\`. A refusal is \`{ "error": { "code", "message" } }\`. Two more routes are streams of
server-sent events: \`GET /api/v1/flags/stream\` (\`put\`, \`patch\`; for SDKs) and \`GET /api/v1/runs/{id}/stream?after=SEQ\` (\`view\`, \`event\`).
\`GET /api/feature-flags/{key}\` streams too when asked with \`Accept: text/event-stream\`.

Flags and what is counted of them belong to an environment. A request names it by the header \`theseus-environment\` or, where none can be
sent, by the query parameter \`environment\`; it is \`default\` when neither is there, and the header counts first. In the body of telemetry
and of a reported value it is the field \`environment\`; a value reported without one counts in all. Names are kebab-case with at most 60
characters, and others are refused. An environment that nobody knows has no flags, which is no error.`;

describe('docs/reference/api.md', () => {
  it('is what the OpenAPI document says (UPDATE_DOCS=1 rewrites it)', async () => {
    if (process.env['UPDATE_DOCS'] === '1') await writeFile(FILE, render());
    expect(await readFile(FILE, 'utf8')).toBe(render());
  });
});
