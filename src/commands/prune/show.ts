// A plan of pruning as it is shown: a line each, before anybody is asked.
import type { OldVersion } from '../../vault/old-versions.ts';
import type { PrunePlan } from '../../vault/prune/plan.ts';
import type { Context } from '../context.ts';

/** @param isShown to people; programs get it always */
export function showPlan(
  context: Context,
  { verdicts, locks, orphans, leftovers }: PrunePlan,
  isShown: boolean,
  isDry: boolean,
): void {
  const inGroups = [...verdicts].sort(
    ({ snapshot: a }, { snapshot: b }) => compare(a.set, b.set) || compare(a.host, b.host),
  );
  const widest = (of: 'set' | 'host') =>
    verdicts.reduce((most, v) => Math.max(most, v.snapshot[of].length), 0);
  const [setWidth, hostWidth] = [widest('set'), widest('host')];
  for (const { snapshot, keep, reasons } of inGroups) {
    const { id, set, host, time, stored } = snapshot;
    const lock = keep ? undefined : locks.get(snapshot.object);
    const word = keep ? 'keep  ' : ({ style: 'yellow', text: 'remove' } as const);
    const names = `  ${id}  ${set.padEnd(setWidth)}  ${host.padEnd(hostWidth)}  `;
    context.emit({
      type: keep ? 'keep' : 'remove',
      fields: { id, set, host, time, bytes: stored, reasons, ...lockFields(lock), dry_run: isDry },
      ...(isShown ? { human: [word, names, reasons.join(', '), lockText(lock)] } : {}),
    });
  }
  for (const { set, id, objects, bytes } of leftovers) {
    context.emit({
      type: 'left_over',
      fields: { id, set, objects: objects.length, bytes, dry_run: isDry },
      ...(isShown ? { human: ['remove', `  what is left of ${id} of ${set}`] } : {}),
    });
  }
  for (const { set, id, directory, objects, bytes, modified } of orphans) {
    const since = modified.toISOString().slice(0, 10);
    context.emit({
      type: 'orphan',
      fields: { id, set, directory, objects: objects.length, bytes, stored: since, dry_run: isDry },
      ...(isShown
        ? { human: ['remove', `  data of ${id} of ${set} that no snapshot names, stored ${since}`] }
        : {}),
    });
  }
}

/** The last day that anything of it stays, or that somebody holds it. */
export function latestLock(locks: PrunePlan['locks']): OldVersion | undefined {
  let latest: OldVersion | undefined;
  for (const lock of locks.values()) {
    if (lock.hold) return lock;
    if (!latest?.until || (lock.until && lock.until > latest.until)) latest = lock;
  }
  return latest;
}

export function lockFields(lock: OldVersion | undefined) {
  if (!lock) return {};
  return { ...(lock.hold ? { held: true } : {}), removable_from: lock.until?.toISOString() };
}

function lockText(lock: OldVersion | undefined): string {
  if (!lock) return '';
  if (lock.hold) return '; its bytes stay while somebody holds them';
  return lock.until ? `; its bytes are removable from ${lock.until.toISOString().slice(0, 10)}` : '';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
