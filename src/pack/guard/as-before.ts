// Entries of a guard as they can come back: with what is kept of their content, and without their ACLs.

import type { Entry } from '../entry.ts';
import { fsPath } from '../names.ts';
import { holdsContent, lookAt } from '../place/existing.ts';
import { aclLost, groupsByAcl, withoutAcl } from './acl.ts';
import { destinationOf } from './changes.ts';
import { copyGone } from './feed.ts';
import type { GuardedTree, Kept, UndoPlace } from './journal.ts';
import { copyPath } from './where.ts';

/**
 * Gives what had an ACL the mode that it can come back with. What still has one, and else is as it was, is left out, as
 * nothing is to be done about it.
 *
 * @param onWarning told of each ACL that is lost
 */
export async function withoutAcls(
  { root }: GuardedTree,
  suspects: readonly Kept[],
  onWarning: (message: string) => void,
): Promise<readonly Kept[]> {
  const had = suspects.filter(({ aclGroup }) => aclGroup !== undefined);
  if (had.length === 0) return suspects;
  const have = groupsByAcl(had.map(({ path }) => destinationOf(root, path)));
  const found: Kept[] = [];
  for (const entry of suspects) {
    const { aclGroup, type, mode, path } = entry;
    const at = destinationOf(root, path);
    const isThere = have.has(at);
    if (isThere && type !== 'dir' && (await isAsBefore(entry, at))) continue;
    // A directory stays the same one, and its ACL with it.
    if (aclGroup === undefined || (isThere && type === 'dir')) {
      found.push(entry);
      continue;
    }
    found.push({ ...entry, mode: withoutAcl(mode, aclGroup) });
    onWarning(aclLost(at));
  }
  return found;
}

async function isAsBefore(entry: Kept, path: string): Promise<boolean> {
  const now = lookAt(fsPath(path));
  if (now?.mode !== entry.mode || now.uid !== entry.uid || now.gid !== entry.gid) return false;
  return await holdsContent(path, now, entry);
}

/** The entry, as placements know it. */
export function asEntry(tree: GuardedTree, kept: Kept, places: readonly UndoPlace[]): Entry {
  const { path, type, mode, uid, gid, mtime, size, target, sha256 } = kept;
  const entry: Entry = {
    path,
    type,
    mode,
    uid,
    gid,
    mtime,
    size,
    ...(target === undefined ? {} : { target }),
  };
  if (type !== 'file') return entry;
  const copy = copyPath(places[kept.place!]!, tree.set, path);
  const seen = lookAt(fsPath(copy));
  if (seen?.type !== 'file' || seen.size !== size) throw copyGone(copy);
  return { ...entry, sha256: sha256! };
}
