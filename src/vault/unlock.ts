// Locked to unlocked: tries the credentials at hand on the vault's slots, and proves that what comes out is this
// vault's identity. Without a pin it also settles which vault is meant.
import { createHash } from 'node:crypto';
import { identitySecret, recipientOf } from '../crypt/identity.ts';
import { IntegrityError, type StrongroomError, UnlockError } from '../errors.ts';
import type { Credential } from '../keys/method.ts';
import { readSlotPlaintext } from '../keys/slot.ts';
import { deriveAuthority } from '../sign/authority.ts';
import type { SigningKey } from '../sign/key.ts';
import type { Store } from '../store/store.ts';
import { newestGeneration, type Slot, type VaultDocument } from './documents/vault-document.ts';
import { LIMITS } from './layout.ts';
import { pinOf } from './pin.ts';
import { groupCandidates, newerByOthers, noDocument, readCandidates } from './trust.ts';
import { howToTrust, noKeyFits, WRONG } from './unlock-hints.ts';
import {
  callOptions,
  checkRevision,
  type OpenOptions,
  openPinned,
  rememberRevision,
  severalVaults,
  type UnlockedVault,
  type VaultContext,
} from './vault.ts';

export interface UnlockOptions extends OpenOptions {
  /**
   * What may open the vault.
   * @param pinned whether a pin says whose vault it is; without one a work factor above 20 is not tried
   */
  credentials(pinned: boolean): Promise<readonly Credential[]>;
  /**
   * Asked when a key opens a vault that nothing vouches for: an age recipient is public, so whoever writes to the
   * store could have made it. Left out: no.
   */
  confirm?(question: string): Promise<boolean>;
}

interface Opened {
  readonly identity: string;
  readonly authority: SigningKey;
  readonly slot: Slot;
  readonly credential: Credential;
}

/** The slot's bytes, proven against the vault document before anything tries to open them. */
async function slotBytes(store: Store, slot: Slot, signal?: AbortSignal): Promise<Buffer> {
  const bytes = await store.get(slot.object, { maxBytes: LIMITS.slot, ...(signal ? { signal } : {}) });
  if (bytes === null) {
    throw new IntegrityError('missing-slot', `${slot.object} is gone`, {
      object: slot.object,
      hint: 'use another key, or a copy of the vault',
    });
  }
  if (bytes.length !== slot.size || createHash('sha256').update(bytes).digest('hex') !== slot.sha256) {
    throw new IntegrityError('slot-differs', `${slot.object} is not what the vault document lists`, {
      object: slot.object,
      hint: 'someone who can write to the store replaced it; use another key, or a copy of the vault',
    });
  }
  return bytes;
}

async function openSlot(
  store: Store,
  document: VaultDocument,
  slot: Slot,
  credential: Credential,
  signal?: AbortSignal,
): Promise<Opened | null> {
  const plain = await credential.unwrap(await slotBytes(store, slot, signal), slot);
  if (plain === null) return null;
  const { generation, recipient, authority } = newestGeneration(document);
  const { identity } = readSlotPlaintext(
    plain,
    { vault: document.vault, generation, recipient },
    slot.object,
  );
  const key = deriveAuthority(identitySecret(identity), document.vault);
  if ((await recipientOf(identity)) !== recipient || key.publicKey !== authority) {
    throw new IntegrityError('wrong-slot', `${slot.object} holds an identity that is not this vault's`, {
      object: slot.object,
      hint: 'do not restore from this vault before you know who wrote it',
    });
  }
  return { identity, authority: key, slot, credential };
}

/**
 * Without a pin whoever writes to the store decides how many slots and how many vaults there are, and each costs a
 * passphrase seconds and a gibibyte.
 */
const MOST_UNPINNED = 8;

/**
 * Tries every credential on every slot it fits, those that ask nobody first; says what failed and why.
 * @param options.toProve whether the one that opens had better prove whose vault it is
 */
