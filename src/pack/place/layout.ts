// Decides what is placed by one step, and where it is staged before. A unit is one file, one link, or a whole new
// directory with everything below it; a new target is one such unit. Reads only.

import type { Entry } from '../entry.ts';
import { fsPath } from '../names.ts';
import { lookAt, type Seen } from './existing.ts';
import { type Mounts, readMounts } from './mounts.ts';
import { nameOf, parentOf, resolveExisting, resolveTarget } from './target.ts';

/**
 * - `tree`, `file`, `link`: staged, then moved into place
 * - `write`: staged, then written into a mount point
 * - `access`: an existing directory gets another mode or owner; nothing is staged
 * - `aside`: what stands there is moved away; nothing is staged
 */
export type UnitKind = 'tree' | 'file' | 'link' | 'write' | 'access' | 'aside';

export interface Unit {
  readonly kind: UnitKind;
  /** Which base, and the path of an existing directory below it (`''`: the base). */
  readonly base: number;
  readonly directory: string;
  readonly name: string;
  /** Index of the staging directory. */
  readonly group: number;
  /** What stands there and goes. */
  readonly seen?: Seen;
  /** This unit is a copy of what stands at another one. */
  readonly copyOf?: number;
  /** Where it is moved to; kind `aside`. */
  readonly aside?: Landing;
}

/** A name in a directory below a base. */
export interface Landing {
  readonly base: number;
  readonly directory: string;
  readonly name: string;
}

/** One staging directory: everything that is placed on one mount goes through it. */
export interface Group {
  readonly base: number;
  readonly directory: string;
  bytes: number;
  files: number;
}

export type ConflictKind =
  | 'exists'
  | 'symlink-in-the-way'
  | 'file-in-the-way'
  | 'directory-in-the-way'
  | 'special-in-the-way';

/** Where an entry is staged: a unit, and for what is below a new directory `/the/rest`. */
export interface Spot {
  readonly unit: number;
  readonly below: string;
}

export interface Layout {
  /** Absolute paths of directories that exist. The first holds the target or what there is on the way to it. */
  readonly bases: readonly string[];
  readonly groups: readonly Group[];
  readonly units: readonly Unit[];
  /** By entry path. */
  readonly spots: ReadonlyMap<string, Spot>;
  /** Every new directory, parents first. */
  readonly directories: readonly Spot[];
}

/** A directory of the target, as far as it is known. */
export type Ground =
  | { readonly state: 'there'; readonly seen: Seen }
  | { readonly state: 'new'; readonly spot: Spot }
  | { readonly state: 'blocked'; readonly conflict: ConflictKind; readonly by: string };

/** One place below a base. `path` is `''` for the base itself. */
export interface Site {
  readonly base: number;
  readonly path: string;
}

const OUTSIDE = '@outside/';

export interface LayoutBuilder {
  /** The target, links above it resolved. */
  readonly root: string;
  readonly mounts: Mounts;
  readonly targetIsNew: boolean;
  siteOf(path: string): Site;
  absolute(site: Site): string;
  /** What is at a site, looked at once for directories; a missing directory becomes a new one. */
  directory(site: Site): Ground;
  /** @param bytes of content that is staged for it, beyond what `stage` says */
  add(unit: Omit<Unit, 'group'>, bytes?: number): Spot;
  /** Moves away what stands at a site. @returns false where nothing may be moved */
  displace(site: Site, seen: Seen): boolean;
  /** Says where an entry is staged. */
  stage(entry: Entry, spot: Spot): void;
  finish(): Layout;
}

