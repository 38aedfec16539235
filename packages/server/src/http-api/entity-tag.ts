import type { Context } from 'hono';

/**
 * Whether the client has what this tag names, told by If-None-Match: a list, of which proxies that compress make weak
 * tags, or `*` (RFC 9110, 13.1.2).
 */
export function hasTagged(context: Context, tag: string): boolean {
  const given = context.req.header('if-none-match');
  if (given === undefined) return false;
  return given.trim() === '*' || given.split(',').some((each) => opaque(each) === opaque(tag));
}

/** The comparison is a weak one. */
function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}
