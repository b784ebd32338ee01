// Reads records one by one and judges each: those that count, and what stands among them and does not.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { type OpenedDocument, openDocumentAsync, openVouched, reopenDocument } from '../sign/document.ts';
import type { StoredObject } from '../store/store.ts';
import type { CachedRecord } from './client.ts';
import { readRecord, type SnapshotRecord } from './documents/record.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { LIMITS, parseRecordName } from './layout.ts';
import type { Ledger } from './ledger.ts';
import { judgeRecord, writerOf } from './standing.ts';
import { callOptions, type Vault } from './vault.ts';

export interface Snapshot extends SnapshotRecord {
  /** SHA-256 of the record's whole object. */
  readonly sha256: string;
  /** The store's own time of the record. */
  readonly modified: Date;
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
  readonly snapshots: Snapshot[];
  readonly refused: RefusedRecord[];
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
): Promise<Pick<Reading, 'snapshots' | 'refused' | 'findings'>> {
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
  return reading;
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
    const maxBytes = Math.min(LIMITS.record, stored.size);
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
function takeCached(reading: Reading, { name, modified, etag }: StoredObject): boolean {
  const cached = reading.known.get(name);
  if (!cached || !etag || cached.etag !== etag) return false;
  const record = JSON.parse(cached.record) as SnapshotRecord;
  judgeRecord(reading.vault.document, record, { signers: [cached.signer], modified });
  count(reading, Object.assign(record, { sha256: cached.sha256, modified }), cached.signer);
  return true;
}

/** @returns whether it counts by what is known of its bytes already; if not, its signature decides */
function takeVouched(reading: Reading, fetched: Fetched): boolean {
  const { sha256, bytes, stored } = fetched;
  const cached = reading.known.get(stored.name);
  const verified = cached?.sha256 === sha256 ? cached.signer : undefined;
  const voucher = reading.vouched.get(sha256);
  if ((verified ?? voucher) === undefined || reading.isFresh) return false;
  try {
    const options = optionsFor(stored.name);
    const opened = verified ? reopenDocument(bytes, options, [verified]) : openVouched(bytes, options);
    if (!verified && !(opened.signers.length === 1 && opened.signers[0] === voucher)) return false;
    judge(reading, fetched, opened);
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
    judge(reading, fetched, await openDocumentAsync(fetched.bytes, optionsFor(name)));
  } catch (error) {
    refuse(reading, name, error);
  }
}

function optionsFor(object: string) {
  return { namespace: NAMESPACES.record, object, maxBytes: LIMITS.record };
}

/** @throws IntegrityError when it does not count */
function judge(reading: Reading, { stored, bytes, sha256 }: Fetched, opened: OpenedDocument): void {
  const { vault, added } = reading;
  const { name, modified, etag = '' } = stored;
  const { key: signer } = writerOf(vault.document, opened.signers, name);
  const record = readRecord(opened.parse(), name, vault.document.vault);
  judgeRecord(vault.document, record, { signers: opened.signers, modified });
  if (bytes.length <= CACHED_BYTES) {
    added.push({ object: name, etag, sha256, signer, record: JSON.stringify(record) });
  }
  count(reading, Object.assign(record, { sha256, modified }), signer);
}

function count({ ledger, vouched, snapshots }: Reading, snapshot: Snapshot, signer: string): void {
  const { set, id, sha256, previous } = snapshot;
  // What was removed may have been put back, and must not speak for anything.
  if (ledger.removes(set, id, sha256)) return;
  if (previous) vouched.set(previous.sha256, signer);
  snapshots.push(snapshot);
}

function refuse({ findings, refused }: Reading, name: string, error: unknown): void {
  if (!isFault(error)) throw error;
  const fault = finding(error.code, name, error.message);
  findings.push(fault);
  refused.push({ ...parseRecordName(name)!, finding: fault });
}
