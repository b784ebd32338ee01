// Sources for paths that are known exactly: what a restore is about to replace. Walks nothing.
import { lstatSync, readlinkSync } from 'node:fs';
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
