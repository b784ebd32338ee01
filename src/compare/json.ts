// JSON as a tree of its values as they are written: numbers keep every digit, and of two keys that are the same both
// count. Node's own parser says first whether it is JSON at all.
import { NotNamed } from './named-value.ts';
import { MAX_DEPTH, type Tree, tooDeep } from './tree.ts';

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Open {
  readonly entries?: [string, Tree][];
  readonly items?: Tree[];
  key: string | undefined;
}

/** @throws NotNamed when it is no JSON, or too deep */
export function readJson(source: string): Tree {
  const text = source.replace(/^\ufeff/, '');
  try {
    JSON.parse(text);
  } catch {
    throw new NotNamed('is no sound JSON');
  }
  const root: Tree[] = [];
  const stack: Open[] = [{ items: root, key: undefined }];
  const put = (value: Tree): void => {
    const { entries, items, key } = stack.at(-1)!;
    if (items) items.push(value);
    else entries!.push([key!, value]);
    stack.at(-1)!.key = undefined;
  };
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') {
      const opened: Open = token === '{' ? { entries: [], key: undefined } : { items: [], key: undefined };
      put(opened as Tree);
      if (stack.push(opened) > MAX_DEPTH) throw tooDeep();
    } else if (token === '}' || token === ']') {
      stack.pop();
    } else if (token !== ',' && token !== ':') {
      const value = token.startsWith('"') ? (JSON.parse(token) as string) : token;
      const open = stack.at(-1)!;
      if (open.entries && open.key === undefined) open.key = value;
      else put(value);
    }
  }
  return root[0]!;
}
