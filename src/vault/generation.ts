// A generation of the vault's key: a fresh identity, and what the vault document says of it (docs/format.md section 4).
import { generateIdentity, type IdentityKind, identitySecret, recipientOf } from '../crypt/identity.ts';
import { deriveAuthority } from '../sign/authority.ts';
import type { Generation, ObjectRef } from './documents/vault-document.ts';
import type { Proven } from './identities.ts';

export interface NewGeneration extends Proven {
  readonly recipient: string;
  /** What the vault document lists, but for the object that holds the identity before it. */
  entry(previous: ObjectRef | null): Generation;
}

/** @param vault its id */
export async function makeGeneration(
  vault: string,
  kind: IdentityKind,
  generation: number,
): Promise<NewGeneration> {
  const identity = await generateIdentity(kind);
  const recipient = await recipientOf(identity);
  const authority = deriveAuthority(identitySecret(identity), vault);
  const entry = (previous: ObjectRef | null): Generation => ({
    generation,
    recipient,
    authority: authority.publicKey,
    compromised: false,
    previous,
  });
  return { identity, authority, recipient, entry };
}
