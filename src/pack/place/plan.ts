// Decides what a restore will do to a target, and sums it up. Reads only: whatever was seen here is looked at
// again before it is touched.

import { statSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import { ConflictError, IntegrityError } from '../../errors.ts';
import { checkEntries, type Entry } from '../entry.ts';
import { fsPath, printableName } from '../names.ts';
import { lookAt } from './existing.ts';
import { placeFailure, stopIfAborted } from './failures.ts';
import { type Context, judge, takenPaths } from './judge.ts';
import { type LayoutBuilder, layOut, type Site } from './layout.ts';
import { type Access, accessRules, isNarrower, lacksSetId, withoutSetId } from './modes.ts';
import type { Action, Destination, PlacementPlan, PlaceOptions, PlannedEntry } from './types.ts';

/**
 * Plans to put entries into a target, which is read and not changed.
 *
 * A file is the same when type, size and SHA-256 agree, whatever its mode and owner, and is left as it is; where a
 * mode or owner was asked for (`asRecorded`, `modes`, `owner`), it must be exactly that, and what is the same but for
 * these is replaced. Directories that exist stay as they are unless their own mode was asked for.
 *
 * @param entries all that is to be restored, in any order
 * @throws IntegrityError `bad-path`, `bad-name`, `bad-entry` for entries that no honest backup holds
 * @throws UsageError `bad-mode`
 * @throws StrongroomError `target-denied`, `place-failed` when the target cannot be read
 * @throws InterruptedError
 */
export async function planPlacement(
  entries: readonly Entry[],
  destination: Destination,
  options: PlaceOptions,
): Promise<PlacementPlan> {
  checkEntries(entries);
  const access = accessRules(options);
  const { aside } = options;
  const layout = layOut({ ...destination, root: resolve(destination.root) }, aside?.to);
  const context: Context = { layout, options, entries, guarded: inodesOf(options.protect ?? []) };
  if (destination.outside !== undefined && takenPaths(context).size < entries.length) {
    throw new IntegrityError('bad-entry', 'two entries would be restored to one path');
  }
  const planned: PlannedEntry[] = [];
  for (const entry of entries) {
    if (planned.length % 128 === 0) {
      await new Promise(setImmediate);
      stopIfAborted(options.signal);
    }
    planned.push(await planEntry(context, entry, access(entry)));
  }
  for (const path of aside?.unwanted ?? []) {
    const site = layout.siteOf(path);
    const seen = lookAt(fsPath(layout.absolute(site)));
    if (seen !== undefined) layout.displace(site, seen);
  }
  return summarize(layout, planned, options.asRecorded);
}

/** @throws ConflictError `target-exists`, `symlink-in-the-way` or `in-the-way` when the plan has conflicts */
export function refuseConflicts(plan: PlacementPlan): void {
  const { conflicts } = plan;
  if (conflicts.length === 0) return;
  const hard = conflicts.filter(({ conflict }) => conflict !== 'exists');
  const listed = (hard.length > 0 ? hard : conflicts).map(({ destination, reason }) =>
    hard.length > 0 ? reason! : printableName(destination),
  );
  const names = [...new Set(listed)];
  const list = names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
  const object = printableName(plan.root);
  if (hard.length === 0) {
    throw new ConflictError(
      'target-exists',
      `'${object}' already holds ${count(conflicts.length)} that differ`,
      {
        object,
        hint: `${list}; choose --existing replace, bak or skip, or another --target`,
      },
    );
  }
  const isLink = hard.some(({ conflict }) => conflict === 'symlink-in-the-way');
  throw new ConflictError(
    isLink ? 'symlink-in-the-way' : 'in-the-way',
    `${count(hard.length)} cannot be placed in '${object}'`,
    { object, hint: `${list}; move it away, or choose another --target` },
  );
}

function count(entries: number): string {
  return entries === 1 ? '1 entry' : `${entries} entries`;
}

async function planEntry(context: Context, entry: Entry, access: Access): Promise<PlannedEntry> {
  const { layout } = context;
  const site = layout.siteOf(entry.path);
  try {
    const { landing = site, staying, ...verdict } = await judge(context, entry, access, site);
    const mode = staying ?? access.mode;
    const stays = verdict.action === 'skip' || verdict.action === 'conflict' || entry.type === 'symlink';
    return {
      entry,
      destination: layout.absolute(landing),
      mode,
      owner: access.owner,
      narrower: !stays && isNarrower(mode, withoutSetId(entry.mode)),
      ...verdict,
    };
  } catch (error) {
    throw placeFailure(error, layout.absolute(site));
  }
}

function summarize(
  layout: LayoutBuilder,
  entries: readonly PlannedEntry[],
  asRecorded: boolean,
): PlacementPlan {
  const counts: Record<Action, number> = {
    create: 0,
    replace: 0,
    bak: 0,
    aside: 0,
    same: 0,
    skip: 0,
    conflict: 0,
  };
  for (const { action } of entries) counts[action]++;
  const finished = layout.finish();
  return {
    root: layout.root,
    fresh: layout.targetIsNew && finished.units.length === 1,
    entries,
    counts,
    narrower: entries.filter((one) => one.narrower).length,
    ownerLost: process.geteuid!() === 0 ? entries.filter(losesOwner).length : 0,
    setIdLost: asRecorded ? entries.filter(losesSetId).length : 0,
    conflicts: entries.filter((one) => one.action === 'conflict'),
    replaces: entries.filter((one) => one.action === 'replace'),
    mountPoints: entries.filter((one) => one.mountPoint === true),
    links: entries.filter((one) => isPlaced(one) && leadsOutside(layout, one.entry)),
    bytes: finished.groups.reduce((sum, group) => sum + group.bytes, 0),
    layout: finished,
  };
}

function losesSetId(one: PlannedEntry): boolean {
  const stays = one.action === 'skip' || one.action === 'conflict' || one.entry.type === 'symlink';
  return !stays && lacksSetId(one.mode, one.entry.mode);
}

// What is written or changed where it stands keeps the owner that it has there.
function losesOwner(one: PlannedEntry): boolean {
  const { entry, action, owner, mountPoint } = one;
  const stands = mountPoint === true || (entry.type === 'dir' && action === 'replace');
  if (!isPlaced(one) || stands || owner !== undefined) return false;
  return entry.uid !== process.geteuid!() || entry.gid !== process.getegid!();
}

export function isPlaced({ action }: PlannedEntry): boolean {
  return action === 'create' || action === 'replace' || action === 'bak' || action === 'aside';
}

// By its text alone: what it would lead through is not followed.
function leadsOutside(layout: LayoutBuilder, { path, target }: Entry): boolean {
  const site: Site = layout.siteOf(path);
  if (target === undefined || site.base !== 0) return false;
  const reached = target.startsWith('/')
    ? posix.normalize(target)
    : posix.join(posix.dirname(layout.absolute(site)), target);
  return !`${reached}/`.startsWith(layout.root === '/' ? '/' : `${layout.root}/`);
}

// What is never replaced, whatever name leads to it.
function inodesOf(paths: readonly string[]): Set<string> {
  const inodes = new Set<string>();
  for (const path of paths) {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) inodes.add(`${stats.dev} ${stats.ino}`);
  }
  return inodes;
}
