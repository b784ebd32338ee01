// The one way to write the next vault document: what it names first, the document as the commit, and last the removal
// of key objects that nothing names any more (docs/format.md sections 5 and 10). Two who revise at once both get
// through, one after the other, or are told why not.
import { createHash } from 'node:crypto';
import { ConflictError, IntegrityError, InterruptedError, StoreError, StrongroomError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { openDocument } from '../sign/document.ts';
import { TOOL } from '../version.ts';
import { mayStand, type NewObject, sealVaultDocument } from './commit.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { type Finding, finding } from './finding.ts';
import { identitiesOf, type Proven } from './identities.ts';
import { KEYS, LIMITS, vaultDocumentName } from './layout.ts';
import { documentTime } from './names.ts';
import { pinOf } from './pin.ts';
import { rememberRevision } from './remember.ts';
import { readCandidates, trustPinned } from './trust.ts';
import { callOptions, requireProven, type UnlockedVault, type VaultContext } from './vault.ts';

export interface Revision {
  /** What differs in the next vault document. */
  readonly change: Partial<
    Pick<VaultDocument, 'slots' | 'hosts' | 'generation' | 'generations' | 'reencrypt'>
  >;
  /** Objects that it names: stored before it. */
  readonly objects?: readonly NewObject[];
  /** The new generation, which signs before the old one does. */
  readonly rotatedTo?: Proven;
}

/** Tries before it is said that the vault is busy: each one lost means that somebody else got through. */
const MOST_LOST = 8;
/** Names that are taken by what does not count: whoever plants more of them is not waited for. */
const MOST_PLANTED = 32;

/**
 * Plans and commits. When somebody else was quicker, plans again upon what they wrote.
 * @param plan makes its objects anew each time; may throw, and nothing is then left
 * @returns the vault as it is now, its findings those of the one before and documents that were planted in the way
 * @throws ConflictError `vault-busy`, `rotated-meanwhile`; UsageError `old-pin`, `document-too-large`; StoreError, where what became
 *   of the commit may be unknown and its hint says so; InterruptedError
 */
export async function revise(
  vault: UnlockedVault,
  plan: (vault: UnlockedVault) => Promise<Revision>,
): Promise<UnlockedVault> {
  requireProven(vault);
  let now = vault;
  for (let lost = 0; lost < MOST_LOST; lost++) {
    const revised = await attempt(now, await plan(now));
    if (revised) return revised;
    now = await reopened(now);
  }
  throw new ConflictError('vault-busy', `others keep changing the vault ${vault.document.name}`, {
    object: vaultDocumentName(now.document.revision + 1),
    hint: 'nothing was changed: try again in a while',
  });
}

/** @returns undefined when somebody else wrote the next document first; nothing of ours is left then */
async function attempt(vault: UnlockedVault, revision: Revision): Promise<UnlockedVault | undefined> {
  const { store, document } = vault;
  const { change, objects = [], rotatedTo } = revision;
  const call = callOptions(vault);
  // Before the commit: what others store now, they store for a document that ours will have beaten, and make again.
  const before = await namesBelow(vault, KEYS);
  let commit: NewObject | undefined;
  try {
    for (const { object, bytes } of objects) {
      if ((await store.create(object, bytes, call)) === 'exists') {
        throw new ConflictError('object-exists', `${object} exists already`, { object, hint: 'try again' });
      }
    }
    const findings = [...vault.findings];
    for (let number = document.revision + 1; number <= document.revision + MOST_PLANTED; number++) {
      const next = nextDocument(vault, change, number);
      const signers = rotatedTo ? [rotatedTo.authority, vault.authority] : [vault.authority];
      commit = { object: next.object, bytes: sealVaultDocument(next, signers) };
      const isNew = (await store.create(commit.object, commit.bytes, call)) === 'created';
      const whose = isNew ? 'this' : await whoseIs(vault, commit);
      if (whose === 'this') {
        const { identity, authority } = rotatedTo ?? vault;
        const proven = identitiesOf(store, next, { identity, authority }, call);
        await rememberRevision(vault, next);
        findings.push(...(await removeUnnamed(vault, next, before)));
        const documentSha256 = createHash('sha256').update(commit.bytes).digest('hex');
        const changed = { document: next, documentSha256, pin: pinOf(next), findings };
        return { ...vault, ...changed, identity, authority, proven };
      }
      if (whose === 'another') {
        await removeAll(vault, objects);
        return undefined;
      }
      findings.push(finding('planted-document', next.object, `${next.object} was there and does not count`));
    }
    throw new ConflictError('vault-busy', `${MOST_PLANTED} objects that do not count are in the way`, {
      object: vaultDocumentName(document.revision + 1),
      hint: 'somebody who can write to the store put them there; remove them',
    });
  } catch (error) {
    if (commit && (await mayComeToStand(vault, commit, error))) throw unknownOutcome(error);
    await removeAll(vault, objects);
    throw error;
  }
}

function nextDocument(vault: UnlockedVault, change: Revision['change'], revision: number): VaultDocument {
  const time = documentTime(vault.now());
  return { ...vault.document, ...change, object: vaultDocumentName(revision), revision, time, tool: TOOL };
}

/** As `mayStand`, and whether it may do so later: a request whose reply was lost can be under way still. */
async function mayComeToStand(vault: VaultContext, commit: NewObject, error: unknown): Promise<boolean> {
  if (await mayStand(vault, commit)) return true;
  const isRefused = error instanceof StoreError && ['store-denied', 'store-full'].includes(error.code);
  const isOpen = error instanceof InterruptedError || (error instanceof StoreError && !isRefused);
  return vault.store.remote === true && isOpen;
}

/**
 * Whose document took the name of the next one: this very one, whose first attempt came through unnoticed; another
 * that counts; or nobody's.
 * @throws IntegrityError when our authority signed it and this version cannot read it
 */
async function whoseIs(
  vault: UnlockedVault,
  { object, bytes }: NewObject,
): Promise<'this' | 'another' | 'nobody'> {
  const maxBytes = LIMITS.vaultDocument;
  try {
    const there = await vault.store.get(object, { maxBytes, ...callOptions(vault) });
    if (there === null) return 'nobody';
    if (there.equals(bytes)) return 'this';
    const { signers, parse } = openDocument(there, { namespace: NAMESPACES.vault, object, maxBytes });
    if (!signers.includes(vault.authority.publicKey)) return 'nobody';
    return parse().object === object ? 'another' : 'nobody';
  } catch (error) {
    const isNewer =
      error instanceof IntegrityError && ['newer-format', 'unknown-critical'].includes(error.code);
    if (isNewer || !(error instanceof IntegrityError)) throw error;
    return 'nobody';
  }
}

/** The vault as somebody else left it. @throws ConflictError `rotated-meanwhile` */
async function reopened(vault: UnlockedVault): Promise<UnlockedVault> {
  const { store } = vault;
  const pin = pinOf(vault.document);
  const { current } = trustPinned(await readCandidates(store, callOptions(vault)), pin, store.location);
  const { document, sha256: documentSha256 } = current;
  if (document.generation !== vault.document.generation) {
    throw new ConflictError('rotated-meanwhile', 'somebody else rotated the key of the vault just now', {
      object: document.object,
      hint: 'nothing was changed: look at `strongroom keys list`, and try again with a key that opens the vault now',
    });
  }
  const { identity, authority } = vault;
  const proven = identitiesOf(store, document, { identity, authority }, callOptions(vault));
  return { ...vault, document, documentSha256, proven };
}

async function namesBelow(vault: VaultContext, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of vault.store.list(prefix, callOptions(vault))) names.push(name);
  return names;
}

