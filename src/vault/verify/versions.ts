// What a versioned place keeps besides what it shows: a document that was written over, hidden or put back, by somebody
// who may do that but holds no key. Each is written once and removed once at most, so its versions say what happened.
import { createHash } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import type { StoredVersion } from '../../store/store.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { LIMITS, parseRecordName, VAULT_DOCUMENTS } from '../layout.ts';
import { type Ledger, readLedger } from '../ledger.ts';
import { callOptions, type Vault } from '../vault.ts';

const HINT = 'restore --versions-before TIME reads what was there';
/** Versions of a record that are looked at, the oldest first: that is the one its host wrote. */
const READ_AT_MOST = 3;

/**
 * Looks at the versions of vault documents and records.
 * @param prefix of the records to look at
 * @returns nothing where the place keeps no versions; a warning where they may not be listed, or not at all
 * @throws StoreError; InterruptedError
 */
export async function findMeddling(vault: Vault, prefix: string): Promise<Finding[]> {
  if (!vault.store.history) return [];
  const found = new Map<string, StoredVersion[]>();
  try {
    for (const start of [VAULT_DOCUMENTS, prefix]) {
      for await (const version of vault.store.history.list(start, callOptions(vault))) {
        const others = found.get(version.name);
        if (others) others.push(version);
        else found.set(version.name, [version]);
      }
    }
  } catch (error) {
    const isRefused = error instanceof StoreError && error.code !== 'store-unreachable';
    if (!isRefused) throw error;
    const message = `whether anything was written over cannot be told: ${error.message}`;
    return [finding('versions-unread', vault.store.location, message, 'warning')];
  }
  const ledger = await readLedger(vault);
  const findings: Finding[] = [];
  for (const [name, versions] of found) findings.push(...(await judge(vault, ledger, name, versions)));
  return findings;
}

async function judge(
  vault: Vault,
  ledger: Ledger,
  name: string,
  versions: readonly StoredVersion[],
): Promise<Finding[]> {
  const stored = versions.filter((version) => !version.isRemoval).sort(byAge);
  // Cleaning up after a write that never came through leaves a mark of something that never was.
  if (stored.length === 0) return [];
  const findings: Finding[] = [];
  if (new Set(stored.map((version) => version.etag ?? version.version)).size > 1) {
    findings.push(finding('overwritten', name, `${name} was written over; ${HINT}`));
  }
  const isHidden = versions.some((version) => version.isLatest && version.isRemoval);
  if (isHidden && !(await isSigned(vault, ledger, name, stored))) {
    findings.push(finding('hidden', name, `${name} was removed and nobody signed that; ${HINT}`));
  }
  if (!isHidden && versions.some((version) => version.isRemoval)) {
    findings.push(finding('put-back', name, `${name} was removed, and somebody put it back`));
  }
  return findings;
}

/** Whether the ledger removes a record. One whose old version cannot be read is not excused by that. */
async function isSigned(
  vault: Vault,
  ledger: Ledger,
  name: string,
  stored: readonly StoredVersion[],
): Promise<boolean> {
  const place = parseRecordName(name);
  if (!place) return false;
  for (const { version } of stored.slice(0, READ_AT_MOST)) {
    try {
      const options = { maxBytes: LIMITS.record, ...callOptions(vault) };
      const bytes = await vault.store.history!.get(name, version, options);
      const sha256 = bytes && createHash('sha256').update(bytes).digest('hex');
      if (sha256 && isRemoved(ledger, place, sha256)) return true;
    } catch (error) {
      const isArchived = error instanceof StoreError && error.code === 'archived';
      if (!isFault(error) && !isArchived) throw error;
    }
  }
  return false;
}

function isRemoved(
  ledger: Ledger,
  { set, id, generation = 0 }: { set: string; id: string; generation?: number },
  sha256: string,
): boolean {
  return ledger.removes(set, id, sha256) || ledger.replaces(set, id, sha256, generation);
}

function byAge(a: StoredVersion, b: StoredVersion): number {
  return a.modified.getTime() - b.modified.getTime() || Number(a.isLatest) - Number(b.isLatest);
}
