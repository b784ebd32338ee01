// An object that the vault document names with its size and digest: its bytes are proven before anything opens them.
import { createHash } from 'node:crypto';
import { IntegrityError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { ObjectRef } from './documents/vault-document.ts';
import { LIMITS } from './layout.ts';

/** @throws IntegrityError `missing-slot`, `slot-differs`; StoreError */
export async function readNamed(
  store: Store,
  { object, size, sha256 }: ObjectRef,
  options: { readonly signal?: AbortSignal },
): Promise<Buffer> {
  const bytes = await store.get(object, { maxBytes: LIMITS.slot, ...options });
  if (bytes === null) {
    throw new IntegrityError('missing-slot', `${object} is gone`, {
      object,
      hint: 'use another key, or a copy of the vault',
    });
  }
  if (bytes.length === size && createHash('sha256').update(bytes).digest('hex') === sha256) return bytes;
  throw new IntegrityError('slot-differs', `${object} is not what the vault document lists`, {
    object,
    hint: 'someone who can write to the store replaced it; use another key, or a copy of the vault',
  });
}

/** What the vault document says of an object of its own. */
export function referenceTo(object: string, bytes: Uint8Array): ObjectRef {
  return { object, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
