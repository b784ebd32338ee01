// What a client keeps of a vault from one run to the next, as far as its disk lets it.
import { StrongroomError } from '../errors.ts';
import type { VaultMemory } from './client.ts';
import type { VaultDocument } from './documents/vault-document.ts';
import { type Pin, pinOf } from './pin.ts';
import type { VaultContext } from './vault.ts';

/**
 * Changes what is remembered of a vault. Where that cannot be written, reading goes on: it costs an alarm later, and
 * a disk that is full or read-only is just where people restore.
 * @returns whether it was kept
 */
export async function tryToRemember(
  context: VaultContext,
  vault: string,
  change: (memory: VaultMemory) => VaultMemory,
): Promise<boolean> {
  return await isKept(context.memory.update(vault, change));
}

/** Remembers the pin of this place. @returns whether it was kept */
export async function tryToRememberPin({ memory, store }: VaultContext, pin: Pin): Promise<boolean> {
  return await isKept(memory.rememberPin(store.location, pin));
}

async function isKept(writing: Promise<void>): Promise<boolean> {
  try {
    await writing;
    return true;
  } catch (error) {
    if (error instanceof StrongroomError && error.code === 'state-unusable') return false;
    throw error;
  }
}

/**
 * Keeps the newest key seen and the highest revision under it, so that a rollback is noticed, and a false rotation.
 * @param document one that `checkRevision` let pass: another key of the same number was a false one
 */
export async function rememberRevision(context: VaultContext, document: VaultDocument): Promise<void> {
  const { generation, revision } = document;
  const authority = pinOf(document).authority;
  const isKnown = (m: VaultMemory) =>
    m.generation > generation ||
    (m.generation === generation && m.authority === authority && m.revision >= revision);
  if (isKnown(await context.memory.vault(document.vault))) return;
  await tryToRemember(context, document.vault, (m) =>
    isKnown(m)
      ? m
      : {
          ...m,
          generation,
          authority,
          revision: m.generation === 0 ? Math.max(m.revision, revision) : revision,
        },
  );
}
