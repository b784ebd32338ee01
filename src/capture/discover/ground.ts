// The ground that discovery stands on: the only one that touches the disk, and only where it may. Knows no format.
import { posix } from 'node:path';
import { type NotNamed, TooMuch } from '../../compare/named-value.ts';
import { UsageError } from '../../errors.ts';
import { type Disk, type Head, disk as ownDisk } from './disk.ts';
import { newEffort } from './effort.ts';
import { byBytes, checkInterrupt, filesBelow, isWithinBounds, type Walking } from './extent.ts';
import { openPlace, type Place, stateOf } from './reach.ts';
import type { DiscoverOptions, Discovery, DiscoveryWarning, Reference } from './reference.ts';

/** What a discoverer sees of the disk. No path makes any of this throw. */
export interface Ground {
  /** Absolute, links followed. Relative paths that are asked for start here. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal | undefined;
  /**
   * Regular files below the root, absolute, in byte order; none that is excluded, behind a link, or below .git or
   * node_modules. Found once.
   */
  files(): readonly string[];
  /**
   * How a path is; `outside`, without looking, where it may not be looked at, and where a link leads there. An
   * excluded one is looked at all the same, but what is in it is not.
   */
  look(path: string): Reference['state'];
  /** The real path of what is there, links followed, as {@link look} does: to know a file again. */
  real(path: string): string | undefined;
  /**
   * UTF-8 text of a file of at most 1 MiB. Undefined where it cannot be had: a warning is noted then, unless it is
   * missing, outside or excluded, as the caller or the person knows.
   */
  text(path: string): Promise<string | undefined>;
  /** The beginning of a file of any size, and its size; undefined, without a warning, where it cannot be had. */
  head(path: string, atMost: number): Head | undefined;
  /**
   * Adds a reference; its state is looked up here. Names in `as` are the caller's to hide (`compare/shown.ts`).
   * @param reference `written`: a path that is shown in place of the one that is looked up
   */
  refer(reference: Omit<Reference, 'state'> & { readonly written?: string | undefined }): void;
  /** Notes a file that could not be understood, or not all of it. @param reason a phrase, never content */
  warn(path: string, kind: DiscoveryWarning['kind'], reason: string): void;
  /** The same of one that a parser refused. */
  refuse(path: string, error: NotNamed): void;
  /**
   * Asks for so many steps of work, as `effort.ts` counts them.
   * @returns false, and a warning of the file once, after more than any deployment needs
   */
  affords(path: string, steps: number): boolean;
  /** Lets others have their turn, now and then: to be called wherever much may be done. */
  breathe(): Promise<void>;
}

/** Finds references of one kind. */
export type Discover = (ground: Ground) => Promise<void>;

export const MAX_TEXT_BYTES = 2 ** 20;
/** Texts that are kept in case they are asked for again. */
const MAX_CACHED = 32 * 2 ** 20;
const MAX_AS = 200;

/**
 * Opens the ground for one run.
 *
 * @param disk to look at; another one for tests
 * @returns `result`: what was referred to and warned of so far; `take` begins anew after it
 * @throws UsageError `missing-root` when there is no such directory, `bad-pattern`; InterruptedError, as all that it
 *   does
 */
export function openGround(
  options: DiscoverOptions,
  disk: Disk = ownDisk,
): { ground: Ground; result(): Discovery; take(): Discovery } {
  const { signal, outside = [], exclude = [] } = options;
  checkInterrupt(signal);
  const place = openPlace(disk, options.root, realRoot(disk, options.root), outside, exclude);
  const references = new Map<string, Reference>();
  const warnings = new Map<string, DiscoveryWarning>();
  const warn: Ground['warn'] = (path, kind, reason) => {
    const absolute = place.absolute(path) ?? place.root;
    const warning = { path: absolute, kind, reason };
    warnings.set(JSON.stringify(warning), warning);
  };
  const walking: Walking = { disk, place, signal, warn };
  const look = looker(walking);
  const effort = newEffort(walking);
  const readText = texts(walking);
  let files: readonly string[] | undefined;
  // Seen by the walk to be regular, not excluded and not behind a link: ten thousand need no second look.
  let known: ReadonlySet<string> = new Set();
  const ground: Ground = {
    root: place.root,
    env: options.env ?? {},
    signal,
    files: () => {
      if (files === undefined) {
        files = filesBelow(walking);
        known = new Set(files);
      }
      return files;
    },
    look,
    real: (path) => {
      const absolute = place.absolute(path);
      const reached = absolute === undefined ? 'missing' : place.reach(absolute);
      return typeof reached === 'string' ? undefined : reached.path;
    },
    text: readText,
    head: (path, atMost) => {
      const real = known.has(path) ? path : reachIncluded(place, path);
      if (real === undefined) return undefined;
      try {
        return disk.read(real, atMost);
      } catch (error) {
        stateOf(error);
        return undefined;
      }
    },
    refer: (reference) => {
      const path = place.absolute(reference.written ?? reference.path);
      if (path === undefined) {
        warn(reference.by ?? place.root, 'broken', 'names a path that no file can have');
        return;
      }
      const as = shownAs(reference.as);
      const key = keyOf({ path, as, by: reference.by });
      const required = reference.required || references.get(key)?.required === true;
      const ifLoaded = reference.requiredIfLoaded ? { requiredIfLoaded: true } : {};
      references.set(key, { path, as, by: reference.by, required, ...ifLoaded, state: look(reference.path) });
    },
    warn,
    refuse: (path, error) => warn(path, error instanceof TooMuch ? 'unread' : 'broken', error.message),
    affords: effort.affords,
    breathe: effort.breathe,
  };
  const result = (): Discovery => inOrder(references.values(), warnings.values());
  const take = (): Discovery => {
    const found = result();
    references.clear();
    warnings.clear();
    effort.renew();
    return found;
  };
  return { ground, result, take };
}

