// Reads records one by one and judges each: those that count, and what stands among them and does not.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { type OpenedDocument, openDocumentAsync, openVouched } from '../sign/document.ts';
import type { StoredObject } from '../store/store.ts';
import type { CachedRecord } from './client.ts';
import { readRecord, readReencryption, type SnapshotRecord, storedBytes } from './documents/record.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { LIMITS, parseRecordName, recordName } from './layout.ts';
import type { Ledger } from './ledger.ts';
import { checkReencrypter, judgeRecord, judgeReencryption, writerOf } from './standing.ts';
import { callOptions, type Vault } from './vault.ts';

export interface Snapshot extends SnapshotRecord {
  /** SHA-256 of the whole record that its host signed, re-encrypted since or not. */
  readonly sha256: string;
  /** SHA-256 of the record that counts now, the object `object`. */
  readonly recordSha256: string;
  /** The store's own time of the record that counts. */
  readonly modified: Date;
  /** Where it was re-encrypted: the host's own record, which the one that counts embeds. */
  readonly original?: Original;
}

export interface Original {
  readonly sha256: string;
  /** The generation that its host encrypted to. */
  readonly generation: number;
  /** The authority that signed the record that counts. */
  readonly authority: string;
  /** When the store had received it, as the authority noted. */
  readonly received: string;
}

/** A record that stands in the store and does not count, or that should stand there and is gone. */
export interface RefusedRecord {
  readonly set: string;
  readonly id: string;
  readonly finding: Finding;
}

export interface ReadRecordsOptions {
  /** Only this set's. */
  readonly set?: string;
  /** Verify every signature anew, whatever the cache or another record says. */
  readonly fresh?: boolean;
}

/** Records read at once: enough to keep the thread pool busy, and no more bytes than a part. */
const BATCH = 64;
const BATCH_BYTES = LIMITS.part;
/** A larger record is not kept in the cache: reading it again costs less than a cache that grows. */
const CACHED_BYTES = 64 * 1024;

/** A reading under way. */
interface Reading {
  readonly vault: Vault;
  readonly ledger: Ledger;
  readonly isFresh: boolean;
  readonly known: ReadonlyMap<string, CachedRecord>;
  readonly added: CachedRecord[];
  /**
   * SHA-256 of records to the key of the host whose later record, which counts, names them as the one before it. That
   * signature covers this hash and so those bytes, the older signature among them: one verification stands for a whole
   * chain of records by one key. By no other: a host that was removed may have had the same name.
   */
  readonly vouched: Map<string, string>;
  snapshots: Snapshot[];
  /** Records that count, but not as much as another one of the same snapshot: a re-encryption was cut off. */
  readonly superseded: Snapshot[];
  /** Records by a host under the id of another snapshot, whose own record a re-encryption replaced. */
  readonly intruding: Snapshot[];
  refused: RefusedRecord[];
  readonly findings: Finding[];
}

