// Reads what the copy holds already of snapshots, and names what is not as signed.
import { readPart } from '../artifact-read.ts';
import type { ObjectRef } from '../documents/vault-document.ts';
import { isFault } from '../finding.ts';
import type { Snapshot } from '../snapshots.ts';
import { callOptions } from '../vault.ts';
import { atOnce, together } from './at-once.ts';
import type { Target } from './target.ts';

export function partsOf({ artifacts }: Snapshot): ObjectRef[] {
  return artifacts.flatMap((artifact) => artifact.parts);
}

/** @returns names of parts that are damaged. What may not be read is not judged. */
export async function readBack(target: Target, snapshots: readonly Snapshot[]): Promise<Set<string>> {
  const damaged = new Set<string>();
  if (!target.mayRead) return damaged;
  const parts = snapshots.flatMap(partsOf).filter((p) => target.sizes.get(p.object) === p.size);
  const largest = parts.reduce((most, { size }) => Math.max(most, size), 0);
  await atOnce(parts, together(largest), async (part) => {
    try {
      await readPart(target.vault.store, part, callOptions(target.vault));
    } catch (error) {
      if (!isFault(error)) throw error;
      damaged.add(part.object);
    }
  });
  return damaged;
}
