// Directories of a vault, held open while they are written to and reached without following a link. Whoever can
// write to the store may turn a directory into a link at any moment; a path would follow it, a descriptor cannot.

import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errno, notAnObject } from './errno.ts';

const fsync = promisify(fs.fsync);
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
// Some network and FUSE file systems have no fsync for directories.
const cannotSync = new Set<string | undefined>(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** An open directory; `path` names it for calls that take a path. */
export interface Anchor {
  readonly fd: number;
  readonly path: string;
}

/** Open directories from the root down, each in the one before. */
export interface Chain {
  readonly anchors: readonly Anchor[];
  /** The index of the first one that was made just now; the length when none was. */
  readonly firstMade: number;
}

// Without /proc (macOS, some containers) the plain path has to do: links are still refused at every step, but
// one that is put there between two steps is not noticed.
let viaDescriptor: boolean | undefined;

function anchor(fd: number, path: string): Anchor {
  viaDescriptor ??= fs.existsSync('/proc/self/fd');
  return { fd, path: viaDescriptor ? `/proc/self/fd/${fd}` : path };
}

/** Opens the root of a vault. The user named it, so it may be a link. Throws system errors. */
export function openRoot(path: string): Anchor {
  return anchor(fs.openSync(path, O_RDONLY | O_DIRECTORY), path);
}

/** Makes the root and what is missing above it, owner-only and durable. Throws system errors. */
export async function makeRoot(path: string): Promise<void> {
  // By hand: the recursive mkdir of Node says ENOENT where the reason is EROFS.
  const missing: string[] = [];
  for (let next = path; !fs.existsSync(next); next = dirname(next)) missing.unshift(next);
  for (const directory of missing) {
    makeDirectory(directory);
    const above = openRoot(dirname(directory));
    try {
      await syncDirectory(above);
    } finally {
      fs.closeSync(above.fd);
    }
  }
}

/**
 * Opens the directories named by `segments`, each in the one before, from the root down.
 *
 * @param location the vault's directory, for messages
 * @param create make what is missing, 0700
 * @returns null when one is missing and `create` is false; otherwise to be closed with closeChain
 * @throws IntegrityError `not-an-object` for a link or a special file in their place; system errors
 */
export function openChain(
  root: Anchor,
  segments: readonly string[],
  location: string,
  create: boolean,
): Chain | null {
  const anchors = [root];
  let firstMade = segments.length + 1;
  try {
    for (const segment of segments) {
      const path = `${anchors.at(-1)!.path}/${segment}`;
      let fd = openIfThere(path);
      if (fd === null && create) {
        if (makeDirectory(path)) firstMade = Math.min(firstMade, anchors.length);
        fd = fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      }
      if (fd === null) {
        closeChain({ anchors, firstMade });
        return null;
      }
      anchors.push(anchor(fd, path));
    }
  } catch (error) {
    closeChain({ anchors, firstMade });
    const name = segments.slice(0, anchors.length).join('/');
    if (errno(error) === 'ENOTDIR' || errno(error) === 'ELOOP')
      throw notAnObject(name, location, 'directory');
    throw error;
  }
  return { anchors, firstMade };
}

/** Closes a chain, except for the root it was given. */
export function closeChain(chain: Chain): void {
  for (const { fd } of chain.anchors.slice(1)) fs.closeSync(fd);
}

/** Makes the names in a directory durable, where the file system can do that for directories. */
export async function syncDirectory({ fd }: Anchor): Promise<void> {
  try {
    await fsync(fd);
  } catch (error) {
    if (!cannotSync.has(errno(error))) throw error;
  }
}

function openIfThere(path: string): number | null {
  try {
    return fs.openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  }
}

// False when somebody else was quicker, which is just as good.
function makeDirectory(path: string): boolean {
  try {
    fs.mkdirSync(path, 0o700);
    return true;
  } catch (error) {
    if (errno(error) === 'EEXIST') return false;
    throw error;
  }
}
