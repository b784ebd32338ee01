// One object on its way from a vault to its copy: read, held against what is signed, and only then written. Nothing that
// the copy holds already is written over unless it is proven not to be what it is called.
import { createHash } from 'node:crypto';
import { ConflictError, IntegrityError, StoreError } from '../../errors.ts';
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocument } from '../../sign/document.ts';
import type { Store } from '../../store/store.ts';
import { isFault } from '../finding.ts';
import { LEDGER, LIMITS, SNAPSHOTS, VAULT_DOCUMENTS } from '../layout.ts';
import type { Named as Piece } from '../locations/named-by.ts';
import { callOptions, type Vault } from '../vault.ts';

/**
 * What became of it: `mended` where something else stood under its name, which was damaged or planted; `denied` where what
 * stands there may not be looked at, though other things there may.
 */
export type Placed = 'created' | 'there' | 'mended' | 'denied';

/**
 * The bytes of an object that are what is signed.
 * @throws IntegrityError `missing-object`, `object-differs`; StoreError
 */
export async function fetchPiece(vault: Vault, { object, sha256, size }: Piece): Promise<Buffer> {
  const maxBytes = size ?? limitOf(object);
  const bytes = await vault.store.get(object, { maxBytes, ...callOptions(vault) });
  if (bytes === null) throw new IntegrityError('missing-object', `${object} is gone`, { object });
  const isIt =
    (size === undefined || bytes.length === size) &&
    createHash('sha256').update(bytes).digest('hex') === sha256;
  if (isIt) return bytes;
  throw new IntegrityError('object-differs', `${object} is not what was signed`, { object });
}

function limitOf(object: string): number {
  if (object.startsWith(SNAPSHOTS)) return LIMITS.reencryption;
  if (object.startsWith(LEDGER)) return LIMITS.ledger;
  return object.startsWith('data/') ? LIMITS.part : LIMITS.vaultDocument;
}

/**
 * Writes an object that was proven. What stands under its name and is something else goes: a killed write on a disk without
 * hard links leaves half of one.
 * @param mayRead whether what stands there may be looked at; if not, a name that is taken is taken for this object
 * @throws IntegrityError `two-vaults` where another vault document of the same vault has its name, `not-an-object` where a
 *   directory or a link has; StoreError
 */
export async function place(
  copy: Vault,
  { object }: Piece,
  bytes: Buffer,
  mayRead: boolean,
): Promise<Placed> {
  const { store } = copy;
  if ((await store.create(object, bytes, callOptions(copy))) === 'created') return 'created';
  if (!mayRead) return 'there';
  // What is larger is not it, and is not read: of documents alone it matters whose it is.
  const maxBytes = object.startsWith(VAULT_DOCUMENTS) ? LIMITS.vaultDocument : bytes.length;
  const there = await lookAt(store, object, { ...callOptions(copy), maxBytes });
  if (there === 'denied') return 'denied';
  if (there?.equals(bytes)) return 'there';
  if (there && object.startsWith(VAULT_DOCUMENTS)) refuseFork(copy, object, there);
  await store.remove([object], callOptions(copy));
  if ((await store.create(object, bytes, callOptions(copy))) === 'created') return 'mended';
  throw new ConflictError('object-exists', `${object} is being written by somebody else`, {
    object,
    hint: 'let one copy run at a time, and run this again',
  });
}

async function lookAt(
  store: Store,
  object: string,
  options: { signal?: AbortSignal; maxBytes: number },
): Promise<Buffer | null | 'denied'> {
  try {
    return await store.get(object, options);
  } catch (error) {
    if (!isFault(error)) throw error;
    return error instanceof StoreError ? 'denied' : null;
  }
}

/** Whoever can open the vault has written to the copy as to a vault: that is no damage. */
function refuseFork({ document, store }: Vault, object: string, bytes: Buffer): void {
  let signer: string | undefined;
  try {
    const options = { namespace: NAMESPACES.vault, object, maxBytes: LIMITS.vaultDocument };
    signer = openDocument(bytes, options).signers[0];
  } catch (error) {
    if (!isFault(error)) throw error;
  }
  if (document.generations.some(({ authority }) => authority === signer))
    throw twoVaults(object, store.location);
}

export function twoVaults(object: string, location: string): IntegrityError {
  return new IntegrityError('two-vaults', `${object} at ${location} is another than in the vault`, {
    object,
    hint: 'somebody used the copy as a vault: find out which of the two is to go on, and copy from that one to an empty place',
  });
}
