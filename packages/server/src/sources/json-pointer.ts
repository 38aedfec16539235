/** What an RFC 6901 pointer leads to; undefined where it leads nowhere. */
export function followPointer(value: unknown, pointer: string): unknown {
  if (pointer === '') return value;
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((current, key) => {
      if (Array.isArray(current)) return /^(0|[1-9]\d*)$/.test(key) ? current[Number(key)] : undefined;
      if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
      return (current as Record<string, unknown>)[key];
    }, value);
}
