// Writing an artifact: gzip, age, parts (docs/format.md section 7). Constant memory: one part is filled while those
// before it are on their way to the store.
import { createHash } from 'node:crypto';
import { encrypt } from '../crypt/age.ts';
import { ConflictError, StrongroomError } from '../errors.ts';
import { gzip } from '../pack/gzip-write.ts';
import { padme } from '../pack/pad.ts';
import type { Store } from '../store/store.ts';
import type { Artifact } from './documents/record.ts';
import type { ObjectRef } from './documents/vault-document.ts';
import { LIMITS, partName } from './layout.ts';

export interface ArtifactTarget {
  readonly store: Store;
  readonly recipient: string;
  /** The data directory. */
  readonly data: string;
  /** Room for parts, passed on from one artifact to the next. Empty at first. */
  readonly room: Buffer[];
  readonly signal?: AbortSignal;
  /** Told of each object before it is written: so that an abandoned backup can be cleaned up, or refused. */
  beforeObject(name: string): void | Promise<void>;
}

export interface WrittenArtifact {
  readonly artifact: Artifact;
  /** Size and SHA-256 of the gzip bytes, padding included. */
  readonly gzip: { readonly size: number; readonly sha256: string };
}

/** Writes under way at once: over a network each is mostly waiting. */
const PARALLEL = { here: 1, remote: 3 };

/**
 * Cuts a stream into parts.
 * @param size of each part in bytes; only the last one is shorter, none is empty
 * @param room buffers of that size that nobody uses; of a fresh one only what is written to takes memory
 * @yields parts, each in a buffer of its own, for the caller to put back into `room` when it is done with it
 */
export async function* cut(
  source: AsyncIterable<Buffer>,
  size: number,
  room: Buffer[] = [],
): AsyncGenerator<Buffer> {
  const take = () => room.pop() ?? Buffer.allocUnsafeSlow(size);
  let buffer = take();
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(buffer, used, at);
      used += copied;
      at += copied;
      if (used < size) continue;
      yield buffer;
      buffer = take();
      used = 0;
    }
  }
  if (used > 0) yield buffer.subarray(0, used);
  else room.push(buffer);
}

/**
 * @param plain the artifact's own bytes: a tar, JSON, a stream
 * @param comment ties the artifact to its snapshot
 * @param level gzip level, 0 to store
 * @throws as `writeParts`
 */
export async function writeArtifact(
  target: ArtifactTarget,
  name: string,
  plain: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: { comment: string; level?: number },
): Promise<WrittenArtifact> {
  const hash = createHash('sha256');
  let size = 0;
  async function* observed(): AsyncGenerator<Buffer> {
    for await (const chunk of gzip(plain, { ...options, pad: padme, ...callOptions(target) })) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const artifact = await writeParts(target, name, observed());
  return { artifact, gzip: { size, sha256: hash.digest('hex') } };
}

/**
 * Encrypts an artifact's gzip bytes and stores them.
 * @throws StoreError; StrongroomError `artifact-too-large`; ConflictError `object-exists`
 */
export async function writeParts(
  target: ArtifactTarget,
  name: string,
  gzipBytes: AsyncIterable<Buffer>,
): Promise<Artifact> {
  const { store, recipient, data } = target;
  const call = callOptions(target);
  const parts: ObjectRef[] = [];
  const underWay = new Set<Promise<void>>();
  const most = store.remote ? PARALLEL.remote : PARALLEL.here;
  const write = async (object: string, bytes: Buffer): Promise<void> => {
    await target.beforeObject(object);
    // The directory's name is random, so this is a bug or somebody who guesses 50 bits.
    if ((await store.create(object, bytes, call)) === 'exists') {
      throw new ConflictError('object-exists', `${object} exists already`, { object });
    }
    target.room.push(Buffer.from(bytes.buffer));
  };
  try {
    for await (const bytes of cut(encrypt(gzipBytes, [recipient], call), LIMITS.part, target.room)) {
      if (parts.length === LIMITS.partsOfArtifact) {
        throw new StrongroomError('artifact-too-large', `${name} is larger than a snapshot can hold`, {
          hint: 'back it up as several sets',
        });
      }
      const object = partName(data, name, parts.length);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      parts.push({ object, size: bytes.length, sha256 });
      while (underWay.size >= most) await Promise.race(underWay);
      const writing = write(object, bytes).then(() => void underWay.delete(writing));
      underWay.add(writing);
      // Its failure is thrown by the await above or below; this only keeps Node from calling it unhandled.
      writing.catch(() => {});
    }
    await Promise.all(underWay);
  } catch (error) {
    // Nothing may still be on its way while whoever called cleans up.
    await Promise.allSettled(underWay);
    throw error;
  }
  return { name, parts };
}

function callOptions({ signal }: ArtifactTarget): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}
