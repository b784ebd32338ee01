// The record that a snapshot's host signed, as bytes: what a re-encrypted record embeds.
import { createHash } from 'node:crypto';
import { IntegrityError } from '../../errors.ts';
import { LIMITS } from '../layout.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions, type UnlockedVault } from '../vault.ts';

/**
 * @returns the whole object as its host wrote it
 * @throws IntegrityError `record-changed` when it is not what was judged; StoreError
 */
export async function originalOf(vault: UnlockedVault, snapshot: Snapshot): Promise<Buffer> {
  const { object, sha256, recordSha256, original } = snapshot;
  const maxBytes = original ? LIMITS.reencryption : LIMITS.record;
  const bytes = await vault.store.get(object, { maxBytes, ...callOptions(vault) });
  if (bytes === null || digestOf(bytes) !== recordSha256) throw changed(object);
  if (!original) return bytes;
  // It was verified when it was read, and these are the same bytes.
  const body = bytes.toString('utf8').split('\n-----BEGIN SSH SIGNATURE-----\n')[0] ?? '';
  const embedded = Buffer.from((JSON.parse(body) as { original: string }).original);
  if (digestOf(embedded) !== sha256) throw changed(object);
  return embedded;
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function changed(object: string): IntegrityError {
  return new IntegrityError('record-changed', `${object} is not what it was a moment ago`, {
    object,
    hint: 'find out who writes to the store, and try again',
  });
}
