// The authority: the key that signs for the vault itself, derived from the identity that opens it, so whoever can
// open the vault can sign for it and nobody else. Also the purposes a signature can have (format.md).

import { hkdfSync } from 'node:crypto';
import { UsageError } from '../errors.ts';
import { type SigningKey, signingKeyFromSeed } from './key.ts';

/** What a signature is for, by kind of document. */
export const NAMESPACES = {
  vault: 'strongroom-vault-v1',
  record: 'strongroom-record-v1',
  ledger: 'strongroom-ledger-v1',
  drill: 'strongroom-drill-v1',
} as const;

const IDENTITY_BYTES = 32;

/**
 * HKDF-SHA256 (RFC 5869): ikm = the identity's bytes, salt = the vault id, info = `strongroom/1/authority`.
 * @param identitySecret the age identity's 32 secret bytes
 * @param vaultId as the vault document states it
 * @returns the authority of that identity's generation
 * @throws UsageError `bad-identity` when the secret has another length
 */
export function deriveAuthority(identitySecret: Uint8Array, vaultId: string): SigningKey {
  if (identitySecret.length !== IDENTITY_BYTES) {
    throw new UsageError('bad-identity', 'an identity has 32 secret bytes');
  }
  const seed = new Uint8Array(
    hkdfSync('sha256', identitySecret, vaultId, 'strongroom/1/authority', IDENTITY_BYTES),
  );
  const key = signingKeyFromSeed(seed);
  seed.fill(0);
  return key;
}
