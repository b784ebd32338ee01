// Reads the records of a vault and judges each: those that count, and what stands among them and does not.
import { createHash } from 'node:crypto';
import type { StoredObject } from '../store/store.ts';
import { finding } from './finding.ts';
import { LIMITS, parseRecordName } from './layout.ts';
import type { Ledger } from './ledger.ts';
import type { Snapshot } from './snapshot.ts';
import {
  type Fetched,
  optionsFor,
  type Reading,
  refuse,
  takeKnown,
  takeVerified,
  takeVouched,
} from './take-record.ts';
import { callOptions, type Vault } from './vault.ts';

export interface ReadRecordsOptions {
  /** Only this set's. */
  readonly set?: string;
  /** Verify every signature anew, whatever the cache or another record says. */
  readonly fresh?: boolean;
}

/** Records read at once: enough to keep the thread pool busy, and no more bytes than a part. */
const BATCH = 64;
const BATCH_BYTES = LIMITS.part;
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
  try {
    if (takeCached(reading, stored)) return true;
  } catch (error) {
    refuse(reading, name, error);
    return true;
  }
  if (parseRecordName(name)) return false;
  reading.findings.push(finding('stray-object', name, `${name} is no snapshot`, 'warning'));
  return true;
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
