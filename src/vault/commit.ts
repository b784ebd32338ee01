// A vault document on its way into the store: sealed, and looked for afterwards where writing it failed.
import { UsageError } from '../errors.ts';
import { NAMESPACES } from '../sign/authority.ts';
import { sealDocument } from '../sign/document.ts';
import type { SigningKey } from '../sign/key.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { LIMITS } from './layout.ts';
import type { VaultContext } from './vault.ts';

/** An object under a name that nobody else has, as it is random. */
export interface NewObject {
  readonly object: string;
  readonly bytes: Buffer;
}

/** @throws UsageError `document-too-large` */
export function sealVaultDocument(document: VaultDocument, signers: readonly SigningKey[]): Buffer {
  const bytes = sealDocument(document, NAMESPACES.vault, signers);
  if (bytes.length <= LIMITS.vaultDocument) return bytes;
  throw new UsageError('document-too-large', 'so many keys and hosts do not fit into one vault document', {
    hint: 'use fewer ways to open the vault, or a second vault',
  });
}

/**
 * Whether an object that was to be written stands: a write that failed may have come through, and what it names must
 * then stay.
 */
export async function mayStand({ store }: VaultContext, { object, bytes }: NewObject): Promise<boolean> {
  try {
    return (await store.get(object))?.equals(bytes) === true;
  } catch {
    return true;
  }
}
