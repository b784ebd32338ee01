// Owns which symbolic links of a snapshot will lead nowhere once it is restored: those that point to something
// that is not in it. Looks at what was found, not at the disk.

import { posix } from 'node:path';
import { absolutePath, entryPath, isWithin, type Place, pathOfEntry } from './collect-place.ts';
import type { Problem, Source } from './collect-source.ts';
import { printableName } from './names.ts';

// As many as Linux follows.
const MAX_HOPS = 40;

/**
 * A warning for each symbolic link whose target is not in the snapshot. One that was asked for by name makes the
 * snapshot incomplete: whoever names `live/privkey.pem` wants the key.
 *
 * @param found sources by entry path
 * @param named entry paths of the links that were asked for by name
 */
export function danglingLinks(
  place: Place,
  found: ReadonlyMap<string, Source>,
  named: ReadonlySet<string>,
): Problem[] {
  const problems: Problem[] = [];
  for (const { path, target } of found.values()) {
    if (target === undefined || leadsInside(place, found, posix.dirname(pathOfEntry(place, path)), target))
      continue;
    const incomplete = named.has(path);
    const reason = `points to '${printableName(target)}', which is not in the snapshot`;
    const advice = incomplete ? ': include that too' : '';
    problems.push({ kind: 'dangling-link', path, reason: reason + advice, incomplete });
  }
  return problems;
}

// Follows a target as the kernel would, but through what was found only.
function leadsInside(
  place: Place,
  found: ReadonlyMap<string, Source>,
  directory: string,
  target: string,
): boolean {
  let at = directory;
  let names: string[] = [];
  const restart = (link: string, rest: string[]) => {
    if (link.startsWith('/')) at = '/';
    names = [...(link.startsWith('/') ? absolutePath(place, link) : link).split('/'), ...rest];
  };
  restart(target, []);
  let hops = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = posix.join(at, name);
    const source = found.get(entryPath(place, next));
    if (source?.target !== undefined) {
      if (++hops > MAX_HOPS) return false;
      restart(source.target, names);
    } else if (source !== undefined || isWithin(place.root, next)) at = next;
    else return false;
  }
  return at === place.root || found.has(entryPath(place, at));
}
