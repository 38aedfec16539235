import { TheseusError } from '@theseus/core/error';
import {
  type DefaultTreeAdapterMap,
  type DefaultTreeAdapterTypes,
  defaultTreeAdapter,
  parse,
  parseFragment,
  type TreeAdapter,
} from 'parse5';
import { PAGE_LIMITS } from './page-limits.ts';

type ParentNode = DefaultTreeAdapterTypes.ParentNode;

const DOCUMENT = /<!doctype|<html|<head[\s>]|<body/i;

/** Whether a source is a whole page: a piece of one, such as a row of a table, has to be read otherwise. */
export function isDocument(source: string): boolean {
  return DOCUMENT.test(source);
}

/** @throws TheseusError `limit-exceeded` for a page larger, deeper or of more nodes than {@link PAGE_LIMITS} */
export function parsePage(source: string, form: 'document' | 'fragment'): ParentNode {
  if (source.length > PAGE_LIMITS.characters) throw tooLarge('characters', `${source.length}`);
  const options = { treeAdapter: boundedAdapter() };
  return form === 'document' ? parse(source, options) : parseFragment(source, options);
}

/** Stops while the tree grows: wrong nesting can make of a small source a huge tree, and of a deep one quadratic work. */
function boundedAdapter(): TreeAdapter<DefaultTreeAdapterMap> {
  let nodes = 0;
  let depth = 0;
  return {
    ...defaultTreeAdapter,
    createElement(...args) {
      nodes += 1;
      if (nodes > PAGE_LIMITS.nodes) throw tooLarge('nodes', `more than ${PAGE_LIMITS.nodes}`);
      return defaultTreeAdapter.createElement(...args);
    },
    onItemPush() {
      depth += 1;
      if (depth > PAGE_LIMITS.depth) throw tooLarge('depth', `more than ${PAGE_LIMITS.depth}`);
    },
    onItemPop() {
      depth -= 1;
    },
  };
}

function tooLarge(what: keyof typeof PAGE_LIMITS, found: string): TheseusError {
  return new TheseusError(
    'limit-exceeded',
    `Cannot compare a page with ${found} of ${what}: at most ${PAGE_LIMITS[what]} are allowed; compare the part that matters`,
  );
}
