// What one line of a snapshot's contents says about one file, directory or symbolic link, and which values make
// sense. Plain data: how it is found (collect), written to a tar or put back (place) is decided elsewhere.

import { IntegrityError } from '../errors.ts';
import { checkEntryPath, encodeName, printableName } from './names.ts';

export type EntryType = 'file' | 'dir' | 'symlink';

export interface Entry {
  /** Relative to the set's root, `/` between segments, no trailing slash. A name as in `names.ts`. */
  path: string;
  type: EntryType;
  /** Permission bits, at most 0o7777. */
  mode: number;
  /** Numeric owner; user names are never stored. */
  uid: number;
  gid: number;
  /** Whole milliseconds since the epoch; negative before 1970. */
  mtime: number;
  /** Bytes of content; 0 unless a file. */
  size: number;
  /** SHA-256 of the content, lower-case hex; files only. */
  sha256?: string;
  /** The file changed while it was read, so its content may be half old and half new; files only. */
  torn?: true;
  /** Where a symbolic link points, as it was read; symbolic links only. */
  target?: string;
}

const TYPES: ReadonlySet<string> = new Set<EntryType>(['file', 'dir', 'symlink']);
const MAX_TARGET_BYTES = 4096;

/**
 * Refuses an entry that no file system can have held. The hash is not looked at: the writer of a tar does not
 * know it yet.
 *
 * @throws IntegrityError `bad-path` or `bad-name` for its path or link target, `bad-entry` for anything else
 */
export function checkEntry(entry: Entry): void {
  checkEntryPath(entry.path);
  const { type, mode, uid, gid, size, mtime, target } = entry;
  const sound =
    TYPES.has(type) &&
    isCount(mode) &&
    mode <= 0o7777 &&
    isCount(uid) &&
    isCount(gid) &&
    isCount(size) &&
    Number.isSafeInteger(mtime) &&
    (type === 'file' || size === 0) &&
    (type === 'symlink') === (target !== undefined);
  if (!sound)
    throw new IntegrityError('bad-entry', `entry ${shown(entry)} has a value that no file can have`);
  if (target === undefined) return;
  if (target === '' || target.includes('\0') || encodeName(target).length > MAX_TARGET_BYTES) {
    throw new IntegrityError(
      'bad-path',
      `link ${shown(entry)} has a target that is empty, too long or holds a NUL`,
    );
  }
}

/**
 * Refuses a list that no one directory tree can have held: two entries for one path, or an entry below something
 * that is not a directory (a file behind a symbolic link is how an archive escapes its target).
 *
 * @param entries a whole snapshot's, in any order; each is checked as by {@link checkEntry} too
 * @throws IntegrityError `bad-path`, `bad-name` or `bad-entry`
 */
export function checkEntries(entries: readonly Entry[]): void {
  const types = new Map<string, EntryType>();
  for (const entry of entries) {
    checkEntry(entry);
    if (types.has(entry.path)) throw new IntegrityError('bad-entry', `entry ${shown(entry)} is there twice`);
    types.set(entry.path, entry.type);
  }
  for (const entry of entries) {
    let slash = entry.path.indexOf('/');
    while (slash !== -1) {
      const above = types.get(entry.path.slice(0, slash));
      if (above !== undefined && above !== 'dir') {
        throw new IntegrityError('bad-entry', `entry ${shown(entry)} is below a ${above}`);
      }
      slash = entry.path.indexOf('/', slash + 1);
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function shown(entry: Entry): string {
  return `'${printableName(entry.path)}'`;
}