/** A record's bytes, not yet believed. */
interface Fetched {
  readonly stored: StoredObject;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/**
 * Reads every record. Never throws for one that is bad: that is what it reports.
 * @returns in no order
 * @throws StoreError; InterruptedError
 */
export async function readRecords(
  vault: Vault,
  ledger: Ledger,
  { set, fresh: isFresh = false }: ReadRecordsOptions,
): Promise<Pick<Reading, 'snapshots' | 'superseded' | 'intruding' | 'refused' | 'findings'>> {
  const { location } = vault.store;
  const cache = isFresh ? undefined : vault.cache;
  const known = (await cache?.load(vault.document.vault, location)) ?? new Map();
  const reading: Reading = {
    vault,
    ledger,
    isFresh,
    known,
    added: [],
    vouched: new Map(),
    snapshots: [],
    superseded: [],
    intruding: [],
    refused: [],
    findings: [...ledger.findings],
  };
  const listed: StoredObject[] = [];
  const prefix = set === undefined ? 'snapshots/' : `snapshots/${set}/`;
  const expected = [...known.keys()].filter((name) => name.startsWith(prefix)).sort();
  for await (const stored of vault.store.list(prefix, { expected, ...callOptions(vault) }))
    listed.push(stored);

  let batch: StoredObject[] = [];
  let bytes = 0;
  // The newest of a set first, as each vouches for the one before it.
  for (const stored of listed.reverse()) {
    if (isSettled(reading, stored)) continue;
    if (batch.length === BATCH || bytes + stored.size > BATCH_BYTES) {
      await readBatch(reading, batch);
      batch = [];
      bytes = 0;
    }
    batch.push(stored);
    bytes += stored.size;
  }
  await readBatch(reading, batch);
  const { added } = reading;
  if (added.length > 0) await cache?.save(vault.document.vault, location, known, added);
  chooseStanding(reading);
  return reading;
}

/**
 * Of several records of one snapshot the one of the highest generation counts. A re-encryption makes the name of the
 * host's own record free: what a host then writes there is another snapshot, and takes nobody's place.
 */
function chooseStanding(reading: Reading): void {
  const standing = new Map<string, Snapshot>();
  const placeOf = ({ set, id }: { readonly set: string; readonly id: string }) => `${set}/${id}`;
  for (const snapshot of reading.snapshots) {
    const other = standing.get(placeOf(snapshot));
    if (!other || outranks(snapshot, other)) standing.set(placeOf(snapshot), snapshot);
  }
  if (standing.size < reading.snapshots.length) {
    for (const snapshot of reading.snapshots) {
      const one = standing.get(placeOf(snapshot))!;
      if (one === snapshot) continue;
      if (one.sha256 === snapshot.sha256) reading.superseded.push(snapshot);
      else intrude(reading, snapshot);
    }
    reading.snapshots = [...standing.values()];
  }
  // What is wrong with a record that need not be read is no reason not to choose its snapshot.
  reading.refused = reading.refused.filter((refused) => !standing.has(placeOf(refused)));
}

function outranks(a: Snapshot, b: Snapshot): boolean {
  if ((a.original === undefined) !== (b.original === undefined)) return a.original !== undefined;
  return a.generation > b.generation;
}

function intrude({ intruding, findings }: Reading, snapshot: Snapshot): void {
  const { object, host, id } = snapshot;
  intruding.push(snapshot);
  findings.push(
    finding('second-record', object, `${object} is by ${host}, and ${id} was another snapshot before`),
  );
}

async function readBatch(reading: Reading, batch: readonly StoredObject[]): Promise<void> {
  const fetched = await Promise.all(batch.map((stored) => fetch(reading, stored)));
  const unvouched: Fetched[] = [];
  for (const one of fetched) {
    if (one && !takeVouched(reading, one)) unvouched.push(one);
  }
  // All at once, so that they share the cores.
  await Promise.all(unvouched.map((one) => takeVerified(reading, one)));
}

/** Whether an object need not be read: it is in the cache, or no record. */
function isSettled(reading: Reading, stored: StoredObject): boolean {
  const { name } = stored;
  if (!parseRecordName(name)) {
    reading.findings.push(finding('stray-object', name, `${name} is no snapshot`, 'warning'));
    return true;
  }
  try {
    return takeCached(reading, stored);
  } catch (error) {
    refuse(reading, name, error);
    return true;
  }
}

/** @returns undefined when it is gone, or refused already */
async function fetch(reading: Reading, stored: StoredObject): Promise<Fetched | undefined> {
  const { name } = stored;
  const { vault } = reading;
  try {
    // No more than the listing said: many are read at once, and memory was planned by that.
    const maxBytes = Math.min(optionsFor(name).maxBytes, stored.size);
    const bytes = await vault.store.get(name, { maxBytes, ...callOptions(vault) });
    return bytes === null
      ? undefined
      : { stored, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch (error) {
    refuse(reading, name, error);
    return undefined;
  }
}

/** The record as it was read before, while its object is the same; judged anew, since the vault may have changed. */
function takeCached(reading: Reading, stored: StoredObject): boolean {
  const cached = reading.known.get(stored.name);
  if (!cached || !stored.etag || cached.etag !== stored.etag) return false;
  takeKnown(reading, stored, cached);
  return true;
}

/** A record of which all but the judgement is known. @throws IntegrityError when it does not count */
function takeKnown(reading: Reading, { name, modified }: StoredObject, cached: CachedRecord): void {
  const { document } = reading.vault;
  const record = JSON.parse(cached.record) as SnapshotRecord & Pick<Snapshot, 'original'>;
  const { original, generation } = record;
  const { sha256 } = original ?? cached;
  if (original) checkReencrypter(document, [original.authority], name, generation);
  const facts = { signers: [cached.signer], sha256, modified };
  judgeRecord(document, record, facts, reading.ledger.outlasts);
  count(reading, Object.assign(record, { sha256, recordSha256: cached.sha256, modified }), cached.signer);
}

/** @returns whether it counts by what is known of its bytes already; if not, its signature decides */
function takeVouched(reading: Reading, fetched: Fetched): boolean {
  const { sha256, bytes, stored } = fetched;
  if (reading.isFresh) return false;
  const cached = reading.known.get(stored.name);
  const voucher = reading.vouched.get(sha256);
  try {
    if (cached?.sha256 === sha256) {
      takeKnown(reading, stored, cached);
      keep(reading, fetched, cached);
      return true;
    }
    if (voucher === undefined) return false;
    const opened = openVouched(bytes, optionsFor(stored.name));
    if (opened.signers.length !== 1 || opened.signers[0] !== voucher) return false;
    takeOriginal(reading, fetched, opened);
    return true;
  } catch (error) {
    // Its own signature decides, and says what is wrong.
    if (!isFault(error)) throw error;
    return false;
  }
}

async function takeVerified(reading: Reading, fetched: Fetched): Promise<void> {
  const { name } = fetched.stored;
  try {
    const opened = await openDocumentAsync(fetched.bytes, optionsFor(name));
    const { generation } = parseRecordName(name)!;
    if (generation === undefined) takeOriginal(reading, fetched, opened);
    else await takeReencrypted(reading, fetched, opened, generation);
  } catch (error) {
    refuse(reading, name, error);
  }
}

function optionsFor(object: string) {
  const isOriginal = parseRecordName(object)?.generation === undefined;
  const maxBytes = isOriginal ? LIMITS.record : LIMITS.reencryption;
  return { namespace: NAMESPACES.record, object, maxBytes };
}

/** A host's own record. @throws IntegrityError when it does not count */
function takeOriginal(reading: Reading, fetched: Fetched, opened: OpenedDocument): void {
  const { sha256, stored } = fetched;
  const { record, signer } = judgeOriginal(reading, stored.name, opened, { ...stored, sha256 });
  keep(reading, fetched, { signer, record: JSON.stringify(record) });
  count(reading, { ...record, sha256, recordSha256: sha256, modified: stored.modified }, signer);
}

/**
 * A record of a re-encryption: the authority's word for where the bytes are now, the host's for everything else.
 * @throws IntegrityError when either does not count
 */
async function takeReencrypted(
  reading: Reading,
  fetched: Fetched,
  opened: OpenedDocument,
  generation: number,
): Promise<void> {
  const { document } = reading.vault;
  const { stored, sha256: recordSha256 } = fetched;
  const { name, modified } = stored;
  checkReencrypter(document, opened.signers, name, generation);
  const again = readReencryption(opened.parse(), name, document.vault);
  const object = recordName(again.set, again.id);
  const bytes = Buffer.from(again.original);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const inner = await openDocumentAsync(bytes, optionsFor(object));
  const { record, signer } = judgeOriginal(reading, object, inner, { sha256, modified });
  judgeReencryption(again, record);
  const { data, artifacts, contents, received } = again;
  const original = { sha256, generation: record.generation, authority: opened.signers[0]!, received };
  const now = { object: name, generation, data, artifacts, contents, stored: storedBytes(again), original };
  const standing = { ...record, ...now };
  keep(reading, fetched, { signer, record: JSON.stringify(standing) });
  count(reading, { ...standing, sha256, recordSha256, modified }, signer);
}

/** @throws IntegrityError when it does not count */
function judgeOriginal(
  { vault, ledger }: Reading,
  object: string,
  { signers, parse }: OpenedDocument,
  { sha256, modified }: { readonly sha256: string; readonly modified: Date },
): { record: SnapshotRecord; signer: string } {
  const { key: signer } = writerOf(vault.document, signers, object);
  const record = readRecord(parse(), object, vault.document.vault);
  judgeRecord(vault.document, record, { signers, sha256, modified }, ledger.outlasts);
  return { record, signer };
}

function keep(
  { added }: Reading,
  { stored, bytes, sha256 }: Fetched,
  { signer, record }: Pick<CachedRecord, 'signer' | 'record'>,
): void {
  if (bytes.length > CACHED_BYTES) return;
  added.push({ object: stored.name, etag: stored.etag ?? '', sha256, signer, record });
}

function count(
  { ledger, vouched, snapshots }: Pick<Reading, 'ledger' | 'vouched' | 'snapshots'>,
  snapshot: Snapshot,
  signer: string,
): void {
  const { set, id, sha256, recordSha256, generation, previous } = snapshot;
  // What was removed may have been put back, and must not speak for anything.
  if (ledger.removes(set, id, sha256) || ledger.replaces(set, id, recordSha256, generation)) return;
  if (previous) vouched.set(previous.sha256, signer);
  snapshots.push(snapshot);
}

function refuse({ findings, refused }: Reading, name: string, error: unknown): void {
  if (!isFault(error)) throw error;
  const fault = finding(error.code, name, error.message);
  findings.push(fault);
  refused.push({ ...parseRecordName(name)!, finding: fault });
}
