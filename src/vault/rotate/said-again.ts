// What a key said in the ledger that leaked since counts no more (docs/format.md section 8): of snapshots that stand
// under the newest key it is said again by that one, and what the old one said goes.
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocument } from '../../sign/document.ts';
import { type LedgerEntry, type Removal, readLedgerEntry } from '../documents/ledger.ts';
import { isFault } from '../finding.ts';
import { LEDGER, LIMITS } from '../layout.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';

/** So many fit into a ledger entry. */
const MOST_REMOVES = 10_000;

/**
 * @param stateOf whether a snapshot stands under the newest key: that another record of it does not count is then no
 *   more than what follows from that, whoever said it. One that is to come there is left to the run that brings it.
 * @param say writes one entry that these records were replaced
 * @throws StoreError; ConflictError; InterruptedError
 */
export async function sayAgain(
  vault: UnlockedVault,
  stateOf: (removal: Removal) => 'standing' | 'to come' | 'gone',
  say: (removes: readonly Removal[]) => Promise<void>,
): Promise<void> {
  const told: string[] = [];
  const removes = new Map<string, Removal>();
  for await (const { name } of vault.store.list(LEDGER, callOptions(vault))) {
    const entry = await exposedEntry(vault, name);
    if (!entry || entry.removes.some((one) => stateOf(one) === 'to come')) continue;
    told.push(name);
    for (const one of entry.removes) {
      if (stateOf(one) === 'standing') removes.set(`${one.set}/${one.id}/${one.sha256}`, one);
    }
  }
  const all = [...removes.values()];
  for (let at = 0; at < all.length; at += MOST_REMOVES) await say(all.slice(at, at + MOST_REMOVES));
  await vault.store.remove(told, callOptions(vault));
}

/** @returns the entry when it is of a re-encryption, and signed by a key that leaked */
async function exposedEntry(vault: UnlockedVault, name: string): Promise<LedgerEntry | undefined> {
  const { document, store } = vault;
  const maxBytes = LIMITS.ledger;
  try {
    const bytes = await store.get(name, { maxBytes, ...callOptions(vault) });
    if (bytes === null) return undefined;
    const { signers, parse } = openDocument(bytes, { namespace: NAMESPACES.ledger, object: name, maxBytes });
    const by = document.generations.find(({ authority }) => signers.length === 1 && authority === signers[0]);
    if (!by?.compromised) return undefined;
    const entry = readLedgerEntry(parse(), name, document.vault);
    return entry.action === 'reencrypt' ? entry : undefined;
  } catch (error) {
    if (!isFault(error)) throw error;
    return undefined;
  }
}
