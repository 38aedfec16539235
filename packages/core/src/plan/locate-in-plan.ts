import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from 'yaml';

/** A place in a plan's text; line and column count from 1. */
export interface PlanPlace {
  readonly line: number;
  readonly column: number;
}

type Path = readonly (string | number)[];

/**
 * Reads a plan's text once and answers where in it a path such as `['phases', 1, 'steps', 0]` stands; what is not written
 * there stands where its nearest parent does. Null for the empty path.
 */
export function locateInPlan(text: string): (path: Path) => PlanPlace | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  return (path) => {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const offset = offsetOf(document, path.slice(0, depth));
      if (offset === null) continue;
      const { line, col } = lines.linePos(offset);
      return { line, column: col };
    }
    return null;
  };
}

/** A key's own place rather than its value's, which may begin on a later line. */
function offsetOf(document: Document, path: Path): number | null {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === last);
    return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
  }
  const node = document.getIn(path, true);
  return isNode(node) ? (node.range?.[0] ?? null) : null;
}
