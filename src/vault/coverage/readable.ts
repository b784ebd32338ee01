// Who else may read a file: by its mode, and by those of the directories above it.
import { lstatSync, type Stats } from 'node:fs';
import { posix } from 'node:path';

const READ_ALL = 0o004;
const READ_GROUP = 0o040;
const SEARCH_ALL = 0o001;
const SEARCH_GROUP = 0o010;

/** What to ask, remembered: files share directories. */
export function readableBy(): (path: string) => 'everyone' | 'group' | undefined {
  const directories = new Map<string, { all: boolean; group: boolean }>();
  const search = (path: string): { all: boolean; group: boolean } => {
    const known = directories.get(path);
    if (known) return known;
    const above = path === '/' ? { all: true, group: true } : search(posix.dirname(path));
    const stat = statOf(path);
    const all = above.all && stat !== undefined && (stat.mode & SEARCH_ALL) !== 0;
    const group = above.group && stat !== undefined && (stat.mode & (SEARCH_ALL | SEARCH_GROUP)) !== 0;
    directories.set(path, { all, group });
    return { all, group };
  };
  return (path) => {
    const stat = statOf(path);
    if (!stat?.isFile()) return undefined;
    const way = search(posix.dirname(path));
    if ((stat.mode & READ_ALL) !== 0 && way.all) return 'everyone';
    // The group of root, and that of a user alone, as Debian gives each one, have nobody else in them.
    const isShared = stat.gid !== 0 && stat.gid !== stat.uid;
    return (stat.mode & READ_GROUP) !== 0 && way.group && isShared ? 'group' : undefined;
  };
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}
