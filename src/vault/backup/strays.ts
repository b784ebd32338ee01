// Takes out of a plan what lies beyond the root where neither the set nor its `outside` has it: a link that was changed
// after discovery went that way may lead the plan there.
import { posix } from 'node:path';
import { type Disk, disk } from '../../capture/discover/disk.ts';
import { isWithin, openPlace } from '../../capture/discover/reach.ts';
import type { Reference } from '../../capture/discover/reference.ts';
import type { Source } from '../../pack/collect.ts';
import { parentsOf } from '../../pack/collect-source.ts';
import { type FileSources, patternOf } from './plan.ts';

const OUTSIDE = '@outside';

export interface Strays {
  /** Without them, and without directories that were only the way to them. */
  readonly sources: Source[];
  /** What they were taken for, where that is known, with one of the paths; absolute and real. */
  readonly strays: readonly { readonly path: string; readonly reference: Reference | undefined }[];
}

/**
 * @param found what collecting found, with real paths below `@outside`
 * @param references by the patterns that were collected because of them
 * @throws UsageError `bad-pattern`
 */
export function withoutStrays(
  found: readonly Source[],
  { root, include, also = [], outside = [] }: FileSources,
  references: Iterable<Reference>,
  at: Disk = disk,
): Strays {
  // What the set names by itself is wanted, wherever it lies.
  const named = [...include, ...include.map(patternOf), ...also.map(patternOf)];
  const place = openPlace(at, root, at.realpath(root), [...outside, ...named], []);
  const isStray = ({ path, type }: Source): boolean =>
    type !== 'dir' && isWithin(path, OUTSIDE) && !place.permits(path.slice(OUTSIDE.length));
  const gone = found.filter(isStray);
  if (gone.length === 0) return { sources: [...found], strays: [] };
  const rest = found.filter((source) => !isStray(source));
  const ways = new Set(rest.filter(({ type }) => type !== 'dir').flatMap(({ path }) => [...parentsOf(path)]));
  const isKept = ({ path, type }: Source): boolean =>
    type !== 'dir' || !isWithin(path, OUTSIDE) || ways.has(path) || place.permits(path.slice(OUTSIDE.length));
  const led = [...references].map((reference) => ({ reference, real: realOf(at, reference.path) }));
  const strays = new Map<Reference | undefined, string>();
  for (const { path } of gone) {
    const real = path.slice(OUTSIDE.length);
    const by = led.filter((one) => one.real !== undefined && isWithin(real, one.real));
    for (const { reference } of by) strays.set(reference, real);
    if (by.length === 0) strays.set(undefined, real);
  }
  return {
    sources: rest.filter(isKept),
    strays: [...strays].map(([reference, path]) => ({ reference, path })),
  };
}

/** As collecting goes to a path beyond the root: a link that is named is itself meant. */
function realOf(at: Disk, path: string): string | undefined {
  try {
    return path === '/' ? path : posix.join(at.realpath(posix.dirname(path)), posix.basename(path));
  } catch {
    return undefined;
  }
}
