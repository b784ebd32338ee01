// Which vault document all places are judged by, and what each of them shows besides.
import { StrongroomError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';
import { type Finding, finding } from '../finding.ts';
import { type Pin, pinOf } from '../pin.ts';
import { rememberRevision } from '../remember.ts';
import {
  type Candidate,
  type Candidates,
  isLate,
  newerByOthers,
  newestGroups,
  noDocument,
  readCandidates,
} from '../trust.ts';
import {
  checkRevision,
  effectivePin,
  keyFingerprint,
  severalVaults,
  type Vault,
  type VaultContext,
} from '../vault.ts';
import { agreeOn, foreignVault, ownOf } from './agree.ts';

/** A place that answers. */
export interface Shown {
  readonly store: Store;
  readonly found: Candidates;
}

/** @returns why nothing can be read there, where that is so */
export async function look(context: VaultContext, store: Store): Promise<Shown | StrongroomError> {
  const { signal } = context;
  return await orError(async () => ({ store, found: await readCandidates(store, signal ? { signal } : {}) }));
}

/**
 * The newest vault document of all places that answer.
 * @param shown the vault's own place, then the others
 * @throws IntegrityError `two-successors`, `older-revision`; why the first place cannot be read, where no pin is known
 */
export async function judgeOf(
  context: VaultContext,
  shown: readonly (Shown | StrongroomError)[],
  { pin: given, trustOlder = false }: { readonly pin?: Pin; readonly trustOlder?: boolean },
): Promise<Vault> {
  const [first] = shown;
  const known = await effectivePin(context, given);
  const pin = known ?? pinOf(firstOf(first!).document);
  const isOurs = ({ found }: Shown) =>
    found.newer.length > 0 || found.candidates.some((c) => c.document.vault === pin.vault);
  const answering = shown.filter((one): one is Shown => !(one instanceof StrongroomError) && isOurs(one));
  const base = answering[0];
  if (!base) throw first instanceof StrongroomError ? first : noneAt(first!);
  const found = answering.map((one) => one.found);
  const { newest, dispute } = agreeOn(found, pin, base.store.location);
  if (dispute) throw dispute;
  const { made } = await context.memory.vault(pin.vault);
  // Whoever has the key and writes to a replica alone can make up a rotation there: it is followed where the vault's own
  // place shows it, and else named.
  const [own] = ownOf(newest!.document, base.found);
  const isMine = made.includes(pinOf(newest!.document).authority);
  const last = isMine ? Infinity : Math.max(pin.generation, own?.document.generation ?? 0);
  const candidates = ownOf(newest!.document, {
    ...base.found,
    candidates: found.flatMap((f) => f.candidates),
  });
  const { document, sha256 } = candidates.find((c) => c.document.generation <= last) ?? newest!;
  await checkRevision(context, document, known, trustOlder);
  if (known) await rememberRevision(context, document);
  const trust = known ? { trust: 'pinned' as const, pin: known } : { trust: 'unproven' as const };
  return { ...alone(context), document, documentSha256: sha256, ...trust, findings: [] };
}

/** What is damaged at a place must not be read at another. */
export function alone<T extends VaultContext>({ elsewhere: _, ...context }: T): Omit<T, 'elsewhere'> {
  return context;
}

/** Without a pin it is the vault that stands at the first place. */
function firstOf(first: Shown | StrongroomError): Candidate {
  if (first instanceof StrongroomError) throw first;
  const groups = newestGroups(first.found);
  const { location } = first.store;
  if (groups.length > 1) throw severalVaults(groups, location);
  return groups[0] ?? fail(noDocument(first.found, location));
}

function fail(error: StrongroomError): never {
  throw error;
}

export function noneAt({ store, found }: Shown): StrongroomError {
  return found.candidates.length === 0 ? noDocument(found, store.location) : foreignVault(store.location);
}

/** What stands there and is no document of this vault, or one that came after its key was rotated out. */
export function plantedAt({ document }: Vault, found: Candidates): Finding[] {
  const ours = ownOf(document, found);
  const authorities = document.generations.map((g) => keyFingerprint(g.authority));
  const others = found.candidates.filter((c) => !ours.includes(c));
  return [
    ...found.findings,
    ...newerByOthers(found, authorities),
    ...others.map(({ document: { object, vault, generation } }) => {
      const isAhead = vault === document.vault && generation > document.generation;
      const what = isAhead
        ? `${object} shows key number ${generation}, which nothing vouches for here: newer vault documents are gone from the other places, or somebody who had a key made it up`
        : `${object} is not of this vault`;
      return finding('foreign-vault', object, what);
    }),
    ...ours
      .filter((c) => isLate(c, ours))
      .map(({ document: { object } }) =>
        finding('superseded-key', object, `${object} was written with a key that was rotated out before`),
      ),
  ];
}

export async function orError<T>(work: () => Promise<T>): Promise<T | StrongroomError> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StrongroomError) || error.exitCode === 130) throw error;
    return error;
  }
}
