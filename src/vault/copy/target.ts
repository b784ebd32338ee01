// The place that a vault is copied to: what this role may see of it, what it holds, and whether it is this vault's copy.
import { ConflictError, IntegrityError, NotFoundError, StoreError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { noMemory } from '../client.ts';
import { type Finding, finding, isFault } from '../finding.ts';
import { RECOVERY, VAULT_DOCUMENTS } from '../layout.ts';
import { type Candidate, type Candidates, readCandidates } from '../trust.ts';
import { callOptions, type Vault } from '../vault.ts';
import { twoVaults } from './piece.ts';

export interface Target {
  /** The copy, judged by the vault's own document: it is as new as any, and was trusted. */
  readonly vault: Vault;
  /** Whether it can be seen what is there. */
  readonly mayList: boolean;
  /** Whether it can be seen too what that is. */
  readonly mayRead: boolean;
  /** Names and sizes of all that is there. */
  readonly sizes: ReadonlyMap<string, number>;
  /** By the name of a vault document: the digest of what is there. */
  readonly documents: ReadonlyMap<string, string>;
  /** Whether a vault document stands there. */
  readonly isBegun: boolean;
  /** What stands there and belongs to another vault, or is damaged. */
  readonly findings: readonly Finding[];
}

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
  // A role that may not list is told of nothing that it is missing: it is only denied.
  const mayRead = mayList && (await isAllowed(() => store.get(RECOVERY, callOptions(source))));
  const sizes = new Map<string, number>();
  if (mayList) for await (const { name, size } of store.list('', callOptions(source))) sizes.set(name, size);
  const at = { vault, mayList, mayRead, sizes };
  if (!mayRead) {
    const isBegun = [...sizes.keys()].some((name) => name.startsWith(VAULT_DOCUMENTS));
    return { ...at, isBegun, documents: new Map(), findings: [] };
  }
  const found = await readCandidates(store, callOptions(source));
  const ours = found.candidates.filter((candidate) => isOf(source, candidate));
  checkNotNewer(source, store.location, found);
  for (const { document, sha256 } of ours) {
    const same = documents.find((d) => d.document.object === document.object);
    if (same && same.sha256 !== sha256) throw twoVaults(document.object, store.location);
  }
  const others = found.candidates.filter((candidate) => !ours.includes(candidate));
  if (ours.length === 0 && others.length > 0) throw foreign(store.location);
  const planted = others.map(({ document: { object } }) =>
    finding('foreign-vault', object, `${object} is not of this vault`),
  );
  return {
    ...at,
    isBegun: ours.length > 0,
    documents: new Map(ours.map((c) => [c.document.object, c.sha256])),
    findings: [...found.findings, ...planted],
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
export function checkStillThere({ isBegun, mayList, vault }: Target, wasThere: boolean): void {
  if (isBegun || !mayList || !wasThere) return;
  const { location } = vault.store;
  throw new NotFoundError('no-copy', `there was a copy at ${location}, and there is none now`, {
    object: location,
    hint: 'check that its disk or network mount is there; to begin again, add --anew',
  });
}

function checkApart(from: Store, to: Store): void {
  const [source, copy] = [from.location, to.location];
  const inside = (a: string, b: string) => `${a}/`.startsWith(`${b.replace(/\/+$/, '')}/`);
  const isApart = source === 'memory:' ? from !== to : !(inside(source, copy) || inside(copy, source));
  if (isApart) return;
  throw new ConflictError('same-place', `${copy} and the vault at ${source} are not two places`, {
    object: copy,
    hint: 'name another place with --to',
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

/** Whether a document is of this vault: signed by the authority that the vault lists for its generation. */
export function isOf({ document }: Vault, { document: other, signers }: Candidate): boolean {
  const listed = document.generations[other.generation - 1];
  return other.vault === document.vault && listed !== undefined && listed.authority === signers[0];
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
    if (isOf(source, candidate)) return document.generation === generation && document.revision > revision;
    return document.vault === source.document.vault && signers[1] === last;
  });
  if (!ahead) return;
  const { object, generation: key } = ahead.document;
  const what = key > generation ? `key number ${key}` : `revision ${ahead.document.revision}`;
  const have = key > generation ? `number ${generation}` : `revision ${revision}`;
  throw new IntegrityError('newer-copy', `the copy at ${location} has ${what}, and the vault only ${have}`, {
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
