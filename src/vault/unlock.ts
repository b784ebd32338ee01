// Locked to unlocked: tries the credentials at hand on the vault's slots, and proves that what comes out is this
// vault's identity. Without a pin it also settles which vault is meant.
import { IntegrityError, type StrongroomError, UnlockError } from '../errors.ts';
import type { Credential } from '../keys/method.ts';
import type { Store } from '../store/store.ts';
import type { Slot, VaultDocument } from './documents/vault-document.ts';
import { identitiesOf, type Proven, proveIdentity } from './identities.ts';
import { readNamed } from './named-object.ts';
import { pinOf } from './pin.ts';
import { rememberRevision, tryToRememberPin } from './remember.ts';
import { newerByOthers, newestGroups, noDocument, readCandidates } from './trust.ts';
import { noKeyFits, notTrusted, WRONG } from './unlock-hints.ts';
import {
  callOptions,
  checkRevision,
  isOfPin,
  type OpenOptions,
  openPinned,
  severalVaults,
  type UnlockedVault,
  type Vault,
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
   * @param service the ARN of a KMS key that only the vault names, asked before anything is sent to it
   */
  confirm?(question: string, service?: string): Promise<boolean>;
}

/** Throws where a service that only the vault names may not be asked. */
type Consent = (slot: Slot) => Promise<void>;

interface Opened extends Proven {
  readonly slot: Slot;
  readonly credential: Credential;
}

async function openSlot(
  store: Store,
  document: VaultDocument,
  slot: Slot,
  credential: Credential,
  signal?: AbortSignal,
): Promise<Opened | null> {
  const bytes = await readNamed(store, slot, signal ? { signal } : {});
  const plain = await credential.unwrap(bytes, slot);
  if (plain === null) return null;
  return { ...(await proveIdentity(plain, document, document.generation, slot.object)), slot, credential };
}

/**
 * Without a pin whoever writes to the store decides how many slots and how many vaults there are, and each costs a
 * passphrase seconds and a gibibyte.
 */
const MOST_UNPINNED = 8;

/**
 * Tries every credential on every slot it fits, those that ask a person last; says what failed and why.
 * @param options.consent given where nothing vouches for the vault: the one that opens had better prove whose it is,
 *   and a service that does not is asked only with consent
 */
