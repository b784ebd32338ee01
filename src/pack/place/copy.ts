// Copies the content of one file, for what cannot be renamed or linked. Never through a link.

import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isStill, type Seen, seenFrom } from './existing.ts';

const { O_RDONLY, O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK } = constants;
const CHUNK = 1 << 20;

/**
 * Copies a file to a new one, which is 0600 and keeps the time.
 *
 * @returns false when it is not what was seen
 * @throws a system error
 */
export async function copyToNew(from: string | Buffer, to: string | Buffer, seen: Seen): Promise<boolean> {
  const source = openSync(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (!isStill(seen, seenFrom(fstatSync(source)))) return false;
    const copy = openSync(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      fchmodSync(copy, 0o600);
      await pour(source, copy);
      futimesSync(copy, seen.mtimeMs / 1000, seen.mtimeMs / 1000);
      fsyncSync(copy);
    } finally {
      closeSync(copy);
    }
    return true;
  } finally {
    closeSync(source);
  }
}

/**
 * Writes the content of one file into another, which stays the same file and is 0600 from before that.
 *
 * @param finish gives the written file its mode, owner and time
 * @throws a system error
 */
export async function writeInto(
  to: string | Buffer,
  from: string | Buffer,
  finish: (fd: number) => void,
): Promise<void> {
  const target = openSync(to, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  try {
    const source = openSync(from, O_RDONLY | O_NOFOLLOW);
    try {
      fchmodSync(target, 0o600);
      ftruncateSync(target, await pour(source, target));
      finish(target);
      fsyncSync(target);
    } finally {
      closeSync(source);
    }
  } finally {
    closeSync(target);
  }
}

/** @returns how many bytes @throws a system error */
export async function pour(from: number, to: number): Promise<number> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (let size = 0; ; await nextTurn()) {
    const length = readSync(from, buffer);
    if (length === 0) return size;
    for (let at = 0; at < length; ) at += writeSync(to, buffer, at, length - at, size + at);
    size += length;
  }
}
