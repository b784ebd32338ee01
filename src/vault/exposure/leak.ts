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
  /** The highest generation whose identity it may have opened, and with it all before. */
  readonly generation: number;
  /** The highest of which a document says so. */
  readonly known: number;
  readonly periods: readonly Period[];
  /** Revisions of which there is no document, or none that counts. */
  readonly missing: readonly Gap[];
}

/** Revisions from one to another, both included. */
export interface Gap {
  readonly from: number;
  readonly to: number;
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

const BY_NUMBER = '--generation';

/** The revisions that a history leaves out. */
export function gapsOf(history: readonly VaultDocument[]): Gap[] {
  let next = 1;
  return history.flatMap(({ revision }) => {
    const gap = { from: next, to: revision - 1 };
    next = revision + 1;
    return gap.to < gap.from ? [] : [gap];
  });
}

/**
 * The highest generation that a key may have opened that is no longer listed. Whoever held a key that was rotated out
 * can sign documents of its time anew, and with the right to delete put them in the place of those that listed him: of
 * older generations none proves that a key was not there. Those of the newest do, as long as none is missing.
 */
function worstOf(history: readonly VaultDocument[], missing: readonly Gap[]): number {
  const newest = history.at(-1)?.generation ?? 1;
  const older = history.findLast(({ generation }) => generation < newest)?.revision ?? 0;
  return missing.some(({ to }) => to > older) ? newest : newest - 1;
}

/**
 * When a key opened the vault. One that was removed and added again under its name counts as the same.
 * @param history oldest first, the current document last
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
  const missing = gapsOf(history);
  const worst = open ? generation : Math.max(generation, worstOf(history, missing));
  if (periods.length > 0)
    return { kind: 'key', name, generation: worst, known: generation, periods, missing };
  const names = new Set(history.flatMap((document) => document.slots.map((slot) => slot.name)));
  const hint = `it has had ${[...names].sort().join(', ')}`;
  throw new NotFoundError('no-such-key', `the vault has never had a key ${JSON.stringify(name)}`, {
    // Every document that listed it may have been replaced.
    hint:
      worst > 0 ? `${hint}; if it is missing there, ${BY_NUMBER} ${worst} lists what it may have read` : hint,
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