async function tryAll(
  store: Store,
  document: VaultDocument,
  credentials: readonly Credential[],
  options: { readonly signal?: AbortSignal; readonly most?: number; readonly consent?: Consent },
): Promise<Opened> {
  const { consent } = options;
  // By turns: a person last, then what proves nothing, then a service.
  const rank = ({ asks, authenticates }: Credential) =>
    (asks === 'person' ? 4 : 0) + (consent && !authenticates ? 2 : 0) + (asks === 'service' ? 1 : 0);
  const order = [...credentials].sort((a, b) => rank(a) - rank(b));
  const failures: StrongroomError[] = [];
  const tried: string[] = [];
  for (const credential of order) {
    const slots = document.slots.filter((s) => credential.fits(s)).slice(0, options.most);
    // What nobody gave, and would only be asked for, was not tried.
    if (slots.length === 0 && credential.asks === 'nobody')
      tried.push(`${credential.description} is none of its keys`);
    for (const slot of slots) {
      try {
        if (credential.asks === 'service' && !credential.authenticates) await consent?.(slot);
        const opened = await openSlot(store, document, slot, credential, options.signal);
        if (opened) return opened;
        tried.push(`${credential.description} is not the key ${slot.name}`);
      } catch (error) {
        const mayGoOn = error instanceof UnlockError || error instanceof IntegrityError;
        if (!mayGoOn) throw error;
        if (error.code === 'no-terminal') {
          // Nobody is there to be asked: what was tried before says more than that.
          if (failures.length === 0) throw error;
          continue;
        }
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
  if (pinned) return await unlockPinned(context, pinned, options);
  const found = await readCandidates(store, context);
  const groups = newestGroups(found);
  if (groups.length === 0) throw noDocument(found, store.location);
  if (groups.length > MOST_UNPINNED) throw severalVaults(groups, store.location);
  const credentials = await options.credentials(false);
  const limits = { ...callOptions(context), most: MOST_UNPINNED };
  const open: { candidate: (typeof groups)[number]; opened: Opened; isAgreed: boolean }[] = [];
  let failure: unknown;
  for (const candidate of groups) {
    const { document } = candidate;
    const agreed = new Set<string>();
    const consent = consentTo(document, store.location, options, agreed);
    try {
      const opened = await tryAll(store, document, credentials, { ...limits, consent });
      open.push({ candidate, opened, isAgreed: agreed.has(opened.slot.name) });
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
  const { candidate, opened, isAgreed } = first;
  const pin = pinOf(candidate.document);
  const findings = [...found.findings, ...newerByOthers(found, [pin.authority])];
  if (!opened.credential.authenticates && !isAgreed) {
    const question = `${opened.credential.description} opens a vault with fingerprint ${pin.authority}, but anybody who can write to ${store.location} could have made it. Is that the fingerprint that init printed?`;
    if (!(await options.confirm?.(question))) throw notTrusted(candidate.document, store.location);
  }
  await checkRevision(context, candidate.document, undefined, options.trustOlder === true);
  await tryToRememberPin(context, pin);
  await rememberRevision(context, candidate.document);
  const vault = { ...context, document: candidate.document, documentSha256: candidate.sha256, pin, findings };
  return await unlocked({ ...vault, trust: 'pinned' }, opened);
}

/** @param agreed gets the names of the slots whose service may be asked */
function consentTo(
  document: VaultDocument,
  location: string,
  options: Pick<UnlockOptions, 'confirm'>,
  agreed = new Set<string>(),
): Consent {
  return async ({ name, arn = '' }) => {
    const { generation, authority } = pinOf(document);
    const who =
      generation > 1 ? 'anybody who can write there, or held an older key,' : 'anybody who can write there';
    const printer = generation > 1 ? 'the last rotation' : 'init';
    const question = `${location} holds a vault with fingerprint ${authority} that names the AWS KMS key ${arn}, but ${who} could have made it. Is that the fingerprint that ${printer} printed?`;
    if (!(await options.confirm?.(question, arn))) throw notTrusted(document, location, arn);
    agreed.add(name);
  };
}

/** Keys go as soon as they are replaced: somebody may have done so since the vault document was read. */
const MOST_REPLACED = 4;

async function unlockPinned(
  context: VaultContext,
  pinned: Vault,
  options: UnlockOptions,
): Promise<UnlockedVault> {
  let vault = pinned;
  const isKnown = await isOfPin(vault);
  const credentials = await options.credentials(isKnown);
  for (let replaced = 0; ; replaced++) {
    try {
      const { document } = vault;
      // What was only followed may be by somebody who held the old key: it is handled as if nothing vouched for it.
      const limits = isKnown
        ? {}
        : { most: MOST_UNPINNED, consent: consentTo(document, context.store.location, options) };
      const opened = await tryAll(context.store, document, credentials, {
        ...callOptions(context),
        ...limits,
      });
      return await unlocked(vault, opened);
    } catch (error) {
      if (!(error instanceof IntegrityError && error.code === 'missing-slot')) throw error;
      const now = replaced < MOST_REPLACED ? await openPinned(context, options) : undefined;
      if (!now || now.document.revision === vault.document.revision) throw error;
      vault = now;
    }
  }
}

async function unlocked(
  vault: Vault,
  { identity, authority, slot, credential }: Opened,
): Promise<UnlockedVault> {
  const { store, document } = vault;
  const isProven = credential.authenticates || (await isOfPin(vault));
  const proven = identitiesOf(store, document, { identity, authority }, callOptions(vault));
  return { ...vault, identity, authority, proven, isProven, openedBy: slot.name };
}
