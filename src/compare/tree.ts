// Nested data of any format, and the names of the values in it: `spec.replicas`, `hosts[0]`. Knows what Kubernetes and
// Compose say by their own rules: a Secret's data is base64, a list of variables has names.
import { checkCount, type FoundValue, TooMuch } from './named-value.ts';
import { clipName, hiddenKey, isPadding, looksRandom, shownKey } from './shown.ts';

/** A value as written, or what holds more. Branches may be shared, and so stand in more than one place. */
export type Tree = string | TreeMap | TreeList;

export interface TreeMap {
  readonly entries: readonly (readonly [key: string, value: Tree])[];
}

export interface TreeList {
  readonly items: readonly Tree[];
}

/** Deeper than any configuration; names grow with it. */
export const MAX_DEPTH = 64;
/** Shared branches are looked at wherever they stand: a short text can unfold without end. */
const MAX_VISITS = 100_000;
/** As many characters as its values may have together, where the file itself may have a fourth of that. */
const MAX_CHARACTERS = 16 * 2 ** 20;

export const tooDeep = () => new TooMuch(`is nested deeper than ${MAX_DEPTH} levels`);

interface Walk {
  readonly found: FoundValue[];
  /** What a name ends in: `(Secret shop/db)`. */
  readonly label: string;
  readonly spent: { visits: number; characters: number };
}

const unfolds = () => new TooMuch('unfolds into more than a configuration holds');

/** The value of a map's key, if it is text. */
export function textOf(tree: Tree, key: string): string | undefined {
  if (typeof tree === 'string' || !('entries' in tree)) return undefined;
  const value = tree.entries.find(([k]) => k === key)?.[1];
  return typeof value === 'string' ? value : undefined;
}

/** The value of a map's key. */
export function branchOf(tree: Tree, key: string): Tree | undefined {
  if (typeof tree === 'string' || !('entries' in tree)) return undefined;
  return tree.entries.find(([k]) => k === key)?.[1];
}

const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
const OBJECT_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_.-]{0,99}$/;

/** What a Kubernetes object is: `Secret shop/db`; undefined when it is none. */
export function objectOf(document: Tree): { kind: string; title: string } | undefined {
  const kind = textOf(document, 'kind');
  if (
    textOf(document, 'apiVersion') === undefined ||
    kind === undefined ||
    !KIND.test(kind) ||
    looksRandom(kind)
  )
    return undefined;
  const metadata = branchOf(document, 'metadata') ?? '';
  // Only what Kubernetes would take for a name is one: anything else may be a value that went astray.
  const [namespace, name] = ['namespace', 'name'].map((key) => {
    const text = textOf(metadata, key);
    return text !== undefined && OBJECT_NAME.test(text) && !looksRandom(text) ? text : undefined;
  });
  const place = name === undefined ? '' : ` ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  return { kind, title: `${kind}${place}` };
}

/**
 * The values of a file's documents, each with a name of its own document's.
 * @throws NotNamed when it is too deep, or unfolds into too much
 */
export function nameTrees(documents: readonly Tree[]): FoundValue[] {
  const walk: Walk = { found: [], label: '', spent: { visits: 0, characters: 0 } };
  documents.forEach((document, index) => {
    nameDocument(document, walk, documents.length > 1 ? ` (document ${index + 1})` : '');
  });
  return walk.found;
}

function nameDocument(document: Tree, walk: Walk, place: string): void {
  const object = objectOf(document);
  const label = object ? ` (${object.title})` : place;
  const within: Walk = { ...walk, label };
  if (object && typeof document !== 'string' && 'entries' in document) {
    for (const [key, value] of document.entries) {
      if (key === 'items' && typeof value !== 'string' && 'items' in value) {
        for (const item of value.items) {
          nameDocument(item, within, label);
        }
      } else if (object.kind === 'Secret' && (key === 'data' || key === 'stringData')) {
        nameSecret(key, value, within);
      } else {
        nameEntry(key, value, '', within, 1);
      }
    }
  } else {
    nameTree(document, '', within, 0);
  }
}

function nameSecret(key: string, data: Tree, walk: Walk): void {
  if (typeof data === 'string' || !('entries' in data)) {
    nameTree(data, key, walk, 1);
    return;
  }
  for (const [name, value] of data.entries) {
    if (typeof value !== 'string' || looksRandom(name)) nameEntry(name, value, key, walk, 2);
    else add(walk, `${key}.${shownKey(name)}`, key === 'data' ? decoded(value) : value, true);
  }
}

/** What base64 stands for; anything else as it is. */
function decoded(text: string): string | Buffer {
  const compact = text.replace(/\s/g, '');
  const bytes = Buffer.from(compact, 'base64');
  return unpadded(bytes.toString('base64')) === unpadded(compact) ? bytes : text;
}

function unpadded(text: string): string {
  let end = text.length;
  while (text[end - 1] === '=') end -= 1;
  return text.slice(0, end);
}

function add(walk: Walk, name: string, text: string | Buffer, likely?: boolean): void {
  const { label } = walk;
  walk.found.push({ name, text, ...(label ? { label } : {}), ...(likely ? { likely } : {}) });
  checkCount(walk.found.length);
  walk.spent.characters += text.length;
  if (walk.spent.characters > MAX_CHARACTERS) throw unfolds();
}

function nameTree(tree: Tree, name: string, walk: Walk, depth: number): void {
  walk.spent.visits += 1;
  if (walk.spent.visits > MAX_VISITS) throw unfolds();
  if (depth > MAX_DEPTH) throw tooDeep();
  if (typeof tree === 'string') {
    add(walk, name, tree);
  } else if ('entries' in tree) {
    for (const [key, value] of tree.entries) nameEntry(key, value, name, walk, depth + 1);
  } else {
    const isEnvironment = /(?:^|\.)(?:env|environment)$/.test(name);
    tree.items.forEach((item, index) => {
      if (!isEnvironment || !nameVariable(item, name, walk, depth + 1))
        nameTree(item, clipName(`${name}[${index}]`), walk, depth + 1);
    });
  }
}

/** A map's entry. A key that is a secret itself, such as a token with whose it is, is a value of its own. */
function nameEntry(key: string, value: Tree, map: string, walk: Walk, depth: number): void {
  const within = (name: string): string => clipName(map === '' ? name : `${map}.${name}`);
  const shown = shownKey(key);
  const isHidden = shown === hiddenKey(key);
  if (isHidden) add(walk, within(shown), key, true);
  nameTree(value, within(isHidden ? '(its value)' : shown), walk, depth);
}

/** `NAME=value`, as Compose has it, or `{ name, value }`, as Kubernetes has it. @returns whether it is one */
function nameVariable(item: Tree, list: string, walk: Walk, depth: number): boolean {
  if (typeof item === 'string') {
    const at = item.indexOf('=');
    const [name, value] = [item.slice(0, Math.max(at, 0)), item.slice(at + 1)];
    if (!isVariable(name) || isPadding(name, value)) return false;
    add(walk, clipName(`${list}.${name}`), value);
    return true;
  }
  const variable = textOf(item, 'name');
  if (!('entries' in item) || variable === undefined || !isVariable(variable)) return false;
  for (const [key, value] of item.entries) {
    if (key === 'name') continue;
    if (key === 'value') nameTree(value, clipName(`${list}.${variable}`), walk, depth);
    else nameEntry(key, value, `${list}.${variable}`, walk, depth);
  }
  return true;
}

const isVariable = (name: string): boolean => VARIABLE.test(name) && !looksRandom(name);
