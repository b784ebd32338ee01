// Whether two places are two. Where a vault is its own replica there is one copy of everything and not two, and what one
// of them takes back the other has lost.
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConflictError } from '../../errors.ts';
import type { Store } from '../../store/store.ts';

/** Whether neither is the other, or inside it: by links, and by mounts of one directory under two names, too. */
export function areApart(a: Store, b: Store): boolean {
  if (a.location === 'memory:' || b.location === 'memory:') return a !== b;
  const [one, other] = [standingOf(a.location), standingOf(b.location)];
  return !isWithin(one, other) && !isWithin(other, one);
}

/**
 * @param from what is copied @param to where it would go
 * @throws ConflictError `same-place`
 */
export function checkApart(from: Store, to: Store): void {
  if (!areApart(from, to)) throw samePlace(from.location, to.location);
}

export function samePlace(vault: string, other: string): ConflictError {
  return new ConflictError('same-place', `${other} and the vault at ${vault} are not two places`, {
    object: other,
    hint: 'name another place: one that is neither the vault, nor inside it or around it, nor a link to it',
  });
}

interface Standing {
  readonly path: string;
  /** What the directory is, whatever leads there; undefined where there is none, or it is none. */
  readonly own: string | undefined;
  /** Its own, and those of all that it is in. */
  readonly all: ReadonlySet<string>;
}

function isWithin(inner: Standing, outer: Standing): boolean {
  const isBelow = `${inner.path}/`.startsWith(`${outer.path.replace(/\/+$/, '')}/`);
  return isBelow || (outer.own !== undefined && inner.all.has(outer.own));
}

function standingOf(location: string): Standing {
  if (!location.startsWith('/')) return { path: location, own: undefined, all: new Set() };
  const missing: string[] = [];
  let there = location;
  let real = realOf(there);
  while (real === undefined && there !== '/') {
    missing.unshift(basename(there));
    there = dirname(there);
    real = realOf(there);
  }
  const found = real ?? there;
  const above: string[] = [];
  for (let next = found; ; next = dirname(next)) {
    const id = idOf(next);
    if (id !== undefined) above.push(id);
    if (next === '/') break;
  }
  return {
    path: join(found, ...missing),
    own: missing.length === 0 ? idOf(found) : undefined,
    all: new Set(above),
  };
}

function realOf(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

function idOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}
