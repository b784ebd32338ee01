// What a vault document names: the objects without which it is not whole.
import type { VaultDocument } from '../documents/vault-document.ts';

/** An object, and what a signature says of it. */
export interface Named {
  readonly object: string;
  readonly sha256: string;
  /** Bytes, where that is signed too. */
  readonly size?: number;
}

/** Keys, RECOVERY.md, and what still counts of hosts that were removed. */
export function namedBy({ slots, generations, recovery, hosts }: VaultDocument): Named[] {
  const counts = hosts.flatMap((host) => host.counts ?? []);
  return [...slots, ...generations.flatMap((g) => g.previous ?? []), recovery, ...counts];
}
