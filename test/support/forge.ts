// An attacker's tools: whoever can write to the store, or owns a listed host, can make all of this with our own
// parts. Nothing here is checked before it is stored: that is the point.

import { deflateRawSync } from 'node:zlib';
import { encrypt } from '../../src/crypt/age.ts';
import type { Entry } from '../../src/pack/entry.ts';
import { commentMember, memberHeader, memberTrailer } from '../../src/pack/gzip-member.ts';
import { tarEnd, tarHeader, tarPadding } from '../../src/pack/tar-write.ts';
import { NAMESPACES } from '../../src/sign/authority.ts';
import type { SigningKey } from '../../src/sign/key.ts';
import { signArmored } from '../../src/sign/sshsig.ts';
import { memoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { type Contents, writeContents } from '../../src/vault/documents/contents.ts';
import type { Artifact, SnapshotRecord } from '../../src/vault/documents/record.ts';
import type { VaultDocument } from '../../src/vault/documents/vault-document.ts';
import {
  artifactComment,
  CONTENTS_ARTIFACT,
  FILES_ARTIFACT,
  LIMITS,
  newDataDirectory,
  partName,
  recordName,
  vaultDocumentName,
} from '../../src/vault/layout.ts';
import { newSnapshotId, timeOfSnapshotId } from '../../src/vault/names.ts';
import { sha256, type TestHost, type TestVault } from './vault.ts';

type Json = Record<string, unknown>;
export type Namespace = keyof typeof NAMESPACES;

/** Every object of a store, as bytes. */
export async function objectsOf(store: Store): Promise<Map<string, Buffer>> {
  const objects = new Map<string, Buffer>();
  for await (const { name } of store.list('')) objects.set(name, (await store.get(name))!);
  return objects;
}

/** Every object of a store as its digest, to see that none changed. */
export async function digestsOf(store: Store): Promise<Record<string, string>> {
  return Object.fromEntries([...(await objectsOf(store))].map(([name, bytes]) => [name, sha256(bytes)]));
}

/** A store in memory that holds these objects. @param now the store's own time of each */
export async function storeOf(objects: ReadonlyMap<string, Uint8Array>, now: Date): Promise<Store> {
  const store = memoryStore({ clock: () => now });
  for (const [name, bytes] of objects) await store.create(name, bytes);
  return store;
}

/** A copy of a vault in a store of its own, where it may be maltreated. */
export async function copyOf(vault: TestVault): Promise<TestVault> {
  return { ...vault, store: await storeOf(await objectsOf(vault.store), vault.clock.now) };
}

/** Writes an object whether or not it is there: what a store without rules allows. */
export async function put(store: Store, name: string, bytes: Uint8Array | string): Promise<void> {
  await store.remove([name]);
  await store.create(name, Buffer.from(bytes));
}

export async function get(store: Store, name: string): Promise<Buffer> {
  const bytes = await store.get(name);
  if (bytes === null) throw new Error(`no ${name}`);
  return bytes;
}

export async function namesOf(store: Store, prefix = ''): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix)) names.push(name);
  return names;
}

/** `bytes` with one bit of the byte at `at` the other way. */
export function flipped(bytes: Uint8Array, at: number, bit = 0): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
}

/** The JSON of a signed document. */
export function bodyOf(bytes: Buffer): Json {
  return JSON.parse(bytes.toString('utf8').split('-----BEGIN SSH SIGNATURE-----\n')[0] ?? '') as Json;
}

export function sign(value: unknown, namespace: Namespace, ...keys: readonly SigningKey[]): Buffer {
  return signBytes(`${JSON.stringify(value, null, 1)}\n`, namespace, ...keys);
}

/** Signs bytes as they stand, be they JSON or not. @param body ends in a newline */
export function signBytes(
  body: string | Uint8Array,
  namespace: Namespace,
  ...keys: readonly SigningKey[]
): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    bytes,
    ...keys.map((key) => Buffer.from(signArmored(key, NAMESPACES[namespace], bytes))),
  ]);
}

