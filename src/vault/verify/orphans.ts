// Objects that nothing names: what a killed backup or delete left, or what somebody put there. Named, never removed
// here.
import { type Finding, finding } from '../finding.ts';
import { parseRecordName, RECOVERY } from '../layout.ts';
import { readLedger } from '../ledger.ts';
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
  const counted = new Set([
    ...read.snapshots.map((s) => s.object),
    ...read.refused.map((r) => r.finding.object),
  ]);
  const removed = new Set(
    (await readLedger(vault)).entries.flatMap((e) => e.removes.map((r) => `${r.set}/${r.id}`)),
  );
  const findings: Finding[] = [];
  for await (const { name } of store.list('', callOptions(vault))) {
    const record = parseRecordName(name);
    if (record && !counted.has(name) && removed.has(`${record.set}/${record.id}`)) {
      const message = `${name} was removed from the vault, but is still there: delete ${record.id} again`;
      findings.push(finding('left-over', name, message, 'warning'));
    }
    // What stands under these was judged one by one already.
    if (named.has(name) || /^(?:vault|snapshots|ledger)\//.test(name)) continue;
    findings.push(finding('orphan', name, `${name} belongs to no snapshot and to no key`, 'warning'));
  }
  return findings;
}
