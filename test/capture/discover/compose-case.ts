// What discovery finds in a small deployment, in lines that a person can read.
import { relative } from 'node:path';
import { discover } from '../../../src/capture/discover/discover.ts';
import type { DiscoverOptions, Reference } from '../../../src/capture/discover/reference.ts';
import { type Tree, tree } from '../../pack/tree.ts';

export interface Found {
  readonly root: string;
  /** `PATH: AS (by BY) [optional] [STATE]`, sorted; paths relative to the root, a state only where it is no file. */
  readonly references: readonly string[];
  /** `PATH REASON` */
  readonly warnings: readonly string[];
}

/** @param below where in it the root is; all of it without */
export async function found(
  content: Tree,
  options: Partial<DiscoverOptions> = {},
  below = '',
): Promise<Found> {
  const root = `${tree(content)}${below && `/${below}`}`;
  const discovery = await discover({ root, kinds: ['compose'], ...options });
  const own = (path: string): string =>
    path === root ? '.' : path.startsWith('/home/') || path.startsWith('/srv/') ? path : relative(root, path);
  const line = ({ path, as, by, required, state }: Reference): string =>
    `${own(path)}: ${as}${by === undefined ? '' : ` (by ${own(by)})`}${required ? '' : ' optional'}${state === 'file' ? '' : ` ${state}`}`;
  return {
    root,
    references: discovery.references.map(line).sort(),
    warnings: discovery.warnings.map(({ path, reason }) => `${own(path)} ${reason}`),
  };
}

/** Without the files of the project itself. */
export const mentioned = (lines: readonly string[]): string[] =>
  lines.filter((line) => !/: (?:compose file|\.env of the project)/.test(line));
