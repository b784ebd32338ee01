// The place that a vault is copied to: what this role may see of it, what it holds, and whether it is this vault's copy.
import { ConflictError, IntegrityError, NotFoundError, StoreError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { noMemory } from '../client.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { RECOVERY, revisionOf, VAULT_DOCUMENTS } from '../layout.ts';
import { isAfter, isOf } from '../locations/agree.ts';
import { checkApart } from '../locations/apart.ts';
import { type Candidate, type Candidates, readCandidates } from '../trust.ts';
import { callOptions, type Vault } from '../vault.ts';
import { twoVaults } from './piece.ts';

export interface Target {
  /** The copy, judged by the vault's own document: it is as new as any, and was trusted. */
  readonly vault: Vault;
  /** Whether it can be seen what is there. */
  readonly mayList: boolean;
  /** Whether it can be seen too what that is: whether vault documents may be read. */
  readonly mayRead: boolean;
  /** Whether something may go: its newest vault document was read, is ours and not newer than the vault's. */
  readonly mayRemove: boolean;
  /** Names and sizes of all that is there. */
  readonly sizes: ReadonlyMap<string, number>;
  /** By the name of a vault document: the digest of what is there. */
  readonly documents: ReadonlyMap<string, string>;
  /** Whether a vault document stands there. */
  readonly isBegun: boolean;
  /** What stands there and belongs to another vault, or is damaged. */
  readonly findings: readonly Finding[];
}

const NOTHING: Candidates = { candidates: [], findings: [], newer: [] };

/**
 * @param documents of the vault, which are trusted
 * @throws IntegrityError `foreign-vault`, `newer-copy`, `two-vaults`; ConflictError `same-place`; StoreError
 */
export async function lookAtTarget(
  source: Vault,
  store: Store,
  documents: readonly Candidate[],
): Promise<Target> {
  checkApart(source.store, store);
  const vault: Vault = { ...source, store, memory: noMemory(), findings: [] };
  const mayList = await isAllowed(async () => {
    for await (const _ of store.list(VAULT_DOCUMENTS, callOptions(source))) return;
  });
  const sizes = new Map<string, number>();
  if (mayList) for await (const { name, size } of store.list('', callOptions(source))) sizes.set(name, size);
  const shown = [...sizes.keys()].filter((name) => revisionOf(name) !== undefined);
  const denied: string[] = [];
  const found = mayList ? await readCandidates(store, { ...callOptions(source), denied }) : NOTHING;
  const hidden = denied.find((name) => revisionOf(name)! > source.document.revision);
  if (hidden) throw newerCopy(store.location, hidden, `a ${hidden}`, `revision ${source.document.revision}`);
  // A role that may not read is denied all of them; of one alone somebody who can write there has made a secret.
  const mayRead = mayList && (shown.length === 0 || denied.length < shown.length);
  const at = { vault, mayList, mayRead, sizes };
  if (!mayRead) {
    return { ...at, mayRemove: false, isBegun: shown.length > 0, documents: new Map(), findings: [] };
  }
  const ours = found.candidates.filter((candidate) => isOf(source.document, candidate));
  checkNotNewer(source, store.location, found);
  // Whoever wrote it had a key of the vault, be it an old one: that is not for a copy to replace.
  for (const { document, sha256 } of found.candidates.filter(
    (c) => c.document.vault === source.document.vault,
  )) {
    const same = documents.find((d) => d.document.object === document.object);
    if (same && same.sha256 !== sha256) throw twoVaults(document.object, store.location);
  }
  const others = found.candidates.filter((candidate) => !ours.includes(candidate));
  if (ours.length === 0 && others.length > 0) throw foreign(store.location);
  const planted = others.map(({ document: { object } }) =>
    finding('foreign-vault', object, `${object} is not of this vault`),
  );
  const unread = denied.map((name) => finding('store-denied', name, `${name} may not be read`));
  return {
    ...at,
    mayRemove: ours.length > 0 && denied.length === 0,
    isBegun: ours.length > 0,
    documents: new Map(ours.map((c) => [c.document.object, c.sha256])),
    findings: [...found.findings, ...planted, ...unread],
  };
}

/** Where nothing says whose it is, only what has a name that nobody can guess does. */
export function checkMine({ isBegun, sizes, vault }: Target, isKnown: (name: string) => boolean): void {
  if (isBegun || sizes.size === 0) return;
  const names = [...sizes.keys()];
  if (names.every((name) => name === RECOVERY) || names.some(isKnown)) return;
  const { location } = vault.store;
  throw new ConflictError('not-empty', `there is something else at ${location}: ${names[0]}`, {
    object: location,
    hint: 'a copy needs an empty place of its own',
  });
}

/** A disk that is not mounted looks like an empty place. @throws NotFoundError `no-copy` */
export function checkStillThere({ sizes, mayList, vault }: Target, wasThere: boolean): void {
  if (sizes.size > 0 || !mayList || !wasThere) return;
  const { location } = vault.store;
  throw new NotFoundError('no-copy', `there was a vault at ${location}, and there is none now`, {
    object: location,
    hint: 'check that its disk or network mount is there; to begin a copy there, add --anew',
  });
}

async function isAllowed(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    if (!isFault(error)) throw error;
    return !(error instanceof StoreError);
  }
}

/** @throws IntegrityError `newer-copy`: copying the older over it would hide what was done there */
function checkNotNewer(source: Vault, location: string, { candidates, newer }: Candidates): void {
  const { generation, revision, generations } = source.document;
  const last = generations[generation - 1]!.authority;
  const unread = newer.find(({ signers }) =>
    signers.some((key) => generations.some((g) => g.authority === key)),
  );
  if (unread) throw unread.error;
  const ahead = candidates.find((candidate) => {
    const { document, signers } = candidate;
    if (isOf(source.document, candidate)) return isAfter(document, source.document);
    return document.vault === source.document.vault && signers[1] === last;
  });
  if (!ahead) return;
  const { object, generation: key } = ahead.document;
  const what = key > generation ? `key number ${key}` : `revision ${ahead.document.revision}`;
  const have = key > generation ? `number ${generation}` : `revision ${revision}`;
  throw newerCopy(location, object, what, have);
}

function newerCopy(location: string, object: string, what: string, have: string): IntegrityError {
  return new IntegrityError('newer-copy', `the copy at ${location} has ${what}, and the vault only ${have}`, {
    object,
    hint: 'either somebody used the copy as a vault, or newer vault documents are gone from the vault: find out which, and copy the other way if that is the one to go on with',
  });
}

function foreign(location: string): IntegrityError {
  return new IntegrityError('foreign-vault', `at ${location} is another vault`, {
    object: location,
    hint: 'a copy needs a place of its own',
  });
}
