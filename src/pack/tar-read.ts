// Owns checking a tar against the entries it must hold, and handing out file contents once they are proven.
// There is no tar parser: each header is compared with the bytes the expected entry gives, so no size, name or
// type from the archive is ever used. Refuses to touch a disk: that is the sink's.

import { createHash, hash } from 'node:crypto';
import { IntegrityError, InterruptedError } from '../errors.ts';
import { type ByteReader, byteReader, isZero } from './byte-reader.ts';
import type { Entry } from './entry.ts';
import { printableName } from './names.ts';
import { tarEnd, tarHeader, tarPadding } from './tar-write.ts';

/** Files up to this size, in bytes, are handed over whole. */
export const SMALL_FILE_BYTES = 1024 * 1024;

const EMPTY = Buffer.alloc(0);

/** Where the entries of a tar go, one after the other, in the order they were expected. */
export interface TarSink {
  /**
   * Takes an entry that is proven: a directory or a link (`content` is empty), or a file of at most
   * {@link SMALL_FILE_BYTES} whose SHA-256 matched. The bytes are the sink's to keep. A promise holds up the reader.
   */
  small(entry: Entry, content: Buffer): void | Promise<void>;
  /** Begins a larger file, of which nothing is proven yet. */
  open(entry: Entry): Promise<TarFile>;
}

/** A file on its way into the sink. */
export interface TarFile {
  write(chunk: Buffer): void | Promise<void>;
  /** Called once size and SHA-256 have matched: only now may the file count. */
  close(): Promise<void>;
  /** Called instead of `close`: what was written is unproven and must go. */
  abort(): Promise<void>;
}

/**
 * Reads a tar that must hold exactly the expected entries, in that order and nothing else. Memory stays constant.
 *
 * @param source the tar; closed when this returns or throws
 * @param expected from the proven contents; files with their SHA-256
 * @param sink where the entries go
 * @param options `object`: the artifact, for messages; `signal`: stops between chunks
 * @throws IntegrityError `archive-differs` at the first difference; `bad-path`, `bad-name` or `bad-entry` when an
 *   expected entry is itself impossible
 * @throws InterruptedError when the signal fires
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  expected: Iterable<Entry>,
  sink: TarSink,
  options: { object: string; signal?: AbortSignal },
): Promise<void> {
  const reader = byteReader(source);
  const { object } = options;
  try {
    for (const entry of expected) {
      throwIfAborted(options.signal);
      const header = tarHeader(entry);
      if (!(await reader.take(header.length)).equals(header)) {
        throw differs(object, entry, 'is missing, or its header is not as recorded');
      }
      if (entry.type !== 'file') await sink.small(entry, EMPTY);
      else if (entry.size <= SMALL_FILE_BYTES) await readSmall(reader, entry, sink, object);
      else await readLarge(reader, entry, sink, options);
    }
    const end = tarEnd();
    if (!(await reader.take(end.length)).equals(end) || (await reader.some(1)).length > 0) {
      throw differs(object, undefined, 'does not end after the last recorded entry');
    }
  } finally {
    await reader.close();
  }
}

async function readSmall(reader: ByteReader, entry: Entry, sink: TarSink, object: string): Promise<void> {
  const length = entry.size + tarPadding(entry.size);
  const bytes = await reader.take(length);
  const content = bytes.subarray(0, entry.size);
  if (bytes.length < length) throw differs(object, entry, 'is cut short');
  if (hash('sha256', content, 'hex') !== entry.sha256)
    throw differs(object, entry, 'is not the recorded content');
  if (!isZero(bytes.subarray(entry.size))) throw differs(object, entry, 'is not followed by zeros');
  const taken = sink.small(entry, content);
  if (taken !== undefined) await taken;
}

async function readLarge(
  reader: ByteReader,
  entry: Entry,
  sink: TarSink,
  options: { object: string; signal?: AbortSignal },
): Promise<void> {
  const { object, signal } = options;
  const file = await sink.open(entry);
  try {
    const digest = createHash('sha256');
    let missing = entry.size;
    while (missing > 0) {
      throwIfAborted(signal);
      const chunk = await reader.some(missing);
      if (chunk.length === 0) throw differs(object, entry, 'is cut short');
      missing -= chunk.length;
      digest.update(chunk);
      await file.write(chunk);
    }
    if (digest.digest('hex') !== entry.sha256) throw differs(object, entry, 'is not the recorded content');
    const padding = await reader.take(tarPadding(entry.size));
    if (padding.length < tarPadding(entry.size)) throw differs(object, entry, 'is cut short');
    if (!isZero(padding)) throw differs(object, entry, 'is not followed by zeros');
  } catch (error) {
    await file.abort();
    throw error;
  }
  await file.close();
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted', 'interrupted');
}

function differs(object: string, entry: Entry | undefined, how: string): IntegrityError {
  const what = entry === undefined ? 'the archive' : `entry '${printableName(entry.path)}'`;
  return new IntegrityError('archive-differs', `${object}: ${what} ${how}`, {
    object,
    hint: 'the archive is not the one that its snapshot lists: restore another snapshot',
  });
}
