// TOML as a tree. Its values are normalised: `0x10` is 16, and a date is in RFC 3339.
import { NotNamed } from './named-value.ts';
import { MAX_DEPTH, type Tree, tooDeep } from './tree.ts';

/** @throws NotNamed when it is no TOML, or too deep */
export async function readToml(text: string): Promise<Tree> {
  const { parse, TomlDate } = await import('./toml-package.ts');
  const treeOf = (value: unknown, depth: number): Tree => {
    if (depth > MAX_DEPTH) throw tooDeep();
    if (value instanceof TomlDate) return value.toISOString();
    if (Array.isArray(value)) return { items: value.map((item) => treeOf(item, depth + 1)) };
    if (typeof value !== 'object' || value === null) return String(value);
    return { entries: Object.entries(value).map(([key, item]) => [key, treeOf(item, depth + 1)]) };
  };
  let table: unknown;
  try {
    table = parse(text.replace(/^\ufeff/, ''), { integersAsBigInt: true, maxDepth: MAX_DEPTH });
  } catch {
    // What the library says of it quotes three lines.
    throw new NotNamed('is no sound TOML');
  }
  return treeOf(table, 0);
}
