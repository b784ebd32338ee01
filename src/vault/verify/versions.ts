// What a versioned place keeps besides what it shows: a document that was written over, or hidden, by somebody who may
// do that but holds no key.
import { createHash } from 'node:crypto';
import { StoreError } from '../../errors.ts';
import type { StoredVersion } from '../../store/store.ts';
import { type Finding, finding } from '../finding.ts';
import { LIMITS, parseRecordName, VAULT_DOCUMENTS } from '../layout.ts';
import { readLedger } from '../ledger.ts';
import { callOptions, type Vault } from '../vault.ts';

const HINT = 'restore --versions-before TIME reads what was there';

/**
 * Looks at the versions of vault documents and records, of which each has exactly one as long as nobody meddles.
 * @param prefix of the records to look at
 * @returns nothing where the place keeps no versions
 * @throws StoreError; InterruptedError
 */
export async function findMeddling(vault: Vault, prefix: string): Promise<Finding[]> {
  const { history } = vault.store;
  if (!history) return [];
  try {
    const findings: Finding[] = [];
    const ledger = await readLedger(vault);
    for (const [name, versions] of await byName(vault, [VAULT_DOCUMENTS, prefix])) {
      const stored = versions.filter((version) => !version.isRemoval);
      if (new Set(stored.map((version) => version.etag ?? version.version)).size > 1) {
        findings.push(finding('overwritten', name, `${name} was written over; ${HINT}`));
      }
      const place = parseRecordName(name);
      if (!versions.some((version) => version.isLatest && version.isRemoval)) continue;
      const removed = place && (await digestsOf(vault, name, stored));
      if (removed?.some((sha256) => ledger.removes(place!.set, place!.id, sha256))) continue;
      findings.push(finding('hidden', name, `${name} was removed and nobody signed that; ${HINT}`));
    }
    return findings;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'store-denied') throw error;
    const message = `whether anything was written over cannot be told: ${error.message}`;
    return [finding('versions-unread', vault.store.location, message, 'warning')];
  }
}

async function byName(vault: Vault, prefixes: readonly string[]): Promise<Map<string, StoredVersion[]>> {
  const found = new Map<string, StoredVersion[]>();
  for (const prefix of prefixes) {
    for await (const version of vault.store.history!.list(prefix, callOptions(vault))) {
      found.set(version.name, [...(found.get(version.name) ?? []), version]);
    }
  }
  return found;
}

async function digestsOf(vault: Vault, name: string, versions: readonly StoredVersion[]): Promise<string[]> {
  const digests: string[] = [];
  for (const { version } of versions) {
    const options = { maxBytes: LIMITS.record, ...callOptions(vault) };
    const bytes = await vault.store.history!.get(name, version, options);
    if (bytes) digests.push(createHash('sha256').update(bytes).digest('hex'));
  }
  return digests;
}
