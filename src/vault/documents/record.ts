// The record: what makes a snapshot exist (docs/format.md section 6). Its shape and its own consistency; whether
// its signer may say it is src/vault/standing.ts.
import { IntegrityError } from '../../errors.ts';
import { CONTENTS_ARTIFACT, generationOfData, isArtifact, LIMITS, partName, recordName } from '../layout.ts';
import { isName, timeOfSnapshotId } from '../names.ts';
import { type Fields, fields } from './shape.ts';
import type { ObjectRef } from './vault-document.ts';

export interface Artifact {
  readonly name: string;
  readonly parts: readonly ObjectRef[];
}

/** Where a snapshot's bytes are. */
export interface StoredData {
  readonly data: string;
  readonly artifacts: readonly Artifact[];
  /** SHA-256 of the contents artifact's gzip bytes, with their padding. */
  readonly contents: string;
}

/** Where its artifacts may be left out. */
export type WithoutArtifacts<R extends StoredData> = Omit<R, 'artifacts'> & Partial<Pick<R, 'artifacts'>>;

export interface PreviousRecord {
  readonly id: string;
  readonly sha256: string;
}

/** What a host's record and that of a re-encryption have in common. */
interface AnyRecord extends StoredData {
  readonly format: 1;
  readonly type: 'record';
  readonly object: string;
  readonly vault: string;
  readonly time: string;
  readonly tool: string;
  readonly revision: number;
  readonly generation: number;
  readonly set: string;
  readonly id: string;
}

export interface SnapshotRecord extends AnyRecord {
  readonly host: string;
  /** How long the backup took. */
  readonly seconds: number;
  readonly complete: boolean;
  readonly entries: number;
  /** Bytes of all parts together. */
  readonly stored: number;
  readonly label?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly previous: PreviousRecord | null;
}

/** A snapshot's bytes under the key of a later generation; who made it and what it is stays the host's word. */
export interface Reencryption extends AnyRecord {
  /** When the store had received the host's own record, as it said then: no host can choose it. */
  readonly received: string;
  /** The host's own record, the whole object. */
  readonly original: string;
}

function refuse(code: string, object: string, message: string): never {
  throw new IntegrityError(code, `${object} ${message}`, { object });
}

function readData(f: Fields): StoredData {
  const data = f.text('data', { max: 512 });
  const artifacts = f.list('artifacts', (a) => ({
    name: a.text('name', { max: 80 }),
    parts: a.list('parts', (p) => ({
      object: p.text('object', { max: 512 }),
      size: p.integer('size', 1, LIMITS.part),
      sha256: p.sha256('sha256'),
    })),
  }));
  for (const { name, parts } of artifacts) {
    if (!isArtifact(name)) f.fail('artifacts', 'a list of what this version knows');
    if (parts.length < 1 || parts.length > LIMITS.partsOfArtifact)
      f.fail('artifacts', 'a list of what has bytes');
    if (parts.slice(0, -1).some((p) => p.size !== LIMITS.part)) f.fail('artifacts', 'a list of full pieces');
  }
  if (new Set(artifacts.map((a) => a.name)).size !== artifacts.length)
    f.fail('artifacts', 'a list without doubles');
  if (artifacts[artifacts.length - 1]?.name !== CONTENTS_ARTIFACT)
    f.fail('artifacts', 'a list that ends in its index');
  return { data, artifacts, contents: f.sha256('contents') };
}

/** Bytes of all parts together. */
export function storedBytes({ artifacts }: Pick<StoredData, 'artifacts'>): number {
  return artifacts.flatMap((a) => a.parts).reduce((sum, part) => sum + part.size, 0);
}

function readTags(f: Fields): Record<string, string> | undefined {
  const tags = f.optionalObject('tags');
  if (!tags) return undefined;
  const keys = tags.pairs().map(([key]) => key);
  if (!keys.every(isName)) f.fail('tags', 'an object of names');
  return Object.fromEntries(keys.map((key) => [key, tags.text(key, { max: 256 })]));
}

