// The handle that every verb takes, locked or unlocked: the compiler knows which verbs need a secret. Opening
// decides whom to believe (docs/format.md section 9); it never writes to the store.
import { IntegrityError, UsageError } from '../errors.ts';
import type { SigningKey } from '../sign/key.ts';
import { fingerprint } from '../sign/key.ts';
import type { Store } from '../store/store.ts';
import type { ClientMemory, RecordCache, VaultMemory } from './client.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import type { Finding } from './finding.ts';
import type { Proven } from './identities.ts';
import { vaultDocumentName } from './layout.ts';
import type { Elsewhere } from './locations/anywhere.ts';
import { noVault } from './no-vault.ts';
import { type Pin, pinOf } from './pin.ts';
import { rememberRevision } from './remember.ts';
import {
  type Candidate,
  newerByOthers,
  newestGroups,
  noDocument,
  readCandidates,
  trustPinned,
} from './trust.ts';

/** What every verb works with: the store, what this client remembers, and a clock. */
export interface VaultContext {
  readonly store: Store;
  readonly memory: ClientMemory;
  /** Saves verifying a record twice; `verify` never asks it. */
  readonly cache?: RecordCache;
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Where to read what is damaged or gone here, as it is proven wherever it stands. */
  readonly elsewhere?: Elsewhere;
}

/** What store calls take of a context. */
export function callOptions({ signal }: VaultContext): { signal?: AbortSignal } {
  return signal ? { signal } : {};
}

/** A vault as it can be read without any key. */
export interface Vault extends VaultContext {
  readonly document: VaultDocument;
  /** SHA-256 of the vault document's object. */
  readonly documentSha256: string;
  /** Where the trust in it comes from: a pin, or nothing yet. */
  readonly trust: 'pinned' | 'unproven';
  /** The pin that it was opened by. Its generation is an older one when the key was rotated since. */
  readonly pin?: Pin;
  /** What came to light while opening: planted documents, an older revision than remembered. */
  readonly findings: readonly Finding[];
}

/** A vault whose identity is in hand. */
export interface UnlockedVault extends Vault {
  /** The newest generation's identity. */
  readonly identity: string;
  readonly authority: SigningKey;
  /** The identity and the authority of any generation, through what the newest opens. */
  proven(generation: number): Promise<Proven>;
  /**
   * Whether it is proven whose it is: by the pin, or by the key that opened it. A rotation that was only followed, by the
   * signature of an older key, is not.
   */
  readonly isProven: boolean;
  /** Name of the key that opened it. */
  readonly openedBy: string;
}

export interface OpenOptions {
  /** The pin of the configuration; the remembered one counts when there is none. */
  readonly pin?: Pin;
  /** Go on although the vault's newest document is older than this client has seen. */
  readonly trustOlder?: boolean;
}

/**
 * The pin to hold this store to: the given one, else the remembered one. Where this client knows better, as it rotated the
 * key of that very vault itself or was told that somebody did, what it knows; not where somebody once said yes to what
 * the store showed.
 */
export async function effectivePin(context: VaultContext, given: Pin | undefined): Promise<Pin | undefined> {
  const remembered = await context.memory.pinFor(context.store.location);
  if (given && remembered?.vault === given.vault && remembered.generation > given.generation) {
    const { made } = await context.memory.vault(given.vault);
    if (made.includes(remembered.authority)) return remembered;
  }
  return given ?? remembered;
}

/**
 * A rolled back store shows an older vault document: a removed key or host would count again.
 * @param pin the one that the vault was opened by
 * @throws IntegrityError `older-revision`; `two-successors` when this client saw another rotation than the store shows,
 *   which no permission to read what is old allows
 */
export async function checkRevision(
  context: VaultContext,
  document: VaultDocument,
  pin: Pin | undefined,
  allowed: boolean,
): Promise<void> {
  const seen = await context.memory.vault(document.vault);
  const rotated = seen.generation > (pin?.generation ?? 0) ? seen.generation : 0;
  const listed = document.generations[rotated - 1];
  if (listed && fingerprint(listed.authority) !== seen.authority) {
    throw new IntegrityError(
      'two-successors',
      `the vault shows another key number ${rotated} than was seen before`,
      {
        object: document.object,
        hint: 'somebody who held the old key wrote that vault document: find out who rotated the key, and run `strongroom trust` with the fingerprint that it printed',
      },
    );
  }
  const known = leastRevision(document, pin, seen);
  const isRotatedBack = document.generation < rotated;
  if ((document.revision >= known && !isRotatedBack) || allowed) return;
  const hint =
    'newer vault documents are gone: find out who removed them; to read all the same, add --trust-new';
  const message = isRotatedBack
    ? `the vault shows key number ${document.generation}, but number ${rotated} was seen before`
    : `the vault shows revision ${document.revision}, but revision ${known} was seen before`;
  const object = vaultDocumentName(isRotatedBack ? seen.revision : known);
  throw new IntegrityError('older-revision', message, { object, hint });
}

