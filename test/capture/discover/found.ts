// What discovery finds in a tree, as short lines: easy to write down, and to compare.

import { relative } from 'node:path';
import { discover } from '../../../src/capture/discover/discover.ts';
import type { Discoverer, DiscoverOptions } from '../../../src/capture/discover/reference.ts';
import { type Tree, tree } from '../../pack/tree.ts';

/**
 * Runs one kind on a tree.
 *
 * @param content of the root
 * @returns `path: as` lines, with ` (by)` where something names it, and its state unless it is a file, `?` where the
 *   deployment can do without; warnings as `path! reason`
 */
export async function found(
  kind: Discoverer,
  content: Tree,
  options: Partial<DiscoverOptions> & { within?: string } = {},
): Promise<string[]> {
  const top = tree(content);
  const root = options.within === undefined ? top : `${top}/${options.within}`;
  const { references, warnings } = await discover({ kinds: [kind], ...options, root });
  const short = (path: string) => relative(root, path) || '.';
  return [
    ...references.map(({ path, as, by, required, state }) => {
      const source = by === undefined ? '' : ` (${short(by)})`;
      return `${short(path)}: ${as}${source}${state === 'file' ? '' : ` ${state}`}${required ? '' : ' ?'}`;
    }),
    ...warnings.map(({ path, reason }) => `${short(path)}! ${reason}`),
  ];
}
