// Sources for paths that are known exactly: what a restore is about to replace, what a configuration names. Walks
// nothing.
import { lstatSync, readlinkSync, type Stats, statSync } from 'node:fs';
import { entryType, type Source, sourceOf } from './collect-source.ts';
import { decodeName, fsPath } from './names.ts';

/**
 * @param places entry paths with the absolute names (of names.ts) at which they stand
 * @returns sources for those that exist and are files, directories or symbolic links
 */
export function sourcesAt(places: readonly { readonly path: string; readonly at: string }[]): Source[] {
  return places.flatMap(({ path, at }): Source[] => {
    const from = fsPath(at);
    const stat = lstatSync(from, { throwIfNoEntry: false });
    const type = stat && entryType(stat);
    if (!stat || !type) return [];
    const target = type === 'symlink' ? decodeName(readlinkSync(from, { encoding: 'buffer' })) : undefined;
    return [sourceOf(path, from, type, stat, target)];
  });
}

/**
 * Which of `sources` are one of these files, by whatever name: through a link above it, or as another hard link.
 *
 * @param paths absolute; links are followed, and one that leads nowhere is no file
 */
export function sourcesThatAre(sources: readonly Source[], paths: readonly string[]): Source[] {
  const files = new Set(paths.map(statOf).flatMap((stat) => (stat ? `${stat.dev} ${stat.ino}` : [])));
  return files.size === 0 ? [] : sources.filter(({ dev, ino }) => files.has(`${dev} ${ino}`));
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