/** By path, and what is the same once. */
export function together(found: Iterable<Discovery>): Discovery {
  const references = new Map<string, Reference>();
  const warnings = new Map<string, DiscoveryWarning>();
  for (const part of found) {
    for (const reference of part.references) {
      const key = keyOf(reference);
      const required = reference.required || references.get(key)?.required === true;
      references.set(key, { ...reference, required });
    }
    for (const warning of part.warnings) warnings.set(JSON.stringify(warning), warning);
  }
  return inOrder(references.values(), warnings.values());
}

const keyOf = ({ path, as, by }: Pick<Reference, 'path' | 'as' | 'by'>) => JSON.stringify([path, as, by]);

function inOrder(references: Iterable<Reference>, warnings: Iterable<DiscoveryWarning>): Discovery {
  return {
    references: [...references].sort(
      (a, b) => byBytes(a.path, b.path) || byBytes(a.by ?? '', b.by ?? '') || byBytes(a.as, b.as),
    ),
    warnings: [...warnings].sort((a, b) => byBytes(a.path, b.path) || byBytes(a.reason, b.reason)),
  };
}

function realRoot(disk: Disk, given: string): string {
  try {
    const root = disk.realpath(posix.resolve(given));
    if (disk.lstat(root).isDirectory()) return root;
  } catch (error) {
    // Not there or not to be reached: the same to whoever asked.
    stateOf(error);
  }
  throw new UsageError('missing-root', 'there is no such directory to look into', {
    hint: 'check the `root` of the set',
    object: given,
  });
}

/** One line of bounded length: names of services and keys are whatever somebody wrote. */
function shownAs(as: string): string {
  const line = as.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return line.length > MAX_AS ? `${line.slice(0, MAX_AS - 1)}…` : line;
}

/** The real path of what is there and not excluded. */
function reachIncluded(place: Place, path: string): string | undefined {
  const absolute = place.absolute(path);
  if (absolute === undefined || place.excludes(absolute)) return undefined;
  const reached = place.reach(absolute);
  // What a link leads to may be excluded under its own name.
  return typeof reached === 'string' || place.excludes(reached.path) ? undefined : reached.path;
}

function looker(walking: Walking): Ground['look'] {
  const { disk, place } = walking;
  const states = new Map<string, Reference['state']>();
  const bounds = new Map<string, boolean>();
  const lookAt = (path: string): Reference['state'] => {
    const reached = place.reach(path);
    if (typeof reached === 'string') return reached;
    const { stat, path: real } = reached;
    if (!stat.isFile() && !stat.isDirectory()) return 'special';
    if (!disk.isReadable(real)) return 'unreadable';
    if (stat.isFile()) return 'file';
    // Nothing of an excluded one is taken.
    if (place.excludes(path) || place.excludes(real)) return 'directory';
    if (!bounds.has(real)) bounds.set(real, isWithinBounds(walking, real));
    return bounds.get(real) ? 'directory' : 'too-large';
  };
  return (path) => {
    const absolute = place.absolute(path);
    if (absolute === undefined) return 'missing';
    const state = states.get(absolute) ?? lookAt(absolute);
    states.set(absolute, state);
    return state;
  };
}

function texts({ disk, place, signal, warn }: Walking): Ground['text'] {
  const cache = new Map<string, string | undefined>();
  let cached = 0;
  const read = (path: string): string | undefined => {
    const reached = place.reach(path);
    if (reached === 'unreadable') warn(path, 'broken', 'cannot be read');
    const real = reachIncluded(place, path);
    if (real === undefined) return undefined;
    try {
      const head = disk.read(real, MAX_TEXT_BYTES + 1);
      if (head === undefined) warn(path, 'broken', 'is no regular file');
      else if (head.size > MAX_TEXT_BYTES) warn(path, 'unread', 'is too large to look into');
      else return new TextDecoder('utf-8', { fatal: true }).decode(head.bytes);
    } catch (error) {
      if (error instanceof TypeError) warn(path, 'broken', 'is no UTF-8 text');
      else if (stateOf(error) === 'unreadable') warn(path, 'broken', 'cannot be read');
    }
    return undefined;
  };
  return async (path) => {
    checkInterrupt(signal);
    const absolute = place.absolute(path);
    if (absolute === undefined) return undefined;
    if (cache.has(absolute)) return cache.get(absolute);
    const text = read(absolute);
    cached += text?.length ?? 0;
    if (cached <= MAX_CACHED) cache.set(absolute, text);
    return text;
  };
}
