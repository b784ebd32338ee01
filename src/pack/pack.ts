// Owns turning sources into one tar: batching, hashes, and the list of entries. Never holds more in memory than one
// file of at most 16 MiB and one batch.

import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, read, type Stats } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { InterruptedError } from '../errors.ts';
import { type Problem, problemOf, type Source, timeOf } from './collect-source.ts';
import type { Entry } from './entry.ts';
import { INSPECTED_BYTES, SMALL_BYTES } from './inspect.ts';
import { changeOf, readQuiet, readWhole } from './read.ts';
import type { Opened } from './read-open.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-write.ts';

/** What went into a tar. */
export interface PackResult {
  /** In the order of the tar. */
  entries: Entry[];
  problems: Problem[];
  /** Sum of the sizes of all files. */
  bytes: number;
  /** Paths of files over 16 MiB that changed while they were read: worth another run. */
  tornLarge: string[];
}

export interface PackOptions {
  signal?: AbortSignal | undefined;
  /** Sees the whole content of each file of at most 1 MiB before any byte of it is yielded. May throw to refuse. */
  inspect?: ((path: string, content: Buffer) => void) | undefined;
  /** Called for each chunk: files read so far, and their bytes. */
  onProgress?: ((done: { files: number; bytes: number }) => void) | undefined;
}

/** A tar under way. */
interface Packing {
  readonly options: PackOptions;
  readonly result: PackResult;
  files: number;
  /** The chunk that is being filled, and how far it is. It goes round: page faults of fresh ones cost more than a copy. */
  readonly batch: Buffer;
  used: number;
}

const BATCH_BYTES = 2 ** 20;
// A small file with its headers: PAX has room for a path and a link target of 4096 bytes each.
const SMALL_ROOM = SMALL_BYTES + 16 * 2 ** 10;

const readInto = promisify(read);

/**
 * Reads sources and makes a tar of them. To learn the hashes alone, drain the stream.
 *
 * @param sources in the order that the tar is to have. Emptied on the way: the entries take their place in memory
 * @returns `stream`, the tar in chunks of at most 1 MiB, each good until the next is asked for; `result`, which is
 *   complete when the stream has ended; and `rest`, a view of the sources that are not done. A file that cannot be read
 *   is a problem and no entry. One over 16 MiB that gets shorter while it is read is filled up with zeros to the size
 *   that its header says.
 * @throws (the stream) InterruptedError, and whatever `inspect` throws
 */
export function packSources(
  sources: Source[],
  options: PackOptions = {},
): { stream: AsyncGenerator<Buffer>; result(): PackResult; rest(): readonly Source[] } {
  const result: PackResult = { entries: [], problems: [], bytes: 0, tornLarge: [] };
  // Not cleared: only what was written to it is ever yielded.
  const batch = Buffer.allocUnsafeSlow(BATCH_BYTES);
  const packing: Packing = { options, result, files: 0, batch, used: 0 };
  return {
    stream: tarOf(sources, packing),
    result: () => result,
    rest: () => sources,
  };
}

async function* tarOf(sources: Source[], packing: Packing): AsyncGenerator<Buffer> {
  sources.reverse();
  for (let source = sources.at(-1); source !== undefined; sources.pop(), source = sources.at(-1)) {
    if (packing.used + SMALL_ROOM > BATCH_BYTES) yield await takeBatch(packing);
    if (source.type !== 'file') {
      const entry = entryOf(source);
      append(packing, tarHeader(entry));
      packing.result.entries.push(entry);
    } else if (source.bytes !== undefined) {
      yield* addContent(packing, entryOf(source), source.bytes);
    } else if (!addQuiet(packing, source)) {
      yield* addWithCare(packing, source);
    }
  }
  if (packing.used + SMALL_ROOM > BATCH_BYTES) yield await takeBatch(packing);
  append(packing, tarEnd());
  yield await takeBatch(packing);
}

// Nearly every file: read straight into the batch, without one promise. Returns whether it was added.
function addQuiet(packing: Packing, source: Source): boolean {
  const { batch, used } = packing;
  let entry: Entry | undefined;
  let start = used;
  const stat = readQuiet(source, SMALL_BYTES, batch, (found) => {
    entry = fileEntry(source, found);
    start = used + tarHeader(entry).copy(batch, used);
    return start;
  });
  if (stat === undefined || entry === undefined) return false;
  const content = batch.subarray(start, start + entry.size);
  packing.options.inspect?.(entry.path, content);
  packing.used = start + entry.size;
  appendPadding(packing, entry.size);
  addFile(packing, entry, hash('sha256', content));
  return true;
}