async function tryAll(
  store: Store,
  document: VaultDocument,
  credentials: readonly Credential[],
  options: { readonly signal?: AbortSignal; readonly most?: number; readonly toProve?: boolean },
): Promise<Opened> {
  const proof = (c: Credential) => (options.toProve ? Number(c.authenticates) : 0);
  const order = [...credentials].sort((a, b) => Number(b.silent) - Number(a.silent) || proof(b) - proof(a));
  const failures: StrongroomError[] = [];
  const tried: string[] = [];
  for (const credential of order) {
    const slots = document.slots.filter((s) => credential.fits(s)).slice(0, options.most);
    // What nobody gave, and would only be asked for, was not tried.
    if (slots.length === 0 && credential.silent) tried.push(`${credential.description} is none of its keys`);
    for (const slot of slots) {
      try {
        const opened = await openSlot(store, document, slot, credential, options.signal);
        if (opened) return opened;
        tried.push(`${credential.description} is not the key ${slot.name}`);
      } catch (error) {
        const mayGoOn = error instanceof UnlockError || error instanceof IntegrityError;
        if (!mayGoOn || error.code === 'no-terminal') throw error;
        failures.push(error);
        tried.push(
          WRONG.has(error.code)
            ? `${credential.description} does not open the key ${slot.name}`
            : error.message,
        );
      }
    }
  }
  // Tampering outranks a wrong key: it must not look like a typo.
  const tampered = failures.find((f) => f instanceof IntegrityError);
  if (tampered) throw tampered;
  throw noKeyFits(document, tried, failures);
}

/**
 * Opens and unlocks a vault, and remembers its pin when that was not known and is proven now.
 * @throws as `openPinned`; UnlockError `wrong-passphrase`, `no-key-fits`, `not-trusted`; IntegrityError
 *   `slot-differs`, `wrong-slot`, `missing-slot`, `several-vaults`, or why no vault document can be believed
 */
export async function unlock(context: VaultContext, options: UnlockOptions): Promise<UnlockedVault> {
  const { store } = context;
  const pinned = await openPinned(context, options);
  if (pinned) {
    const opened = await tryAll(
      store,
      pinned.document,
      await options.credentials(true),
      callOptions(context),
    );
    return { ...pinned, identity: opened.identity, authority: opened.authority, openedBy: opened.slot.name };
  }
  const found = await readCandidates(store, context);
  const groups = groupCandidates(found);
  if (groups.length === 0) throw noDocument(found, store.location);
  if (groups.length > MOST_UNPINNED) throw severalVaults(groups, store.location);
  const credentials = await options.credentials(false);
  const limits = { ...callOptions(context), most: MOST_UNPINNED, toProve: true };
  const open: { candidate: (typeof groups)[number]; opened: Opened }[] = [];
  let failure: unknown;
  for (const candidate of groups) {
    try {
      open.push({ candidate, opened: await tryAll(store, candidate.document, credentials, limits) });
    } catch (error) {
      if (!(error instanceof UnlockError || error instanceof IntegrityError) || error.code === 'no-terminal')
        throw error;
      failure ??= error;
    }
  }
  const [first, ...others] = open;
  if (!first) throw failure;
  if (others.length > 0)
    throw severalVaults(
      open.map((o) => o.candidate),
      store.location,
    );
  const { candidate, opened } = first;
  const pin = pinOf(candidate.document);
  const findings = [...found.findings, ...newerByOthers(found, pin.authority)];
  if (!opened.credential.authenticates) {
    const question = `${opened.credential.description} opens a vault with fingerprint ${pin.authority}, but anybody who can write to ${store.location} could have made it. Is that the fingerprint that init printed?`;
    if (!(await options.confirm?.(question))) {
      throw new UnlockError('not-trusted', `nothing vouches for the vault at ${store.location}`, {
        object: store.location,
        hint: howToTrust(candidate.document, store.location),
      });
    }
  }
  await checkRevision(context, candidate.document, pin.revision, options.trustOlder === true);
  await context.memory.rememberPin(store.location, pin);
  await rememberRevision(context, candidate.document);
  return {
    ...context,
    document: candidate.document,
    documentSha256: candidate.sha256,
    trust: 'pinned',
    findings,
    identity: opened.identity,
    authority: opened.authority,
    openedBy: opened.slot.name,
  };
}
