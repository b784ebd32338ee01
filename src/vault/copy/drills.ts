// Evidence of drills: signed by whoever can open the vault.
import { createHash } from 'node:crypto';
import { NAMESPACES } from '../../sign/authority.ts';
import { openDocument } from '../../sign/document.ts';
import { isFault } from '../finding.ts';
import { LIMITS } from '../layout.ts';
import type { Named as Piece } from '../locations/named-by.ts';
import { callOptions, type Vault } from '../vault.ts';

/** @param isThere whether the copy has one of this name: what is there is written once, and not looked at again */
export async function readDrills(source: Vault, isThere: (name: string) => boolean): Promise<Piece[]> {
  const { store, document } = source;
  const authorities = new Set(document.generations.map((g) => g.authority));
  const found: Piece[] = [];
  for await (const { name } of store.list('drills/', callOptions(source))) {
    if (isThere(name)) continue;
    try {
      const bytes = await store.get(name, { maxBytes: LIMITS.vaultDocument, ...callOptions(source) });
      if (bytes === null) continue;
      const options = { namespace: NAMESPACES.drill, object: name, maxBytes: LIMITS.vaultDocument };
      const { signers, parse } = openDocument(bytes, options);
      if (signers.length !== 1 || !authorities.has(signers[0]!)) continue;
      const { object, vault } = parse();
      if (object !== name || vault !== document.vault) continue;
      found.push({ object: name, sha256: createHash('sha256').update(bytes).digest('hex') });
    } catch (error) {
      // It opens nothing and restores nothing: that it is none is for `health` to say.
      if (!isFault(error)) throw error;
    }
  }
  return found;
}
