// Judges one entry against what stands at its place. Reads only.

import type { Entry } from '../entry.ts';
import { fsPath, printableName } from '../names.ts';
import { nameBeside } from './beside.ts';
import { holdsContent, lookAt, type Seen } from './existing.ts';
import { inParent, inTheWay, type LayoutBuilder, type Site, type Spot } from './layout.ts';
import { MARKER, markerName } from './marker.ts';
import type { Access } from './modes.ts';
import { nameOf, parentOf } from './target.ts';
import type { ConflictKind, PlaceOptions, PlannedEntry } from './types.ts';

export interface Context {
  readonly layout: LayoutBuilder;
  readonly options: PlaceOptions;
  readonly entries: readonly Entry[];
  /** Device and inode of files that are never replaced. */
  readonly guarded: ReadonlySet<string>;
}

export type Verdict = Pick<PlannedEntry, 'action' | 'reason' | 'conflict' | 'keptAs' | 'mountPoint'> & {
  /** Where it goes, when not to its own place. */
  readonly landing?: Site;
  /** The mode of what stays there. */
  readonly staying?: number;
};

/** @returns what is to happen to the entry; where it is staged is noted in the layout */
export async function judge(context: Context, entry: Entry, access: Access, site: Site): Promise<Verdict> {
  const { layout } = context;
  if (isMarked(entry.path)) {
    return { action: 'skip', reason: 'was left by an unfinished restore' };
  }
  if (entry.type === 'dir') return judgeDirectory(context, entry, access, site);
  const above = layout.directory({ base: site.base, path: parentOf(site.path) });
  if (above.state === 'blocked') return blocked(above.conflict, above.by);
  if (above.state === 'new') {
    const { unit, below } = above.spot;
    layout.stage(entry, { unit, below: `${below}/${nameOf(site.path)}` });
    return { action: 'create' };
  }
  const path = layout.absolute(site);
  const seen = lookAt(fsPath(path));
  if (seen === undefined) {
    place(context, entry, site);
    return { action: 'create' };
  }
  if (seen.type === 'dir' || seen.type === 'special') {
    if (!layout.displace(site, seen)) return blocked(inTheWay(seen), path);
    place(context, entry, site);
    return { action: 'replace', reason: `${OBSTACLES[inTheWay(seen)]} has taken its place` };
  }
  const isSame = await holdsContent(path, seen, entry);
  const reason = isSame ? accessFault(entry, access, seen) : 'its content differs';
  if (reason === undefined) return { action: 'same', staying: seen.mode };
  if (context.options.existing === 'skip') return { action: 'skip', staying: seen.mode, reason };
  if (context.guarded.has(`${seen.dev} ${seen.ino}`)) {
    return isSame ? { action: 'same', staying: seen.mode, reason } : landAside(context, entry, site);
  }
  return judgeDifferent(context, entry, site, seen, reason);
}

function isMarked(path: string): boolean {
  return path.includes(markerName('')) && path.split('/').some((name) => MARKER.test(name));
}

function judgeDifferent(context: Context, entry: Entry, site: Site, seen: Seen, reason: string): Verdict {
  const { layout, options } = context;
  const path = layout.absolute(site);
  if (options.existing === 'refuse') return { action: 'conflict', conflict: 'exists', reason };
  const isMount = layout.mounts.has(path);
  if (isMount && entry.type !== 'file') return blocked('file-in-the-way', path);
  const { unit } = place(context, entry, site, { seen, isMount });
  const mount = isMount ? { mountPoint: true as const } : {};
  if (options.existing === 'replace') return { action: 'replace', reason, ...mount };
  const kept = freeSite(context, site, 'bak');
  const kind = seen.type === 'symlink' ? 'link' : 'file';
  layout.add({ kind, ...inParent(kept), copyOf: unit }, seen.size);
  return { action: 'bak', reason, keptAs: layout.absolute(kept), ...mount };
}