/** Puts the next revision of the vault document, signed by the authority: what an administrator may do. */
export async function putRevision(
  vault: TestVault,
  change: (document: VaultDocument) => object,
  ...keys: readonly SigningKey[]
): Promise<VaultDocument> {
  const revision = vault.document.revision + 1;
  const object = vaultDocumentName(revision);
  const document = { ...vault.document, revision, object, ...change(vault.document) };
  await put(
    vault.store,
    document.object,
    sign(document, 'vault', ...(keys.length > 0 ? keys : [vault.authority])),
  );
  return document;
}

/** Enrolls a further host. @returns a client of the same vault that writes as this host */
export async function enroll(
  vault: TestVault,
  host: TestHost,
  scope: { readonly sets?: readonly string[]; readonly may?: readonly string[] } = {},
): Promise<TestVault> {
  const { sets = ['*'], may = ['write'] } = scope;
  const added = vault.document.time;
  const document = await putRevision(vault, ({ hosts }) => ({
    hosts: [...hosts, { name: host.name, key: host.key.publicKey, sets, may, added }],
  }));
  return { ...vault, document, host };
}

/** What goes into a forged snapshot. Whatever is left out is as an honest host would write it. */
export interface Forgery {
  readonly set?: string;
  readonly id?: string;
  /** Who signs the record, in order of blocks. */
  readonly signers?: readonly SigningKey[];
  readonly namespace?: Namespace;
  /** The entries that contents list; directories and links have no bytes. */
  readonly entries?: readonly Entry[];
  /** The tar, when it is not that of `entries` and `files`. */
  readonly tar?: Buffer;
  readonly files?: Readonly<Record<string, string>>;
  /** The gzip bytes of the files, when they are not those of the tar. */
  readonly filesGzip?: Buffer;
  readonly contentsGzip?: Buffer;
  /** The comments of the first gzip members, when they are not the snapshot's own. */
  readonly filesComment?: string;
  readonly contentsComment?: string;
  readonly recipient?: string;
  readonly contents?: (contents: Contents) => object;
  readonly contentsJson?: (json: string) => string;
  readonly record?: (record: SnapshotRecord) => object;
  readonly recordJson?: (json: string) => string;
  /** Where the record is put, when not at its own place. */
  readonly place?: string;
}

/** An entry of a regular file. */
export function fileEntry(path: string, content: string, more: Partial<Entry> = {}): Entry {
  const bytes = Buffer.from(content);
  return {
    path,
    type: 'file',
    mode: 0o600,
    uid: 0,
    gid: 0,
    mtime: 0,
    size: bytes.length,
    sha256: sha256(bytes),
    ...more,
  };
}

export function dirEntry(path: string): Entry {
  return { path, type: 'dir', mode: 0o700, uid: 0, gid: 0, mtime: 0, size: 0 };
}

export function linkEntry(path: string, target: string): Entry {
  return { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, mtime: 0, size: 0, target };
}

/** The tar of entries, with the content of each file. */
export function tarOf(entries: readonly Entry[], files: Readonly<Record<string, string>>): Buffer {
  const blocks = entries.flatMap((entry) => {
    const content = Buffer.from(entry.type === 'file' ? (files[entry.path] ?? '') : '');
    return [tarHeader(entry), content, Buffer.alloc(tarPadding(content.length))];
  });
  return Buffer.concat([...blocks, tarEnd()]);
}

/** One gzip member that holds `data`, in our layout. */
export function memberOf(data: Buffer): Buffer {
  const deflated = deflateRawSync(data);
  const trailer = memberTrailer(data);
  return Buffer.concat([memberHeader(20 + deflated.length + trailer.length), deflated, trailer]);
}

/** Gzip bytes in our layout: the comment, and data in members of 1 MiB at most. */
export function gzipOf(comment: string, data: Buffer): Buffer {
  const members: Buffer[] = [commentMember(comment)];
  for (let at = 0; at < data.length; at += 1024 * 1024)
    members.push(memberOf(data.subarray(at, at + 1024 * 1024)));
  return Buffer.concat(members);
}