/** @throws StrongroomError `target-denied` or `place-failed` when the way to the target cannot be read */
export function layOut(
  destination: { root: string; outside?: string },
  asideOf?: (path: string) => string,
): LayoutBuilder {
  const { anchor, missing } = resolveTarget(destination.root);
  const bases = [anchor];
  if (destination.outside !== undefined) bases.push(resolveExisting(destination.outside));
  const mounts = readMounts();
  const grounds = bases.map(() => new Map<string, Ground>());
  const groups: Group[] = [];
  const groupKeys = new Map<string, number>();
  const groupByDirectory = bases.map(() => new Map<string, number>());
  const units: Unit[] = [];
  const spots = new Map<string, Spot>();
  const directories: Spot[] = [];

  const above = missing.map((name) => `${name}/`).join('');
  const prefixes = bases.map((path) => (path === '/' ? path : `${path}/`));
  const absolute = ({ base, path }: Site) => (path === '' ? bases[base]! : prefixes[base]! + path);

  function groupOf(base: number, directory: string): number {
    const known = groupByDirectory[base]!.get(directory);
    if (known !== undefined) return known;
    const path = absolute({ base, path: directory });
    const key = `${lookAt(fsPath(path))?.dev} ${mounts.above(path)}`;
    let group = groupKeys.get(key);
    if (group === undefined) {
      group = groups.push({ base, directory, bytes: 0, files: 0 }) - 1;
      groupKeys.set(key, group);
    }
    groupByDirectory[base]!.set(directory, group);
    return group;
  }

  function directory(site: Site): Ground {
    const known = grounds[site.base]!.get(site.path);
    if (known !== undefined) return known;
    const ground = discover(site);
    grounds[site.base]!.set(site.path, ground);
    return ground;
  }

  function discover(site: Site): Ground {
    const path = absolute(site);
    if (site.path === '') return { state: 'there', seen: lookAt(fsPath(path))! };
    const above = directory({ base: site.base, path: parentOf(site.path) });
    if (above.state === 'blocked') return above;
    if (above.state === 'new') {
      const spot = { unit: above.spot.unit, below: `${above.spot.below}/${nameOf(site.path)}` };
      directories.push(spot);
      groups[units[spot.unit]!.group]!.files++;
      return { state: 'new', spot };
    }
    const seen = lookAt(fsPath(path));
    if (seen === undefined || (seen.type !== 'dir' && displace(site, seen))) {
      const spot = add({ kind: 'tree', ...inParent(site) });
      directories.push(spot);
      return { state: 'new', spot };
    }
    if (seen.type === 'dir') return { state: 'there', seen };
    return { state: 'blocked', conflict: inTheWay(seen), by: path };
  }

  function add(unit: Omit<Unit, 'group'>, bytes = 0): Spot {
    const group = groupOf(unit.base, unit.directory);
    groups[group]!.bytes += bytes;
    groups[group]!.files++;
    return { unit: units.push({ ...unit, group }) - 1, below: '' };
  }

  function displace(site: Site, seen: Seen): boolean {
    if (asideOf === undefined) return false;
    const aside = inParent({ base: bases.length - 1, path: asideOf(absolute(site)).slice(1) });
    add({ kind: 'aside', ...inParent(site), seen, aside });
    return true;
  }

  // The first group is the marker of an unfinished restore, so it is in the target or on the way to it.
  groupOf(0, '');
  if (missing.length > 0) directory({ base: 0, path: missing.join('/') });

  return {
    root: absolute({ base: 0, path: missing.join('/') }),
    mounts,
    targetIsNew: missing.length > 0 && directory({ base: 0, path: missing.join('/') }).state === 'new',
    absolute,
    siteOf(path) {
      if (bases.length > 1 && `${path}/`.startsWith(OUTSIDE)) {
        return { base: 1, path: path.slice(OUTSIDE.length) };
      }
      return { base: 0, path: above + path };
    },
    directory,
    add,
    displace,
    stage(entry, spot) {
      spots.set(entry.path, spot);
      const group = groups[units[spot.unit]!.group]!;
      group.bytes += entry.size;
      if (spot.below !== '' && entry.type !== 'dir') group.files++;
    },
    finish: () => ({ bases, groups, units, spots, directories }),
  };
}

export function inParent(site: Site): { base: number; directory: string; name: string } {
  return { base: site.base, directory: parentOf(site.path), name: nameOf(site.path) };
}

export function inTheWay(seen: Seen): ConflictKind {
  if (seen.type === 'symlink') return 'symlink-in-the-way';
  if (seen.type === 'dir') return 'directory-in-the-way';
  return seen.type === 'file' ? 'file-in-the-way' : 'special-in-the-way';
}
