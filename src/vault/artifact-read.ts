// Reading an artifact in the order of proof (docs/format.md section 7): each part's size and SHA-256 against the
// signed record, then age, then the hash of the gzip bytes, then gzip.
import { createHash } from 'node:crypto';
import { decrypt } from '../crypt/age.ts';
import { IntegrityError, NotFoundError, StoreError } from '../errors.ts';
import { gunzip } from '../pack/gzip-read.ts';
import type { Store } from '../store/store.ts';
import { type Contents, readContents } from './documents/contents.ts';
import type { Artifact, SnapshotRecord } from './documents/record.ts';
import type { ObjectRef } from './documents/vault-document.ts';
import { artifactComment, CONTENTS_ARTIFACT, LIMITS } from './layout.ts';
import { callOptions, type UnlockedVault, type Vault } from './vault.ts';

interface CallOptions {
  readonly signal?: AbortSignal;
}

/**
 * A part whose bytes are those the signed record lists.
 * @throws IntegrityError `missing-part`, `part-differs`
 */
export async function readPart(store: Store, part: ObjectRef, options: CallOptions): Promise<Buffer> {
  const differs = (how: string) =>
    new IntegrityError('part-differs', `${part.object} ${how}`, {
      object: part.object,
      hint: 'the stored bytes are damaged or were replaced: restore another snapshot, or from a copy of the vault',
    });
  let bytes: Buffer | null;
  try {
    bytes = await store.get(part.object, { maxBytes: part.size, ...options });
  } catch (error) {
    if (error instanceof IntegrityError && error.code === 'object-too-large')
      throw differs('is longer than recorded');
    throw error;
  }
  if (bytes === null) {
    throw new IntegrityError('missing-part', `${part.object} is gone`, {
      object: part.object,
      hint: 'restore another snapshot, or from a copy of the vault',
    });
  }
  if (bytes.length !== part.size) throw differs('is shorter than recorded');
  if (createHash('sha256').update(bytes).digest('hex') !== part.sha256)
    throw differs('is not what was backed up');
  return bytes;
}

/** The same, from another place where the vault's own has lost it. */
async function readPartAnywhere(vault: Vault, part: ObjectRef): Promise<Buffer> {
  const { store, elsewhere } = vault;
  const call = callOptions(vault);
  try {
    return await readPart(store, part, call);
  } catch (error) {
    if (!(error instanceof IntegrityError || error instanceof StoreError)) throw error;
    for (const other of elsewhere?.stores ?? []) {
      const bytes = await readPart(other, part, call).catch(() => undefined);
      if (!bytes) continue;
      const places = { from: store.location, to: other.location };
      elsewhere?.say({ code: 'read-elsewhere', object: part.object, ...places });
      return bytes;
    }
    throw error;
  }
}

/** The age file of an artifact, each part proven before a byte of it is released; the next is fetched meanwhile. */
async function* readParts(vault: Vault, parts: readonly ObjectRef[]): AsyncGenerator<Buffer> {
  const fetch = (part: ObjectRef | undefined) => {
    const promise = part && readPartAnywhere(vault, part);
    promise?.catch(() => {});
    return promise;
  };
  let next = fetch(parts[0]);
  for (let i = 0; i < parts.length; i++) {
    const bytes = await next;
    next = fetch(parts[i + 1]);
    yield bytes!;
  }
}

/** Passes gzip bytes on and, at their end, compares size and hash with what contents or the record say. */
async function* proven(
  source: AsyncIterable<Buffer>,
  expected: { size?: number; sha256: string },
  object: string,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    size += chunk.length;
    yield chunk;
  }
  if (hash.digest('hex') !== expected.sha256 || (expected.size ?? size) !== size) {
    throw new IntegrityError('artifact-differs', `${object} does not hold what its snapshot lists`, {
      object,
      hint: 'restore another snapshot, and find out what happened to the host that wrote this one',
    });
  }
}

function artifactOf(record: SnapshotRecord, name: string): Artifact {
  const artifact = record.artifacts.find((a) => a.name === name);
  if (artifact) return artifact;
  throw new NotFoundError('no-artifact', `${record.id} holds no ${name}`, { object: record.object });
}

/**
 * The bytes of an artifact. They are final only when the stream ends without a failure.
 * @param contents of the same record
 */
export function readArtifact(
  vault: UnlockedVault,
  record: SnapshotRecord,
  contents: Contents,
  name: string,
): AsyncGenerator<Buffer> {
  const expected = contents.artifacts.find((a) => a.name === name);
  if (!expected) {
    throw new IntegrityError('contents-differ', `${record.id} does not list its ${name}`, {
      object: record.object,
    });
  }
  const object = `${record.data}/${name}`;
  return gunzip(gzipBytesOf(vault, record, name, expected), {
    comment: artifactComment(record.vault, record.set, record.id, name),
    object,
    ...callOptions(vault),
  });
}

/**
 * The contents of a snapshot. Its hash is compared with the record's before gzip or JSON see a byte.
 * @throws IntegrityError for every way in which it is not what was backed up
 */
export async function readSnapshotContents(vault: UnlockedVault, record: SnapshotRecord): Promise<Contents> {
  const { parts } = artifactOf(record, CONTENTS_ARTIFACT);
  const object = `${record.data}/${CONTENTS_ARTIFACT}`;
  if (parts.reduce((sum, part) => sum + part.size, 0) > LIMITS.contents) {
    throw new IntegrityError('too-large', `${object} is larger than it may be`, { object });
  }
  const gzipBytes = await all(gzipBytesOf(vault, record, CONTENTS_ARTIFACT, { sha256: record.contents }));
  const json = await all(
    gunzip(asStream(gzipBytes), {
      comment: artifactComment(record.vault, record.set, record.id, CONTENTS_ARTIFACT),
      object,
      maxBytes: LIMITS.contents,
    }),
  );
  return readContents(json, record, object);
}

/**
 * The gzip bytes of an artifact: parts, age, and at the end their hash.
 * @param expected what contents say of them, or the record of contents
 */
export async function* gzipBytesOf(
  vault: UnlockedVault,
  record: SnapshotRecord,
  name: string,
  expected: { size?: number; sha256: string },
): AsyncGenerator<Buffer> {
  const call = callOptions(vault);
  const object = `${record.data}/${name}`;
  const { identity } = await vault.proven(record.generation);
  const parts = readParts(vault, artifactOf(record, name).parts);
  yield* proven(decrypt(parts, [identity], { object, ...call }), expected, object);
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* asStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
