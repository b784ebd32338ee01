// What a backup sees of the vault before it writes: nothing that it could not do without.
import { IntegrityError, StoreError } from '../../errors.ts';
import type { Pin } from '../pin.ts';
import { openPinned, type Vault, type VaultContext } from '../vault.ts';
import { twoSuccessors } from './afterwards.ts';
import type { BackupProblem } from './plan.ts';

export interface Looked {
  readonly vault: Vault | undefined;
  readonly problems: readonly BackupProblem[];
}

export const NOT_READ: Looked = { vault: undefined, problems: [] };

/**
 * The vault where it can be read; a role that may only put goes by the pin alone. So does one who is shown two rotations:
 * whoever held the old key could make one up, and must not stop backups with it.
 */
export async function readVault(context: VaultContext, pin: Pin): Promise<Looked> {
  try {
    return { vault: await openPinned(context, { pin }), problems: [] };
  } catch (error) {
    if (error instanceof StoreError && error.code === 'store-denied') return NOT_READ;
    if (error instanceof IntegrityError && error.code === 'two-successors')
      return { vault: undefined, problems: [twoSuccessors(error)] };
    throw error;
  }
}