/**
 * The revision that the vault had at least under the key that it shows. What another key signed says nothing of it:
 * whoever held one that was rotated out could write any number, and stop this machine for ever.
 */
function leastRevision(document: VaultDocument, pin: Pin | undefined, seen: VaultMemory): number {
  const isPinned = pin?.generation === document.generation;
  const isSame = seen.generation === 0 || seen.authority === authorityFingerprint(document);
  return Math.max(isPinned ? pin.revision : 1, isSame ? seen.revision : 1);
}

/**
 * Opens a vault that a pin, given or remembered, says is the right one.
 * @returns undefined when there is no pin
 * @throws NotFoundError `no-vault`; IntegrityError `foreign-vault`, `foreign-recipient`, `older-revision`
 */
export async function openPinned(
  context: VaultContext,
  options: OpenOptions = {},
): Promise<Vault | undefined> {
  const pin = await effectivePin(context, options.pin);
  if (!pin) return undefined;
  const found = await readCandidates(context.store, context);
  const { current, findings } = trustPinned(found, pin, context.store.location);
  await checkRevision(context, current.document, pin, options.trustOlder === true);
  await rememberRevision(context, current.document);
  return {
    ...context,
    document: current.document,
    documentSha256: current.sha256,
    trust: 'pinned',
    pin,
    findings,
  };
}

/**
 * Opens a vault for reading what needs no key. Without a pin it believes the one vault that is there, and says so
 * through `trust`.
 * @throws NotFoundError `no-vault`; IntegrityError `several-vaults` when the store holds documents of more than
 *   one authority and nothing says which is meant, and as `openPinned`
 */
export async function openVault(context: VaultContext, options: OpenOptions = {}): Promise<Vault> {
  const pinned = await openPinned(context, options);
  if (pinned) return pinned;
  const found = await readCandidates(context.store, context);
  const groups = newestGroups(found);
  const [only, ...others] = groups;
  if (!only) throw noDocument(found, context.store.location);
  if (others.length > 0) throw severalVaults(groups, context.store.location);
  const findings = [...found.findings, ...newerByOthers(found, [authorityFingerprint(only.document)])];
  await checkRevision(context, only.document, undefined, options.trustOlder === true);
  return {
    ...context,
    document: only.document,
    documentSha256: only.sha256,
    trust: 'unproven',
    findings,
  };
}

export function severalVaults(groups: readonly Candidate[], location: string): IntegrityError {
  const names = groups.map(({ document }) => pinOf(document).authority).join(', ');
  return new IntegrityError(
    'several-vaults',
    `${groups.length} vaults claim to be the one at ${location}: ${names}`,
    {
      object: location,
      hint: 'one of them was planted: run `strongroom trust FINGERPRINT` with the fingerprint that init printed',
    },
  );
}

/**
 * What a backup needs, since it never trusts on first use.
 * @throws UsageError `no-pin`
 */
export async function requirePin(context: VaultContext, given: Pin | undefined): Promise<Pin> {
  const pin = await effectivePin(context, given);
  if (pin) return pin;
  // A mistyped location or a disk that is not mounted: where nothing is, there is nothing to trust.
  const found = await readCandidates(context.store, context).catch(() => undefined);
  if (found && found.candidates.length + found.findings.length + found.newer.length === 0) {
    throw noVault(context.store.location);
  }
  throw new UsageError(
    'no-pin',
    `this machine does not know yet which vault at ${context.store.location} to trust`,
    {
      object: context.store.location,
      hint: 'put the pin that init printed into strongroom.yaml, or run `strongroom trust SHA256:…` with its fingerprint',
    },
  );
}

/** A signing key's fingerprint, as `ssh-keygen -l` prints it. */
export function keyFingerprint(publicKey: string): string {
  return fingerprint(publicKey);
}

/** A vault's fingerprint, as people compare it. */
export function authorityFingerprint(document: VaultDocument): string {
  return fingerprint(document.generations[document.generation - 1]!.authority);
}

/**
 * Before anything is written that whoever opens the vault may write: whoever held an old key may have made up the rotation
 * that was followed, and would have his own vault document carried on.
 * @throws UsageError `old-pin`
 */
export function requireProven(vault: UnlockedVault): void {
  if (!vault.isProven) throw oldPin(vault);
}

/** A rotation was only followed, by the word of an older key. */
export function oldPin({ document, pin }: Vault): UsageError {
  const authority = authorityFingerprint(document);
  return new UsageError(
    'old-pin',
    `the vault ${document.name} has key number ${document.generation} now, and this machine knows number ${pin?.generation ?? 0}`,
    {
      object: document.object,
      hint: `compare ${authority} with what \`strongroom keys rotate\` printed, then run \`strongroom trust ${authority}\``,
    },
  );
}

/** Whether it is known whose vault it is: the pin says so, or this client made the key itself; not where a rotation was only followed. */
export async function isOfPin({ document, pin, memory }: Vault): Promise<boolean> {
  if (pin?.generation === document.generation) return true;
  return (await memory.vault(document.vault)).made.includes(authorityFingerprint(document));
}
