// Owns the language of include and exclude patterns: `**` (any number of segments), `*`, `?`, `[a-z]`, `[!a]`,
// `{a,b}`, and `\` before a character that is meant as it is. Names that begin with a dot are names like any other.
// Pure: never looks at a disk, but says in which directory a walk may start.

import { posix } from 'node:path';
import { expandBraces } from './glob-braces.ts';
import { covers, nameMatcher, RUN } from './glob-name.ts';

export { checkGlobs } from './glob-braces.ts';

/** A pattern without braces: a directory that it names plainly, and what it asks of the paths below. */
export interface Glob {
  /** Absolute path of the part before the first special character: a walk need not look elsewhere. */
  readonly base: string;
  /** @param below the rest of an absolute path behind `base`: empty, or with a leading slash */
  matches(below: string): boolean;
  /** Whether something inside the directory `below` could match. */
  reaches(below: string): boolean;
}

const SPECIAL = /[*?[{\\]/;

/** Whether a pattern can mean anything but the file of exactly its name. */
export function hasGlob(pattern: string): boolean {
  return SPECIAL.test(pattern);
}

/**
 * Understands a glob.
 *
 * @param pattern relative to `root` or absolute; `.` and `..` segments are resolved as text
 * @param root absolute path
 * @returns one glob for each alternative of its braces
 * @throws UsageError `bad-pattern` when it is longer than 1024 characters, or its braces ask for over 1000
 *   alternatives
 */
export function parseGlob(pattern: string, root: string): Glob[] {
  // The root is meant as it is, whatever characters it holds.
  const prefix = root.replace(/[*?[{\\]/g, '\\$&');
  return expandBraces(pattern)
    .filter((text) => text !== '')
    .map((text) => globOf(posix.resolve(prefix, text)));
}

/**
 * A glob over entry paths.
 *
 * @param pattern relative to the root
 * @returns whether the path of an entry matches
 * @throws UsageError `bad-pattern`
 */
export function globMatcher(pattern: string): (path: string) => boolean {
  const globs = parseGlob(pattern, '/').map(({ base, matches }) => ({
    base: base === '/' ? '' : base,
    matches,
  }));
  return (path) =>
    globs.some(({ base, matches }) => `/${path}`.startsWith(base) && matches(`/${path}`.slice(base.length)));
}

function globOf(path: string): Glob {
  const segments = path.split('/').slice(1);
  const special = segments.findIndex((segment) => /[*?[]/.test(unescaped(segment)));
  const plain = special === -1 ? segments : segments.slice(0, special);
  const rest = (special === -1 ? [] : segments.slice(special)).map((segment) =>
    segment === '**' ? RUN : nameMatcher(segment),
  );
  const globstar = rest.indexOf(RUN);
  const leading = (globstar === -1 ? rest : rest.slice(0, globstar)).filter((token) => token !== RUN);
  // At the end it asks for something inside: as an exclude, `*/**` must not take the files beside.
  if (rest.at(-1) === RUN) rest.push((name) => name !== '');
  return {
    base: `/${plain.map((segment) => segment.replace(/\\(.)/gsu, '$1')).join('/')}`,
    matches: (below) => {
      const [start, ...names] = below.split('/');
      return (
        start === '' &&
        covers(
          rest,
          names.length,
          (matches, at) => matches(names[at]!),
          (at) => at + 1,
        )
      );
    },
    reaches: (below) => {
      const names = below.split('/').slice(1);
      if (globstar === -1 && names.length >= leading.length) return false;
      return leading.every((matches, depth) => depth >= names.length || matches(names[depth]!));
    },
  };
}

function unescaped(segment: string): string {
  return segment.replace(/\\./gsu, '');
}
