// Owns how a tree of YAML is looked into: whatever is not of the form that is asked for is empty.
import type { Tree, TreeMap } from '../../../compare/tree.ts';

type Fields = ReadonlyMap<string, Tree>;

const NONE: Fields = new Map();
/** A map of thousands of services may be asked for each of them. */
const known = new WeakMap<TreeMap, Fields>();

export function isMap(tree: Tree | undefined): tree is TreeMap {
  return tree !== undefined && typeof tree !== 'string' && 'entries' in tree;
}

/** A map's entries by key; none for anything else. */
export function fieldsOf(tree: Tree | undefined): Fields {
  if (!isMap(tree)) return NONE;
  const fields = known.get(tree) ?? new Map(tree.entries);
  known.set(tree, fields);
  return fields;
}

/** A list's items; a single value is a list of one, and no value is none. */
export function itemsOf(tree: Tree | undefined): readonly Tree[] {
  if (isNothing(tree)) return [];
  return typeof tree !== 'string' && 'items' in tree ? tree.items : [tree];
}

/** Whether there is no value: no such key, or `null` in one of its forms. */
export function isNothing(tree: Tree | undefined): tree is undefined {
  return tree === undefined || (typeof tree === 'string' && /^(?:|~|null)$/i.test(tree));
}

/** Whether a value is one of YAML's words for no, as Compose reads them. */
export function isNo(tree: Tree | undefined): boolean {
  return typeof tree === 'string' && /^(?:false|no|off|n|0)$/i.test(tree);
}

export function isYes(tree: Tree | undefined): boolean {
  return typeof tree === 'string' && /^(?:true|yes|on|y|1)$/i.test(tree);
}
