// What each host did, as far as it counts: by whom a snapshot is, and the newest of each.
import type { Host } from '../documents/vault-document.ts';
import type { Finding } from '../finding.ts';
import type { Ledger } from '../ledger.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import type { Vault } from '../vault.ts';

export interface HostActivity {
  readonly host: Host;
  /** How many of its snapshots count. */
  readonly snapshots: number;
  /** The newest of them. */
  readonly last?: Snapshot;
  /** Number of the key that it wrote that one to, where the vault has a newer one and the host may still write. */
  readonly behind?: number;
}

/** Finds the host that a snapshot or ledger entry, which counts, is of. */
export type Owner = (name: string, kind: 'records' | 'entries', sha256: string) => Host | undefined;

/** A name may have been given again after its host was removed; what counts of a removed one is listed by its digest. */
export function ownerBy(hosts: readonly Host[], outlasts: Ledger['outlasts']): Owner {
  return (name, kind, sha256) => {
    const named = hosts.filter((host) => host.name === name);
    const removed = named.find((host) => host.removed !== undefined && outlasts(host, kind, sha256));
    return removed ?? named.find((host) => host.removed === undefined);
  };
}

/**
 * Every host of the vault document, removed ones too, in its order.
 * @returns besides, what is wrong with the ledger, which says what of removed hosts counts
 */
export async function readActivity(
  vault: Vault,
): Promise<{ readonly hosts: HostActivity[]; readonly findings: readonly Finding[] }> {
  const { hosts, generation } = vault.document;
  const { snapshots, ledger } = await readSnapshots(vault);
  const ownerOf = ownerBy(hosts, ledger.outlasts);
  const byHost = new Map<Host | undefined, Snapshot[]>();
  for (const snapshot of snapshots) {
    const owner = ownerOf(snapshot.host, 'records', snapshot.sha256);
    const own = byHost.get(owner);
    if (own) own.push(snapshot);
    else byHost.set(owner, [snapshot]);
  }
  const active = hosts.map((host) => {
    const own = byHost.get(host) ?? [];
    const last = own.at(-1);
    if (!last) return { host, snapshots: 0 };
    const wroteTo = last.original?.generation ?? last.generation;
    const isBehind = host.removed === undefined && wroteTo < generation;
    return { host, snapshots: own.length, last, ...(isBehind ? { behind: wroteTo } : {}) };
  });
  return { hosts: active, findings: ledger.findings };
}
