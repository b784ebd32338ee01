// Arbitrary entries, names and chunkings, and small tools to build and drain streams.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Entry } from '../../src/pack/entry.ts';
import { decodeName } from '../../src/pack/names.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';

/** An entry and, for a file, its content. */
export interface Packed {
  entry: Entry;
  content: Buffer;
}

/** One segment of a path: any bytes that a file name may have, with a bias towards short ASCII. */
export const segments = fc
  .oneof(
    { weight: 4, arbitrary: fc.stringMatching(/^[a-z.-]{1,12}$/) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }) },
    { weight: 2, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 60 }).map(decodeName) },
    { weight: 1, arbitrary: fc.integer({ min: 90, max: 255 }).map((length) => 'x'.repeat(length)) },
  )
  .map((name) => name.replace(/[/\0]/g, '_'))
  .filter((name) => name !== '.' && name !== '..' && Buffer.byteLength(name) <= 255 && isDecoded(name));

export const paths = fc.array(segments, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));

const attributes = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.oneof(fc.nat(70_000), fc.nat(2 ** 32 - 1)),
  gid: fc.oneof(fc.nat(70_000), fc.nat(2 ** 32 - 1)),
  mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 45 }),
});

const files = fc
  .tuple(paths, attributes, fc.uint8Array({ maxLength: 2000 }))
  .map(([path, rest, bytes]) => file(path, Buffer.from(bytes), rest));
const dirs = fc.tuple(paths, attributes).map(([path, rest]) => dir(path, rest));
const links = fc.tuple(paths, attributes, paths).map(([path, rest, target]) => link(path, target, rest));

/** Entries of all types, each path once. */
export const archives = fc.uniqueArray(fc.oneof({ weight: 3, arbitrary: files }, dirs, links), {
  maxLength: 12,
  selector: ({ entry }) => entry.path,
});

type Attributes = Partial<Pick<Entry, 'mode' | 'uid' | 'gid' | 'mtime'>>;

const PLAIN = { mode: 0o644, uid: 1000, gid: 1000, mtime: 1_700_000_000_000 };

export function file(path: string, content: Buffer | string, rest: Attributes = {}): Packed {
  const bytes = Buffer.from(content);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { entry: { ...PLAIN, ...rest, path, type: 'file', size: bytes.length, sha256 }, content: bytes };
}

export function dir(path: string, rest: Attributes = {}): Packed {
  return { entry: { ...PLAIN, mode: 0o755, ...rest, path, type: 'dir', size: 0 }, content: Buffer.alloc(0) };
}

export function link(path: string, target: string, rest: Attributes = {}): Packed {
  return {
    entry: { ...PLAIN, mode: 0o777, ...rest, path, type: 'symlink', size: 0, target },
    content: Buffer.alloc(0),
  };
}

/** A whole tar. */
export function tarOf(archive: readonly Packed[]): Buffer {
  const pieces = archive.flatMap(({ entry, content }) => [
    tarHeader(entry),
    content,
    Buffer.alloc(tarPadding(content.length)),
  ]);
  return Buffer.concat([...pieces, tarEnd()]);
}

/** The bytes as a stream, cut into chunks of these sizes, over and over. */
export async function* chunked(
  bytes: Uint8Array,
  sizes: readonly number[] = [65_536],
): AsyncGenerator<Buffer> {
  const buffer = Buffer.from(bytes);
  let turn = 0;
  for (let position = 0; position < buffer.length; turn += 1) {
    const size = sizes[turn % sizes.length]!;
    yield buffer.subarray(position, position + size);
    position += size;
  }
}

/** Chunk sizes, some of them 0, never all. */
export const chunkSizes = fc
  .array(fc.oneof(fc.nat(3), fc.nat(600), fc.nat(5000)), { minLength: 1, maxLength: 6 })
  .filter((sizes) => sizes.some((size) => size > 0));

export async function drain(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// Strings that some bytes decode to: what names are on our side.
function isDecoded(name: string): boolean {
  if (name.isWellFormed()) return true;
  const bytes = Buffer.concat(
    [...name].map((character) => {
      const code = character.codePointAt(0)!;
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character);
    }),
  );
  return decodeName(bytes) === name;
}