/**
 * Removes key objects that the new document does not name: each opens, or opened, the vault. The change stands, whether
 * that succeeds or not.
 */
async function removeUnnamed(
  vault: VaultContext,
  document: VaultDocument,
  there: readonly string[],
): Promise<Finding[]> {
  const unnamed = withoutNamed(document, there);
  try {
    // Heeds no signal: whoever is told that it was interrupted must not find it done.
    await vault.store.remove(unnamed);
    return [];
  } catch (error) {
    if (!(error instanceof StrongroomError)) throw error;
    const message = `${unnamed.length} objects of keys that open nothing any more could not be removed: ${error.message}`;
    return [finding('left-over', document.object, message, 'warning')];
  }
}

/** Whether key objects stand that the document does not name: an earlier revision was cut off before it removed them. */
export async function hasUnnamedKeys(
  vault: VaultContext & { readonly document: VaultDocument },
): Promise<boolean> {
  return withoutNamed(vault.document, await namesBelow(vault, KEYS)).length > 0;
}

function withoutNamed({ slots, generations }: VaultDocument, there: readonly string[]): string[] {
  const named = new Set([
    ...slots.map((slot) => slot.object),
    ...generations.flatMap(({ previous }) => previous?.object ?? []),
  ]);
  return there.filter((name) => !named.has(name));
}

/** Nothing names them yet. What cannot be removed is an orphan, which the next change of keys removes. */
async function removeAll({ store }: VaultContext, objects: readonly NewObject[]): Promise<void> {
  await store.remove(objects.map(({ object }) => object)).catch(() => {});
}

function unknownOutcome(error: unknown): unknown {
  if (!(error instanceof StoreError || error instanceof InterruptedError)) return error;
  const { code, message, object, cause } = error;
  const hint =
    'whether the change took effect is not known: look at `strongroom keys list`, and do it again if not';
  const details = { ...(object === undefined ? {} : { object }), hint, cause };
  return error instanceof StoreError
    ? new StoreError(code, message, details)
    : new InterruptedError(code, message, details);
}
