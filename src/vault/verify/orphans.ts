// Objects that nothing names: what a killed backup or delete left, or what somebody put there. Named, never removed
// here.

import type { LedgerAction } from '../documents/ledger.ts';
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
    ...[...read.snapshots, ...read.superseded].flatMap((s) =>
      s.artifacts.flatMap((a) => a.parts.map((p) => p.object)),
    ),
  ]);
  const counted = new Set([...read.snapshots.map((s) => s.object), ...read.findings.map((f) => f.object)]);
  const { entries } = await readLedger(vault);
  const placesOf = (isIt: (action: LedgerAction) => boolean) =>
    new Set(entries.filter((e) => isIt(e.action)).flatMap((e) => e.removes.map((r) => `${r.set}/${r.id}`)));
  const replaced = placesOf((action) => action === 'reencrypt');
  for (const { set, id } of read.superseded) replaced.add(`${set}/${id}`);
  const removed = placesOf((action) => action === 'delete' || action === 'prune');
  const findings: Finding[] = [];
  for await (const { name } of store.list('', callOptions(vault))) {
    const record = parseRecordName(name);
    const place = record && !counted.has(name) ? `${record.set}/${record.id}` : '';
    if (removed.has(place)) {
      const message = `${name} was removed from the vault, but is still there: delete ${record!.id} again`;
      findings.push(finding('left-over', name, message, 'warning'));
    } else if (replaced.has(place)) {
      const message = `${name} was re-encrypted, but is still there: run \`strongroom keys rotate --finish\``;
      findings.push(finding('left-over', name, message, 'warning'));
    }
    // What stands under these was judged one by one already.
    if (named.has(name) || /^(?:vault|snapshots|ledger|drills)\//.test(name)) continue;
    findings.push(finding('orphan', name, `${name} belongs to no snapshot and to no key`, 'warning'));
  }
  return findings;
}
