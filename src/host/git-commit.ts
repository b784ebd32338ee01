// The commit that a directory's repository stands at. Reads a few small files, and runs no git: a repository can name
// programs for it to run, and whoever owns one need not be trusted. Nor does it read for him what he could not.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const SMALL = 4096;
/** References of some hundred thousand tags. */
const PACKED = 16 * 2 ** 20;
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW, O_DIRECTORY } = constants;

/** Whose files are believed: the caller's, and those of the owner of the directory that is asked about. */
interface Trust {
  readonly caller: number;
  readonly owner: number;
}

/**
 * @param directory absolute
 * @returns the commit's id in hex; undefined where there is no repository, no commit, or another way to keep
 *   references, and where they are others' or lie behind a link
 */
export function gitCommit(directory: string): string | undefined {
  try {
    const trust = { caller: process.geteuid?.() ?? 0, owner: statSync(directory).uid };
    for (let at = resolve(directory); ; at = dirname(at)) {
      const git = join(at, '.git');
      const stats = lstatSync(git, { throwIfNoEntry: false });
      if (stats !== undefined && !isTheirs(stats, trust)) return undefined;
      const found = stats && repositoryAt(git, stats, trust);
      if (found !== undefined) return headOf(found, trust);
      if (at === dirname(at)) return undefined;
    }
  } catch {
    return undefined; // What cannot be looked at is no repository for us.
  }
}

function repositoryAt(path: string, stats: Stats, trust: Trust): string | undefined {
  if (stats.isDirectory()) return readIn(path, 'HEAD', trust) === undefined ? undefined : path;
  // A work tree or a submodule: a file that says where the repository is.
  const [, elsewhere] = /^gitdir: (.+)\n?$/.exec(readFile(path, SMALL, trust) ?? '') ?? [];
  return elsewhere === undefined ? undefined : namedBy(stats, resolve(dirname(path), elsewhere));
}

/** Nobody may send us to another's repository. */
function namedBy({ uid }: Stats, path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() && stats.uid === uid ? path : undefined;
}

function headOf(repository: string, trust: Trust): string | undefined {
  const head = readIn(repository, 'HEAD', trust)?.trim() ?? '';
  if (COMMIT.test(head)) return head;
  const [, name] = /^ref: (refs\/[\w./-]+)$/.exec(head) ?? [];
  if (name === undefined || name.split('/').some((part) => ['', '.', '..'].includes(part))) return undefined;
  const named = readIn(repository, 'commondir', trust)?.trim();
  const shared = named === undefined ? undefined : namedBy(lstatSync(repository), resolve(repository, named));
  for (const place of [repository, ...(shared === undefined ? [] : [shared])]) {
    const commit = readIn(place, name, trust)?.trim() ?? packed(place, name, trust);
    if (commit !== undefined && COMMIT.test(commit)) return commit;
  }
  return undefined;
}

function packed(repository: string, name: string, trust: Trust): string | undefined {
  const lines = readIn(repository, 'packed-refs', trust, PACKED)?.split('\n') ?? [];
  return lines.find((line) => line.endsWith(` ${name}`))?.split(' ')[0];
}

/** Reads a file in a repository, following no link on the way to it. */
function readIn(repository: string, path: string, trust: Trust, limit = SMALL): string | undefined {
  const opened: number[] = [];
  try {
    let at = '';
    const names = path.split('/');
    for (const next of [repository, ...names.slice(0, -1)]) {
      const way = at === '' ? next : `${at}/${next}`;
      const fd = openSync(way, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      opened.push(fd);
      if (!isTheirs(fstatSync(fd), trust)) return undefined;
      // By its descriptor, so that a link that takes its name is not followed.
      at = process.platform === 'linux' ? `/proc/self/fd/${fd}` : way;
    }
    return readFile(`${at}/${names.at(-1)}`, limit, trust);
  } catch {
    return undefined;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function readFile(path: string, limit: number, trust: Trust): string | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile() || stats.size > limit || !isTheirs(stats, trust)) return undefined;
    if (!isOwnersToRead(stats, trust)) return undefined;
    const buffer = Buffer.alloc(stats.size);
    return buffer.toString('utf8', 0, readSync(fd, buffer));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}

function isTheirs({ uid }: Stats, { caller, owner }: Trust): boolean {
  return uid === caller || uid === owner;
}

/** The owner of a directory can give any name in it to a file of the caller's, so that must be open to all. */
function isOwnersToRead({ uid, mode }: Stats, { owner }: Trust): boolean {
  return (mode & (uid === owner ? 0o400 : 0o004)) !== 0;
}
