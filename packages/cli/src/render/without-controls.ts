/** A value whose texts cannot move a terminal's cursor, colour what is not ours to colour, or begin a line of their own. */
export function withoutControls<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value), (_key, item: unknown) =>
    typeof item === 'string' ? item.replace(/\p{Cc}+/gu, ' ') : item,
  ) as Value;
}
