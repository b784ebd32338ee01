// Discovery for coverage: all kinds at a root, with what its sets leave out and allow beyond it.
import { posix } from 'node:path';
import { discoverEach } from '../../capture/discover/discover.ts';
import { type Disk, disk } from '../../capture/discover/disk.ts';
import { together } from '../../capture/discover/ground.ts';
import {
  DISCOVERERS,
  type Discoverer,
  type DiscoverOptions,
  type Discovery,
} from '../../capture/discover/reference.ts';
import type { CoverageSet } from './next.ts';
import { rememberedDisk } from './remembered.ts';
import { realPath } from './taken.ts';

/** What was found at a root, and how to look there again. */
export interface Around {
  readonly options: DiscoverOptions;
  readonly exclude: readonly string[];
  readonly disk: Disk;
  readonly each: ReadonlyMap<Discoverer, Discovery>;
}

/** @throws as `discover` */
export async function lookAround(
  root: string,
  sets: readonly CoverageSet[],
  call: Pick<DiscoverOptions, 'env' | 'signal'>,
): Promise<Around> {
  const outside = [...new Set(sets.flatMap(({ sources: s }) => absolutely(s.outside ?? [], s.root)))];
  // What one set leaves out another may take: only what all of them leave out is left out.
  const [first, ...others] = sets.map(({ sources: s }) => absolutely(s.exclude, s.root));
  const exclude = (first ?? []).filter((pattern) => others.every((patterns) => patterns.includes(pattern)));
  const options: DiscoverOptions = { root, kinds: DISCOVERERS, outside, exclude, ...call };
  const remembered = rememberedDisk(disk);
  return { options, exclude, disk: remembered, each: await discoverEach(options, remembered) };
}

/** What some of the kinds found. */
export function foundBy({ each }: Around, kinds: readonly Discoverer[] = DISCOVERERS): Discovery {
  return together(kinds.flatMap((kind) => each.get(kind) ?? []));
}

function absolutely(patterns: readonly string[], root: string): string[] {
  // The root is meant as it is, whatever characters it holds.
  const base = realPath(root).replace(/[*?[{\\]/g, '\\$&');
  return patterns.map((pattern) => (pattern.startsWith('/') ? pattern : posix.resolve(base, pattern)));
}