/**
 * Checks `object`, `set`, `id` and `vault` against the name under which it was found and the vault it is read for.
 * @param generation of a re-encrypted record, which no host may write, nor may a host's record have such a name
 */
function readPlace(
  f: Fields,
  object: string,
  vault: string,
  generation?: number,
): { set: string; id: string } {
  const set = f.name('set');
  const id = f.text('id', { max: 23 });
  if (f.text('object') !== object || object !== recordName(set, id, generation)) {
    refuse('misplaced', object, 'is a copy of a snapshot that belongs elsewhere');
  }
  if (f.text('vault') !== vault) refuse('foreign-vault', object, 'belongs to another vault');
  return { set, id };
}

/**
 * Whether a record names bytes of its own only: else a listed host could have another's ciphertext decrypted as
 * its own, or a reader fetch any object of the store.
 * @param record without artifacts when their parts get their names from its data
 */
export function namesOwnData({
  data,
  set,
  id,
  generation,
  artifacts = [],
}: WithoutArtifacts<SnapshotRecord | Reencryption>): boolean {
  return (
    generationOfData(data, set, id) === generation &&
    artifacts.every((a) => a.parts.every((p, i) => p.object === partName(data, a.name, i)))
  );
}

/**
 * Reads a host's record whose signature has been verified. Whether it may name that data is `namesOwnData`.
 * @param json the parsed body
 * @param object the name under which it was found
 * @param vault id of the vault it is read for
 * @throws IntegrityError `bad-document`, `misplaced`, `foreign-vault`
 */
export function readRecord(json: unknown, object: string, vault: string): SnapshotRecord {
  const f = fields(json, object);
  if (f.text('type') !== 'record') refuse('misplaced', object, 'is a document of another kind');
  const { set, id } = readPlace(f, object, vault);
  const label = f.optionalText('label') === undefined ? undefined : f.name('label');
  const tags = readTags(f);
  const previous = f.optionalObject('previous');
  const stored = readData(f);
  const bytes = storedBytes(stored);
  if (f.integer('stored') !== bytes) f.fail('stored', 'the sum of its sizes');
  const time = f.time('time');
  if (time !== timeOfSnapshotId(id)) f.fail('time', 'the time of its id');
  return {
    format: 1,
    type: 'record',
    object,
    vault,
    time,
    tool: f.text('tool', { max: 256 }),
    revision: f.integer('revision', 1),
    generation: f.integer('generation', 1),
    set,
    id,
    host: f.name('host'),
    seconds: f.number('seconds'),
    complete: f.flag('complete'),
    entries: f.integer('entries'),
    stored: bytes,
    ...(label === undefined ? {} : { label }),
    ...(tags === undefined ? {} : { tags }),
    ...stored,
    previous: previous ? { id: previous.text('id', { max: 23 }), sha256: previous.sha256('sha256') } : null,
  };
}

/**
 * Reads the record of a re-encryption, whose signature by the authority of its generation has been verified. What it
 * embeds is judged by the caller, like any record of a host.
 * @param json the parsed body
 * @throws IntegrityError `bad-document`, `misplaced`, `foreign-vault`, `foreign-data`
 */
export function readReencryption(json: unknown, object: string, vault: string): Reencryption {
  const f = fields(json, object);
  if (f.text('type') !== 'record') refuse('misplaced', object, 'is a document of another kind');
  const generation = f.integer('generation', 2);
  const place = readPlace(f, object, vault, generation);
  const read: Reencryption = {
    format: 1,
    type: 'record',
    object,
    vault,
    time: f.time('time'),
    tool: f.text('tool', { max: 256 }),
    revision: f.integer('revision', 1),
    generation,
    ...place,
    ...readData(f),
    received: f.time('received'),
    original: f.text('original', { max: LIMITS.record }),
  };
  if (!namesOwnData(read)) refuse('foreign-data', object, 'names stored bytes that are not its own');
  return read;
}
