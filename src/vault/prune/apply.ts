// Carries out a prune, in the order of docs/format.md section 10: a ledger entry, records, data. Killed anywhere, it is
// finished by the next one.
import { ConflictError } from '../../errors.ts';
import { applyDelete, type DeletePlan, planDelete } from '../delete.ts';
import { SNAPSHOTS } from '../layout.ts';
import { readSnapshots, type Snapshot } from '../snapshots.ts';
import { callOptions, type Vault } from '../vault.ts';
import { maintainer, type Signer } from '../write-ledger.ts';
import { isPresent, placeOf, takeInventory } from './inventory.ts';
import type { PrunePlan } from './plan.ts';
import type { Orphan } from './remains.ts';

export interface PruneResult {
  /** What went. */
  readonly removed: readonly Snapshot[];
  /** What was to go, and somebody said meanwhile that it is to be kept. */
  readonly keptNow: readonly Snapshot[];
  readonly orphans: number;
  readonly objects: number;
  readonly bytes: number;
}

/** An entry of so many removals, two lines each, stays well below the most that an object of its kind may have. */
const MOST_IN_ENTRY = 20_000;

/** @throws UsageError `may-not-maintain` unless this host may remove what is planned */
export function checkMayPrune(vault: Vault, plan: PrunePlan, host: Signer): void {
  const { removes, leftovers, orphans, spent } = plan;
  const sets = [...removes, ...leftovers, ...orphans, ...spent.flatMap((e) => e.removes)].map((s) => s.set);
  maintainer(vault, host, [...new Set(sets)], 'remove snapshots from');
}

/**
 * @param host one that may maintain, whose scope covers every set concerned
 * @throws UsageError `may-not-maintain`; ConflictError `changed-since-plan` with nothing removed when what was to stay
 *   counts no more; ConflictError `kept` when somebody keeps one at this very moment; StoreError; InterruptedError.
 *   Whatever was removed by then no longer counts, by the ledger.
 */
export async function applyPrune(vault: Vault, plan: PrunePlan, host: Signer): Promise<PruneResult> {
  checkMayPrune(vault, plan, host);
  const keptNow = plan.removes.length > 0 ? await lookAgain(vault, plan) : [];
  const removed = plan.removes.filter((s) => !keptNow.includes(s));
  const keptPlaces = new Set(keptNow.map(placeOf));
  const leftovers = plan.leftovers.filter((l) => !keptPlaces.has(placeOf(l)));
  let objects = 0;
  let bytes = 0;
  for (let i = 0; i === 0 || i < removed.length; i += MOST_IN_ENTRY) {
    const some = planDelete(removed.slice(i, i + MOST_IN_ENTRY), 'prune', i === 0 ? leftovers : []);
    await applyDelete(vault, recordsFirst(some), host);
    objects += some.objects.length;
    bytes += some.bytes;
  }
  const orphans = await stillOrphans(vault, plan.orphans);
  const names = [...orphans.flatMap((o) => o.objects), ...plan.spent.map((e) => e.object)];
  if (names.length > 0) await vault.store.remove(names, callOptions(vault));
  return {
    removed,
    keptNow,
    orphans: orphans.length,
    objects: objects + names.length,
    bytes: orphans.reduce((sum, o) => sum + o.bytes, bytes),
  };
}

/**
 * Reads anew. A question may have stood for long: whoever removed meanwhile what the plan keeps did not know that it was
 * to be all that stays, be it by the ledger or past it.
 * @returns what was to go, and is now to be kept
 */
async function lookAgain(vault: Vault, { removes, verdicts, damaged }: PrunePlan): Promise<Snapshot[]> {
  const sets = new Set(removes.map((s) => s.set));
  const [set] = sets.size === 1 ? sets : [];
  const { snapshots, ledger } = await readSnapshots(vault, set === undefined ? {} : { set });
  const inventory = await takeInventory(vault, set);
  const keptNow = removes.filter((s) => ledger.kept(s.set, s.id, s.sha256) !== undefined);
  const groups = new Set(removes.filter((s) => !keptNow.includes(s)).map(groupOf));
  const there = new Set(snapshots.filter((s) => isPresent(inventory, s)).map(placeOf));
  const isGone = (s: Snapshot) => groups.has(groupOf(s)) && !damaged.includes(s) && !there.has(placeOf(s));
  const gone = verdicts.find(({ keep, snapshot }) => keep && snapshot.complete && isGone(snapshot))?.snapshot;
  if (!gone) return keptNow;
  throw new ConflictError(
    'changed-since-plan',
    `nothing was removed: ${gone.id} of ${gone.set} by ${gone.host} was to stay, and is gone or damaged since`,
    { object: gone.id, hint: 'plan anew: strongroom prune' },
  );
}

const groupOf = ({ set, host }: Snapshot): string => `${set}/${host}`;

/** In two runs instead of two for each leftover: a store removes many of one kind at once. */
function recordsFirst(plan: DeletePlan): DeletePlan {
  const isRecord = (name: string) => name.startsWith(SNAPSHOTS);
  const { objects } = plan;
  return { ...plan, objects: [...objects.filter(isRecord), ...objects.filter((name) => !isRecord(name))] };
}

/** One more look for a record: it may have come late. */
async function stillOrphans(vault: Vault, orphans: readonly Orphan[]): Promise<Orphan[]> {
  const found: Orphan[] = [];
  for (const orphan of orphans) {
    const { set, id, records } = orphan;
    let isNew = false;
    for await (const { name } of vault.store.list(`${SNAPSHOTS}${set}/${id}`, callOptions(vault)))
      isNew ||= !records.includes(name);
    if (!isNew) found.push(orphan);
  }
  return found;
}
