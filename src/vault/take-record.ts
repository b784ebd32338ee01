// One record: by what is known of its bytes, by its signature, or by those of a re-encryption and of the host's own record
// in it; judged, and counted or refused.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../sign/authority.ts';
import { type OpenedDocument, openDocumentAsync, openVouched } from '../sign/document.ts';
import type { StoredObject } from '../store/store.ts';
import type { CachedRecord } from './client.ts';
import { readRecord, readReencryption, type SnapshotRecord, storedBytes } from './documents/record.ts';
import { type Finding, finding, isFault } from './finding.ts';
import { keptOf, knownRecord, withArtifacts } from './kept-record.ts';
import { LIMITS, parseRecordName, recordName } from './layout.ts';
import type { Ledger } from './ledger.ts';
import type { RefusedRecord, Snapshot } from './snapshot.ts';
import { checkReencrypter, judgeRecord, judgeReencryption, writerOf } from './standing.ts';
import type { Vault } from './vault.ts';

/** A larger record is not kept in the cache: reading it again costs less than a cache that grows. */
const CACHED_BYTES = 64 * 1024;

/** A reading under way. */
export interface Reading {
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
export interface Fetched {
  readonly stored: StoredObject;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** A record of which all but the judgement is known. @throws IntegrityError when it does not count */
export function takeKnown(reading: Reading, { name, modified }: StoredObject, cached: CachedRecord): void {
  const { document } = reading.vault;
  const record = knownRecord(cached);
  const { original, generation } = record;
  const { sha256 } = original ?? cached;
  if (original) checkReencrypter(document, [original.authority], name, generation);
  const facts = { signers: [cached.signer], sha256, modified };
  judgeRecord(document, record, facts, reading.ledger.outlasts);
  const snapshot = Object.assign(record, { sha256, recordSha256: cached.sha256, modified });
  count(reading, withArtifacts(snapshot, cached), cached.signer);
}

/** @returns whether it counts by what is known of its bytes already; if not, its signature decides */
export function takeVouched(reading: Reading, fetched: Fetched): boolean {
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

export async function takeVerified(reading: Reading, fetched: Fetched): Promise<void> {
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

export function optionsFor(object: string) {
  const isOriginal = parseRecordName(object)?.generation === undefined;
  const maxBytes = isOriginal ? LIMITS.record : LIMITS.reencryption;
  return { namespace: NAMESPACES.record, object, maxBytes };
}

/** A host's own record. @throws IntegrityError when it does not count */
function takeOriginal(reading: Reading, fetched: Fetched, opened: OpenedDocument): void {
  const { sha256, stored } = fetched;
  const { record, signer } = judgeOriginal(reading, stored.name, opened, { ...stored, sha256 });
  keep(reading, fetched, { signer, ...keptOf(record) });
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
  keep(reading, fetched, { signer, ...keptOf(standing) });
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
  { added, vault }: Reading,
  { stored, bytes, sha256 }: Fetched,
  { signer, record, artifacts }: Pick<CachedRecord, 'signer' | 'record' | 'artifacts'>,
): void {
  // The mark of the bytes here says nothing of those of another place: damage here must be seen each time.
  const isHere = vault.elsewhere?.readAt(stored.name) === undefined;
  if (bytes.length > CACHED_BYTES || !isHere) return;
  added.push({ object: stored.name, etag: stored.etag ?? '', sha256, signer, record, artifacts });
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

export function refuse({ findings, refused }: Reading, name: string, error: unknown): void {
  if (!isFault(error)) throw error;
  const fault = finding(error.code, name, error.message);
  findings.push(fault);
  refused.push({ ...parseRecordName(name)!, finding: fault });
}
