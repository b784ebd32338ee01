// The few things that discovery asks of a disk. Every path that it touches goes through here, so that a test can see
// which ones. Decides nothing about where one may look.
import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
} from 'node:fs';

/** All paths are absolute. Everything throws what `node:fs` throws. */
export interface Disk {
  realpath(path: string): string;
  lstat(path: string): Stats;
  readlink(path: string): string;
  list(path: string): Dirent[];
  /** Whether a file or a directory can be opened. No link in its place is followed. */
  isReadable(path: string): boolean;
  /** The beginning of a file; undefined when it is no regular one. No link in its place is followed. */
  read(path: string, atMost: number): Head | undefined;
}

/** The beginning of a file. */
export interface Head {
  readonly bytes: Buffer;
  /** Of the whole file. */
  readonly size: number;
}

// A named pipe, or a terminal, in the place of a file must not hang or take over the process.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
/** Files below /proc say that they are empty, and are not. */
const LEAST = 4096;

export const disk: Disk = {
  realpath: (path) => realpathSync.native(path),
  lstat: (path) => lstatSync(path),
  readlink: (path) => readlinkSync(path),
  list: (path) => readdirSync(path, { withFileTypes: true }),
  isReadable(path) {
    try {
      closeSync(openSync(path, FLAGS));
      return true;
    } catch {
      return false;
    }
  },
  read(path, atMost) {
    const fd = openSync(path, FLAGS);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile()) return undefined;
      const buffer = Buffer.allocUnsafe(Math.min(Math.max(stat.size + 1, LEAST), atMost));
      let filled = 0;
      while (filled < buffer.length) {
        const count = readSync(fd, buffer, filled, buffer.length - filled, null);
        if (count === 0) break;
        filled += count;
      }
      return { bytes: buffer.subarray(0, filled), size: Math.max(stat.size, filled) };
    } finally {
      closeSync(fd);
    }
  },
};