async function* addWithCare(packing: Packing, source: Source): AsyncGenerator<Buffer> {
  checkSignal(packing);
  const file = await readWhole(source);
  if ('fd' in file) {
    yield* addLarge(packing, source, file);
  } else if ('content' in file) {
    if (file.problem !== undefined) packing.result.problems.push(file.problem);
    const entry = fileEntry(source, file.stat);
    entry.size = file.content.length;
    if (file.problem?.kind === 'changed') entry.torn = true;
    yield* addContent(packing, entry, file.content);
  } else {
    packing.result.problems.push(file);
  }
}

async function* addContent(packing: Packing, entry: Entry, bytes: Uint8Array): AsyncGenerator<Buffer> {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (content.length <= INSPECTED_BYTES) packing.options.inspect?.(entry.path, content);
  append(packing, tarHeader(entry));
  for (let from = 0; from < content.length; ) {
    if (packing.used === BATCH_BYTES) yield await takeBatch(packing);
    const copied = content.copy(packing.batch, packing.used, from);
    packing.used += copied;
    from += copied;
  }
  appendPadding(packing, content.length);
  addFile(packing, entry, hash('sha256', content));
}

// The header goes out before the content is known, so its size holds whatever becomes of the file.
async function* addLarge(packing: Packing, source: Source, { fd, stat }: Opened): AsyncGenerator<Buffer> {
  const { problems, tornLarge } = packing.result;
  const entry = fileEntry(source, stat);
  const digest = createHash('sha256');
  let problem: Problem | undefined;
  let got = 0;
  try {
    append(packing, tarHeader(entry));
    for (let count = -1; got < entry.size && count !== 0; got += count) {
      if (packing.used === BATCH_BYTES) yield await takeBatch(packing);
      const room = roomFor(packing, entry.size - got);
      count = (await readInto(fd, room, 0, room.length, null)).bytesRead;
      digest.update(room.subarray(0, count));
      packing.used += count;
    }
    problem = changeOf(entry.path, stat, got, fstatSync(fd));
  } catch (error) {
    problem = problemOf(error, entry.path);
  } finally {
    closeSync(fd);
  }
  if (problem !== undefined) problems.push(problem);
  if (problem !== undefined && problem.kind !== 'grew') entry.torn = true;
  if (problem?.kind === 'changed') tornLarge.push(entry.path);
  while (got < entry.size) {
    if (packing.used === BATCH_BYTES) yield await takeBatch(packing);
    const room = roomFor(packing, entry.size - got).fill(0);
    digest.update(room);
    packing.used += room.length;
    got += room.length;
  }
  appendPadding(packing, entry.size);
  addFile(packing, entry, digest.digest('hex'));
}

function entryOf({ path, type, mode, uid, gid, mtime, size, target }: Source): Entry {
  const entry: Entry = { path, type, mode, uid, gid, mtime, size };
  if (target !== undefined) entry.target = target;
  return entry;
}

// As the file is now that it is open.
function fileEntry({ path }: Source, stat: Stats): Entry {
  const { uid, gid, size } = stat;
  const [mode, mtime] = [stat.mode & 0o7777, timeOf(stat)];
  return { path, type: 'file', mode, uid, gid, mtime, size, sha256: '' };
}

function addFile(packing: Packing, entry: Entry, sha256: string): void {
  entry.sha256 = sha256;
  packing.result.entries.push(entry);
  packing.result.bytes += entry.size;
  packing.files += 1;
}

function roomFor(packing: Packing, size: number): Buffer {
  return packing.batch.subarray(packing.used, packing.used + size);
}

function append(packing: Packing, bytes: Buffer): void {
  packing.used += bytes.copy(packing.batch, packing.used);
}

// Headers start on a block and a batch is a number of blocks, so that padding always fits.
function appendPadding(packing: Packing, size: number): void {
  const end = packing.used + tarPadding(size);
  packing.batch.fill(0, packing.used, end);
  packing.used = end;
}

async function takeBatch(packing: Packing): Promise<Buffer> {
  const { options, result, files } = packing;
  await nextTurn();
  checkSignal(packing);
  options.onProgress?.({ files, bytes: result.bytes });
  const chunk = packing.batch.subarray(0, packing.used);
  packing.used = 0;
  return chunk;
}

function checkSignal({ options }: Packing): void {
  if (options.signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}