/** Writes an artifact of these gzip bytes, and says what a record says of it. */
async function putArtifact(
  store: Store,
  recipient: string,
  data: string,
  name: string,
  gzip: Buffer,
): Promise<Artifact> {
  const chunks: Buffer[] = [];
  const source = (async function* () {
    yield gzip;
  })();
  for await (const chunk of encrypt(source, [recipient])) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const parts: Artifact['parts'][number][] = [];
  for (let at = 0; at < bytes.length; at += LIMITS.part) {
    const part = bytes.subarray(at, at + LIMITS.part);
    const object = partName(data, name, parts.length);
    await store.create(object, part);
    parts.push({ object, size: part.length, sha256: sha256(part) });
  }
  return { name, parts };
}

/** Writes a whole snapshot as a listed host that obeys no rule could. @returns its record's object name and id */
export async function forge(
  vault: TestVault,
  forgery: Forgery = {},
): Promise<{ object: string; id: string; data: string }> {
  const { store, pin, host } = vault;
  const { set = 'app', files = { '.env': 'FORGED=1\n' }, recipient = pin.recipient } = forgery;
  const id = forgery.id ?? newSnapshotId(vault.clock.now);
  const data = newDataDirectory(set, id, pin.generation);
  const entries = forgery.entries ?? Object.entries(files).map(([path, content]) => fileEntry(path, content));
  const tar = forgery.tar ?? tarOf(entries, files);
  const filesComment = forgery.filesComment ?? artifactComment(pin.vault, set, id, FILES_ARTIFACT);
  const gzip = forgery.filesGzip ?? gzipOf(filesComment, tar);
  const filesArtifact = await putArtifact(store, recipient, data, FILES_ARTIFACT, gzip);
  const contents: Contents = {
    vault: pin.vault,
    set,
    id,
    host: host.name,
    tool: 'forge 1',
    root: '/srv/app',
    sources: { include: [], exclude: [] },
    warnings: [],
    findings: [],
    streams: [],
    artifacts: [{ name: FILES_ARTIFACT, size: gzip.length, sha256: sha256(gzip) }],
    bytes: entries.reduce((sum, entry) => sum + entry.size, 0),
    entries,
  };
  const changed = { ...contents, ...forgery.contents?.(contents) };
  const json = Buffer.concat(Array.from(writeContents(changed), (piece) => Buffer.from(piece))).toString();
  const contentsComment = forgery.contentsComment ?? artifactComment(pin.vault, set, id, CONTENTS_ARTIFACT);
  const index =
    forgery.contentsGzip ?? gzipOf(contentsComment, Buffer.from(forgery.contentsJson?.(json) ?? json));
  const contentsArtifact = await putArtifact(store, recipient, data, CONTENTS_ARTIFACT, index);
  const artifacts = [filesArtifact, contentsArtifact];
  const record: SnapshotRecord = {
    format: 1,
    type: 'record',
    object: recordName(set, id),
    vault: pin.vault,
    time: timeOfSnapshotId(id)!,
    tool: 'forge 1',
    revision: vault.document.revision,
    generation: pin.generation,
    set,
    id,
    host: host.name,
    seconds: 0,
    complete: true,
    entries: entries.length,
    stored: artifacts.flatMap((a) => a.parts).reduce((sum, part) => sum + part.size, 0),
    data,
    artifacts,
    contents: sha256(index),
    previous: null,
  };
  const body = `${JSON.stringify({ ...record, ...forgery.record?.(record) }, null, 1)}\n`;
  const text = forgery.recordJson?.(body) ?? body;
  const object = forgery.place ?? record.object;
  await put(
    store,
    object,
    signBytes(text, forgery.namespace ?? 'record', ...(forgery.signers ?? [host.key])),
  );
  return { object, id, data };
}
