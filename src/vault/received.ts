// When the store had received what a host wrote: what decides how much of a removed host counts. It reads what that takes
// beyond the records, and only where that matters.
import { StoreError } from '../errors.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { recordName, VAULT_DOCUMENTS } from './layout.ts';
import type { Snapshot } from './snapshot.ts';
import { MAX_AHEAD_MS } from './standing.ts';
import { readCandidates } from './trust.ts';
import { callOptions, type Vault } from './vault.ts';

/** When the store had received a snapshot, in whole seconds, rounded up. */
export type ReceivedAt = (snapshot: Pick<Snapshot, 'modified' | 'original' | 'generation'>) => Date;

/**
 * The store's own time of what the host wrote, re-encrypted since or not: a time that no host can choose. What a
 * re-encryption notes of it is believed where nobody but whoever kept the vault had its key: the newest one, or while it
 * was that, and none that leaked. Else the re-encryption's own time stands in, as in any copy of a vault.
 * @param snapshots those that will be asked about: vault documents are read only where one of them needs it
 * @throws StoreError; InterruptedError
 */
export async function readReceivedAt(vault: Vault, snapshots: Iterable<Snapshot>): Promise<ReceivedAt> {
  const { generation: newest } = vault.document;
  const isOfOlder = [...snapshots].some((s) => s.original && s.generation < newest);
  const ends = isOfOlder ? await readEnds(vault) : new Map<number, Date>();
  return ({ modified, original, generation }) => {
    const leaked = vault.document.generations[generation - 1]?.compromised ?? true;
    const end = ends.get(generation);
    const isInTime = generation === newest || (end !== undefined && modified <= end);
    if (original && !leaked && isInTime) return new Date(original.received);
    return wholeSecond(modified.getTime());
  };
}

/** Rounded up. */
function wholeSecond(milliseconds: number): Date {
  return new Date(Math.ceil(milliseconds / 1000) * 1000);
}

/**
 * Until when each generation was the newest: by the vault document that the authorities of both signed. Somebody may
 * have stored that again since, which makes it look younger, but not changed what it says of its own time.
 * @returns none for the newest one, and for those whose vault document is gone
 * @throws StoreError; InterruptedError
 */
export async function readEnds(vault: Vault): Promise<ReadonlyMap<number, Date>> {
  const { store, document } = vault;
  const modified = new Map<string, Date>();
  for await (const one of store.list(VAULT_DOCUMENTS, callOptions(vault)))
    modified.set(one.name, one.modified);
  const { candidates } = await readCandidates(store, callOptions(vault));
  const ends = new Map<number, Date>();
  for (const { document: first, signers } of candidates) {
    const stored = modified.get(first.object);
    const generation = first.generation - 1;
    if (!stored || first.vault !== document.vault || !isFirst(document, generation, signers)) continue;
    const said = Date.parse(first.time) + MAX_AHEAD_MS;
    const known = ends.get(generation)?.getTime() ?? Number.POSITIVE_INFINITY;
    ends.set(generation, new Date(Math.min(known, stored.getTime(), said)));
  }
  return ends;
}

/** Whether the authority after a generation signed, and then its own. */
function isFirst({ generations }: VaultDocument, generation: number, signers: readonly string[]): boolean {
  const [before, after] = [generations[generation - 1], generations[generation]];
  if (!before || !after) return false;
  return signers.length === 2 && signers[0] === after.authority && signers[1] === before.authority;
}

/**
 * When the store had received a snapshot that its owner vouches for, at the latest. Whoever stores the same bytes again
 * makes them look younger, and with that all that he planted before: so what its host said of the time counts too, and
 * what a place that keeps versions still has of it.
 * @throws StoreError when the place cannot be reached; InterruptedError
 */
export async function vouchedFor(vault: Vault, snapshot: Snapshot, receivedAt: ReceivedAt): Promise<Date> {
  const { time, seconds } = snapshot;
  const said = Date.parse(time) + seconds * 1000 + MAX_AHEAD_MS;
  const oldest = (await oldestVersion(vault, snapshot))?.getTime() ?? Number.POSITIVE_INFINITY;
  return wholeSecond(Math.min(receivedAt(snapshot).getTime(), said, oldest));
}

/** @returns undefined where the place keeps no versions, or this role may not list them */
async function oldestVersion(vault: Vault, { set, id }: Snapshot): Promise<Date | undefined> {
  const { history } = vault.store;
  const name = recordName(set, id);
  let oldest: Date | undefined;
  try {
    for await (const one of history?.list(name, callOptions(vault)) ?? []) {
      if (one.name === name && !one.isRemoval && !(oldest && oldest <= one.modified)) oldest = one.modified;
    }
  } catch (error) {
    if (error instanceof StoreError && error.code !== 'store-unreachable') return undefined;
    throw error;
  }
  return oldest;
}
