// YAML as trees, one a document: anchors and merge keys resolved, every value as it is written (whether `yes` is true
// is not asked). Aliases are shared, not copied.
import type { Alias, Node, Pair, YAMLMap, YAMLSeq } from 'yaml';
import { NotNamed, TooMuch } from './named-value.ts';
import { MAX_DEPTH, type Tree, type TreeMap, tooDeep } from './tree.ts';

type Library = typeof import('./yaml-package.ts');

/** A merge key copies keys: a chain of them grows with the square of its length. */
const MAX_MERGED = 50_000;
/** Places where something may begin; the library takes a second for some ten thousand of them. */
const BEGINNINGS = /[\n,[{!&*?]|- /g;
const COLONS = /:(?=\s)/g;
const MAX_BEGINNINGS = 24_000;

interface Reading {
  readonly yaml: Library;
  /** The newest node of each anchor so far; none while it is being read. */
  readonly anchors: Map<string, Tree | undefined>;
  merged: number;
}

/** How many things may begin in a text: what reading it takes grows with that. */
export function beginningsIn(text: string): number {
  return Math.max(...[BEGINNINGS, COLONS].map((pattern) => text.match(pattern)?.length ?? 0));
}

/** @throws NotNamed when it is no YAML, refers to itself, or is too deep */
export async function readYaml(text: string): Promise<Tree[]> {
  if (beginningsIn(text) > MAX_BEGINNINGS) throw new TooMuch('is too large to look into');
  const yaml = await import('./yaml-package.ts');
  const documents = yaml.parseAllDocuments(text, {
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
  });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => {
    // A template, say. What the library says of it quotes the text.
    if (document.errors.length > 0) throw new NotNamed('is no sound YAML');
    const reading: Reading = { yaml, anchors: new Map(), merged: 0 };
    return document.contents === null ? [] : [treeOf(document.contents as Node, reading, 0)];
  });
}

function treeOf(node: Node | null | undefined, reading: Reading, depth: number): Tree {
  const { yaml, anchors } = reading;
  if (node === null || node === undefined) return '';
  if (depth > MAX_DEPTH) throw tooDeep();
  if (yaml.isAlias(node)) return aliased(node, anchors);
  const anchor = 'anchor' in node ? (node.anchor as string | undefined) : undefined;
  if (anchor !== undefined) anchors.set(anchor, undefined);
  const tree = yaml.isMap(node)
    ? mapOf(node, reading, depth)
    : yaml.isSeq(node)
      ? { items: (node as YAMLSeq<Node>).items.map((item) => treeOf(item, reading, depth + 1)) }
      : scalarOf(node);
  if (anchor !== undefined) anchors.set(anchor, tree);
  return tree;
}

function aliased({ source }: Alias, anchors: Reading['anchors']): Tree {
  const tree = anchors.get(source);
  if (tree === undefined) throw new NotNamed('refers to what it does not hold');
  return tree;
}

/** As it stands there, without quotes and indentation. */
function scalarOf(node: Node): string {
  const { source, value } = node as { source?: string; value?: unknown };
  return source ?? (typeof value === 'string' ? value : '');
}

function mapOf(node: YAMLMap, reading: Reading, depth: number): TreeMap {
  const entries: [string, Tree][] = [];
  const merges: Tree[] = [];
  for (const { key, value } of node.items as Pair<Node, Node | null>[]) {
    const name = keyOf(key, reading, depth);
    const tree = treeOf(value, reading, depth + 1);
    const isMerge = name === '<<' && reading.yaml.isScalar(key) && key.type === 'PLAIN';
    if (isMerge && typeof tree !== 'string') merges.push(...('items' in tree ? tree.items : [tree]));
    else entries.push([name, tree]);
  }
  if (merges.length === 0) return { entries };
  // What is written here comes before what is merged, and the first that is merged before the next.
  const taken = new Set(entries.map(([name]) => name));
  for (const merge of merges) {
    if (typeof merge === 'string' || !('entries' in merge)) continue;
    for (const entry of merge.entries) {
      reading.merged += 1;
      if (reading.merged > MAX_MERGED) throw new TooMuch('unfolds into more than a configuration holds');
      if (taken.has(entry[0])) continue;
      taken.add(entry[0]);
      entries.push([...entry]);
    }
  }
  return { entries };
}

function keyOf(key: Node | null, reading: Reading, depth: number): string {
  const tree = treeOf(key, reading, depth + 1);
  // `{{ name }}` of a template is one, with the template as its key.
  if (typeof tree !== 'string') throw new NotNamed('has a key that is no text');
  return tree;
}
