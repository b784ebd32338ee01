// Objects that nothing names: what a killed backup left, or what somebody put there. Named, never removed here.
import { type Finding, finding } from '../finding.ts';
import { RECOVERY } from '../layout.ts';
import type { Snapshots } from '../snapshots.ts';
import { callOptions, type Vault } from '../vault.ts';

/** Warnings for every object that the vault document, a record or the ledger does not explain. */
export async function findOrphans(vault: Vault, read: Snapshots): Promise<Finding[]> {
  const { document, store } = vault;
  const named = new Set<string>([
    RECOVERY,
    ...document.slots.map((s) => s.object),
    ...document.generations.flatMap((g) => g.previous?.object ?? []),
    ...read.snapshots.flatMap((s) => s.artifacts.flatMap((a) => a.parts.map((p) => p.object))),
  ]);
  const findings: Finding[] = [];
  for await (const { name } of store.list('', callOptions(vault))) {
    // What stands under these was judged one by one already.
    if (named.has(name) || /^(?:vault|snapshots|ledger)\//.test(name)) continue;
    findings.push(finding('orphan', name, `${name} belongs to no snapshot and to no key`, 'warning'));
  }
  return findings;
}
