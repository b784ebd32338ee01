// Owns what collecting yields: sources, which will become entries, and problems, which become warnings. Makes
// sources of what the file system says, or of bytes in memory. Reads no content.

import type { Stats } from 'node:fs';
import { UsageError } from '../errors.ts';
import type { Entry, EntryType } from './entry.ts';
import { checkEntryPath, encodeName, printableName } from './names.ts';

/** Something that goes into a snapshot: an entry to be, and where its content comes from. */
export interface Source extends Omit<Entry, 'sha256' | 'torn'> {
  /** Absolute path for `node:fs`; undefined for what is not in a file system. */
  from: string | Buffer | undefined;
  /** Content that is in memory already. */
  bytes?: Uint8Array;
  /** Which file it was when it was found, so that another one in its place is noticed. */
  dev?: number;
  ino?: number;
}

/** Something that is not in the snapshot, or not as one would expect. */
export interface Problem {
  kind: 'missing' | 'behind-link' | 'unreadable' | 'changed' | 'grew' | 'skipped' | 'dangling-link';
  /** Path of an entry, or a pattern as it was asked for. Not safe to print as it is. */
  path: string;
  /** One line, safe to print, no content. */
  reason: string;
  /** The snapshot lacks something it should hold; otherwise this is only a warning. */
  incomplete: boolean;
}

const REASONS: Record<string, [kind: Problem['kind'], reason: string]> = {
  ENOENT: ['missing', 'is no longer there'],
  ENOTDIR: ['missing', 'is no longer there'],
  ESTALE: ['missing', 'is no longer there'],
  ELOOP: ['changed', 'became a symbolic link while the backup ran'],
  EACCES: ['unreadable', 'permission denied'],
  EPERM: ['unreadable', 'permission denied'],
  ENAMETOOLONG: ['unreadable', 'its path is too long'],
};

// The last millisecond that a Date can hold (ECMA-262, Time Values and Time Range), in the year 275760.
const LAST_TIME = 8.64e15;

/**
 * Why the file system refused.
 *
 * @param error what `node:fs` threw; anything else is thrown again
 */
export function problemOf(error: unknown, path: string): Problem {
  const code = (error as NodeJS.ErrnoException).code;
  if (!(error instanceof Error) || typeof code !== 'string' || !('syscall' in error)) throw error;
  const [kind, reason] = REASONS[code] ?? ['unreadable', `cannot be read (${code})`];
  return { kind, path, reason, incomplete: true };
}

/** The problem of a path that now leads to something else than was found there. */
export function replaced(path: string): Problem {
  return { kind: 'changed', path, reason: 'something else took its place', incomplete: true };
}

/** The type that an entry can have; undefined for named pipes, sockets and devices. */
export function entryType(stat: Stats): EntryType | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'dir';
  return stat.isSymbolicLink() ? 'symlink' : undefined;
}

/** What a special file is called. */
export function specialName(stat: Stats): string {
  if (stat.isFIFO()) return 'a named pipe';
  return stat.isSocket() ? 'a socket' : 'a device';
}

/** When a file was changed, in whole milliseconds. Some file systems hold times that no program can count. */
export function timeOf(stat: Stats): number {
  return Math.max(-LAST_TIME, Math.min(LAST_TIME, Math.floor(stat.mtimeMs)));
}

/**
 * A source from the file system.
 *
 * @param path of the entry
 * @param from absolute
 * @param target of a symbolic link
 */
export function sourceOf(
  path: string,
  from: string | Buffer,
  type: EntryType,
  stat: Stats,
  target?: string,
): Source {
  // Spelt out, as spreading objects is slow where there are 100,000.
  const source: Source = {
    path,
    type,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: timeOf(stat),
    size: type === 'file' ? stat.size : 0,
    from,
    dev: stat.dev,
    ino: stat.ino,
  };
  if (target !== undefined) source.target = target;
  return source;
}

/**
 * A backup from memory: for callers that keep their state in objects, not in files.
 *
 * @param files paths to bytes, to text, or to any other value, which is stored as JSON (two spaces, a newline at
 *   the end). Bytes are not copied.
 * @param now time of all entries, milliseconds since the epoch
 * @returns the files, mode 0600, and the directories above them, mode 0700, in byte order of their paths
 * @throws IntegrityError `bad-path` or `bad-name` for a path that no archive may hold; UsageError `path-conflict`
 *   when one path is that of a file and of a directory, `not-json` for a value that JSON cannot hold
 */
export function sourcesFromMemory(files: Record<string, unknown>, now: number): Source[] {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mtime: Math.floor(now) };
  const found = new Map<string, Source>();
  for (const [path, value] of Object.entries(files)) {
    checkEntryPath(path);
    const bytes = bytesOf(path, value);
    found.set(path, {
      path,
      from: undefined,
      bytes,
      type: 'file',
      mode: 0o600,
      size: bytes.length,
      ...owner,
    });
  }
  for (const path of [...found.keys()]) {
    for (const parent of parentsOf(path)) {
      const above = found.get(parent);
      if (above?.type === 'file') {
        throw new UsageError('path-conflict', `'${printableName(parent)}' cannot be a file and a directory`, {
          hint: 'give one of them another name',
        });
      }
      if (above !== undefined) break;
      found.set(parent, { path: parent, from: undefined, type: 'dir', mode: 0o700, size: 0, ...owner });
    }
  }
  return inByteOrder(found);
}

function bytesOf(path: string, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return Buffer.from(value);
  let text: string | undefined;
  try {
    text = JSON.stringify(value, null, 2);
  } catch {
    // Neither the value nor what the serialiser says of it belongs in an error.
  }
  if (text === undefined) {
    throw new UsageError('not-json', `the value for '${printableName(path)}' cannot be stored as JSON`, {
      hint: 'pass bytes, text, or plain data',
    });
  }
  return Buffer.from(`${text}\n`);
}

/** The directories above a path, the nearest one first. */
export function* parentsOf(path: string): Generator<string> {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    yield path.slice(0, cut);
  }
}

/**
 * The sources in the order of a snapshot: by the bytes of their paths, so that a directory comes before what it
 * holds.
 *
 * @param found sources by path
 */
export function inByteOrder(found: ReadonlyMap<string, Source>): Source[] {
  const paths = [...found.keys()].sort();
  // UTF-16 sorts as UTF-8 does, but for surrogates.
  if (paths.some((path) => /[\ud800-\udfff]/.test(path))) {
    const bytes = new Map(paths.map((path) => [path, encodeName(path)]));
    paths.sort((a, b) => Buffer.compare(bytes.get(a)!, bytes.get(b)!));
  }
  return paths.map((path) => found.get(path)!);
}