async function landAside(context: Context, entry: Entry, site: Site): Promise<Verdict> {
  const reason = 'the active configuration is never replaced';
  const taken = takenPaths(context);
  let landing: Site = { base: site.base, path: `${site.path}.restored` };
  const path = context.layout.absolute(landing);
  const there = lookAt(fsPath(path));
  if (there !== undefined && !taken.has(path) && (await holdsContent(path, there, entry))) {
    return { action: 'same', staying: there.mode, landing, reason };
  }
  if (there !== undefined || taken.has(path)) landing = freeSite(context, site, 'restored');
  place(context, entry, landing);
  return { action: 'aside', landing, reason };
}

function judgeDirectory(context: Context, entry: Entry, access: Access, site: Site): Verdict {
  const { layout, options } = context;
  const ground = layout.directory(site);
  if (ground.state === 'blocked') return blocked(ground.conflict, ground.by);
  if (ground.state === 'new') {
    layout.stage(entry, ground.spot);
    return { action: 'create' };
  }
  const { seen } = ground;
  // The base is not the entry's: `@outside` itself stands for whatever directory that is.
  const reason = access.exact && site.path !== '' ? accessFault(entry, access, seen) : undefined;
  if (reason === undefined) return { action: 'same', staying: seen.mode };
  if (options.existing === 'refuse') return { action: 'conflict', conflict: 'exists', reason };
  if (options.existing === 'skip') return { action: 'skip', staying: seen.mode, reason };
  layout.stage(entry, layout.add({ kind: 'access', ...inParent(site), seen }));
  return { action: 'replace', reason };
}

function place({ layout }: Context, entry: Entry, site: Site, over?: { seen: Seen; isMount: boolean }): Spot {
  const kind = over?.isMount === true ? 'write' : entry.type === 'symlink' ? 'link' : 'file';
  const spot = layout.add({ kind, ...inParent(site), ...(over === undefined ? {} : { seen: over.seen }) });
  layout.stage(entry, spot);
  return spot;
}

const OBSTACLES: Record<ConflictKind, string> = {
  exists: 'an entry',
  'file-in-the-way': 'a file',
  'directory-in-the-way': 'a directory',
  'symlink-in-the-way': 'a symbolic link',
  'special-in-the-way': 'a device, pipe or socket',
};

function blocked(conflict: ConflictKind, by: string): Verdict {
  return {
    action: 'conflict',
    conflict,
    reason: `${OBSTACLES[conflict]} is in the way: ${printableName(by)}`,
  };
}

function accessFault(entry: Entry, { owner, mode, orMode, exact }: Access, seen: Seen): string | undefined {
  if (owner !== undefined && (owner.uid !== seen.uid || owner.gid !== seen.gid)) return 'its owner differs';
  if (entry.type === 'symlink') return undefined;
  // Nobody asked for a mode, so the one that it has is as good as any.
  if (!exact) return undefined;
  return seen.mode === mode || seen.mode === orMode ? undefined : 'its mode differs';
}

/** A site beside another that neither exists nor is an entry's. */
function freeSite(context: Context, { base, path }: Site, ending: string): Site {
  const { layout, options } = context;
  const taken = takenPaths(context);
  const siteOf = (name: string): Site => ({ base, path: path.slice(0, -nameOf(path).length) + name });
  const name = nameBeside(nameOf(path), options.now, ending, (candidate) => {
    const there = layout.absolute(siteOf(candidate));
    return !taken.has(there) && lookAt(fsPath(there)) === undefined;
  });
  return siteOf(name);
}

const takenBy = new WeakMap<Context, ReadonlySet<string>>();

/** Absolute paths of all entries: nothing else may be given one of these names. */
export function takenPaths(context: Context): ReadonlySet<string> {
  const { layout, entries } = context;
  const taken =
    takenBy.get(context) ?? new Set(entries.map(({ path }) => layout.absolute(layout.siteOf(path))));
  takenBy.set(context, taken);
  return taken;
}
