// What leaked, and since when it opened anything: from what the vault documents of the past say. Documents are never
// removed, so a key that is gone is still found.
import { NotFoundError } from '../../errors.ts';
import type { VaultDocument } from '../documents/vault-document.ts';
import { readCandidates } from '../trust.ts';
import { callOptions, type Vault } from '../vault.ts';

/** While a key was listed. */
export interface Period {
  readonly from: string;
  readonly fromRevision: number;
  /** The first document without it; undefined while it still opens the vault. */
  readonly to?: string;
  readonly toRevision?: number;
}

/** A way to open the vault. */
export interface KeyLeak {
  readonly kind: 'key';
  readonly name: string;
  /** The highest generation whose identity it opened, and with it all before. */
  readonly generation: number;
  readonly periods: readonly Period[];
}

/** A generation's identity itself. */
export interface GenerationLeak {
  readonly kind: 'generation';
  readonly generation: number;
}

/** A machine that backs up: what leaks with it is what it had, since its signing key reads nothing. */
export interface HostLeak {
  readonly kind: 'host';
  readonly host: string;
  readonly since?: Date;
}

export type Leak = KeyLeak | GenerationLeak | HostLeak;

/**
 * Every vault document that this vault has had, oldest first: signed by the authority that the one that counts lists
 * for its generation, and not written after that one was rotated out.
 */
export async function readHistory(vault: Vault): Promise<VaultDocument[]> {
  const { document: current } = vault;
  const { candidates } = await readCandidates(vault.store, callOptions(vault));
  const ours = candidates
    .filter(
      ({ document: d, signers }) =>
        d.vault === current.vault &&
        d.revision <= current.revision &&
        current.generations[d.generation - 1]?.authority === signers[0],
    )
    .map(({ document }) => document)
    .sort((a, b) => a.revision - b.revision);
  // Generations only rise: one that falls back is by somebody who kept an old key.
  let generation = 1;
  return ours.filter((document) => {
    if (document.generation < generation) return false;
    generation = document.generation;
    return true;
  });
}

/**
 * When a key opened the vault. One that was removed and added again under its name counts as the same.
 * @param history oldest first
 * @throws NotFoundError `no-such-key`, which lists the names that there have been
 */
export function keyLeak(history: readonly VaultDocument[], name: string): KeyLeak {
  const periods: Period[] = [];
  let open: Period | undefined;
  let generation = 0;
  for (const { slots, time, revision, generation: newest } of history) {
    const isListed = slots.some((slot) => slot.name === name);
    if (isListed) {
      generation = Math.max(generation, newest);
      open ??= { from: time, fromRevision: revision };
    } else if (open) {
      periods.push({ ...open, to: time, toRevision: revision });
      open = undefined;
    }
  }
  if (open) periods.push(open);
  if (periods.length > 0) return { kind: 'key', name, generation, periods };
  const names = new Set(history.flatMap((document) => document.slots.map((slot) => slot.name)));
  throw new NotFoundError('no-such-key', `the vault has never had a key ${JSON.stringify(name)}`, {
    hint: `it has had ${[...names].sort().join(', ')}`,
  });
}

/** @throws NotFoundError `no-such-key` */
export function generationLeak({ generation: newest }: VaultDocument, generation: number): GenerationLeak {
  if (generation >= 1 && generation <= newest) return { kind: 'generation', generation };
  throw new NotFoundError('no-such-key', `the vault has no key number ${generation}`, {
    hint: newest === 1 ? 'it was never rotated: its only one is number 1' : `it has had 1 to ${newest}`,
  });
}

/** @throws NotFoundError `no-host`, which lists the names that there have been */
export function hostLeak({ hosts }: VaultDocument, host: string, since?: Date): HostLeak {
  const names = new Set(hosts.map(({ name }) => name));
  if (names.has(host)) return { kind: 'host', host, ...(since ? { since } : {}) };
  throw new NotFoundError('no-host', `the vault has never had a host ${JSON.stringify(host)}`, {
    hint: `it has had ${[...names].sort().join(', ')}`,
  });
}
