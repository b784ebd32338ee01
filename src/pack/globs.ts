// Owns the language of include and exclude patterns: `**` (any number of segments), `*`, `?`, `[a-z]`, `[!a]`,
// `{a,b}`, and `\` before a character that is meant as it is. Names that begin with a dot are names like any other.
// Pure: never looks at a disk, but says in which directory a walk may start.

import { posix } from 'node:path';
import { UsageError } from '../errors.ts';
import { printableName } from './names.ts';

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
// A handful of nested braces asks for millions of patterns.
const MAX_ALTERNATIVES = 1000;

/** Whether a pattern has to be understood as a glob when no file has exactly its name. */
export function hasGlob(pattern: string): boolean {
  return SPECIAL.test(pattern);
}

/**
 * Understands a glob.
 *
 * @param pattern relative to `root` or absolute; `.` and `..` segments are resolved as text
 * @param root absolute path
 * @returns one glob for each alternative of its braces
 * @throws UsageError `bad-pattern` when the braces ask for over 1000 alternatives
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
  const globs = parseGlob(pattern, '/').map(({ base, matches }) => ({ base: base === '/' ? '' : base, matches }));
  return (path) =>
    globs.some(({ base, matches }) => `/${path}`.startsWith(base) && matches(`/${path}`.slice(base.length)));
}

function globOf(path: string): Glob {
  const segments = path.split('/').slice(1);
  const special = segments.findIndex((segment) => /[*?[]/.test(unescaped(segment)));
  const plain = special === -1 ? segments : segments.slice(0, special);
  const rest = special === -1 ? [] : segments.slice(special);
  const sources = rest.map((segment, index) => {
    if (segment !== '**') return `/${segmentSource(segment)}`;
    // At the end it asks for something inside: as an exclude, `*/**` must not take the files beside.
    return index === rest.length - 1 ? '(?:/[^/]+)+' : '(?:/[^/]+)*';
  });
  const whole = new RegExp(`^${sources.join('')}$`, 'u');
  const globstar = rest.indexOf('**');
  const leading = sources
    .slice(0, globstar === -1 ? undefined : globstar)
    .map((source) => new RegExp(`^${source}$`, 'u'));
  return {
    base: `/${plain.map((segment) => segment.replace(/\\(.)/gsu, '$1')).join('/')}`,
    matches: (below) => whole.test(below),
    reaches: (below) => {
      const names = below.split('/').slice(1);
      if (globstar === -1 && names.length >= leading.length) return false;
      return leading.every((source, depth) => depth >= names.length || source.test(`/${names[depth]}`));
    },
  };
}

function unescaped(segment: string): string {
  return segment.replace(/\\./gsu, '');
}

// One segment as the source of a regular expression with the flag `u`. A `[` that nothing closes is a character.
function segmentSource(segment: string): string {
  return segment.replace(
    /\\(.)|\[([!^]?)(\](?:\\.|[^\]\\])*|(?:\\.|[^\]\\])+)\]|(\*+)|(\?)|(.)/gsu,
    (
      _match,
      escaped?: string,
      negation?: string,
      members?: string,
      stars?: string,
      one?: string,
      plain?: string,
    ) => {
      if (stars !== undefined) return '[^/]*';
      if (one !== undefined) return '[^/]';
      if (members !== undefined) return `[${negation === '' ? '' : '^/'}${membersSource(members)}]`;
      return literalSource(escaped ?? plain ?? '');
    },
  );
}

function membersSource(members: string): string {
  return members.replace(/\\?(.)(?:-\\?(.))?/gsu, (_match, from: string, to?: string) => {
    if (to === undefined) return literalSource(from);
    // A range that runs backwards holds nothing but its ends.
    const forwards = from.codePointAt(0)! <= to.codePointAt(0)!;
    return `${literalSource(from)}${forwards ? '-' : ''}${literalSource(to)}`;
  });
}

// `\-` is an error outside of a class, where the flag `u` is set.
function literalSource(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replace(/-/g, '\\x2d');
}

// `a{b,c}` is `ab` and `ac`. Braces without a comma, or that nothing closes, are characters.
function expandBraces(pattern: string): string[] {
  const done: string[] = [];
  for (let open = [pattern]; open.length > 0; ) {
    const next: string[] = [];
    for (const text of open) {
      const brace = firstBrace(text);
      if (brace === undefined) done.push(text);
      else for (const choice of brace.choices) next.push(brace.before + choice + brace.after);
    }
    if (done.length + next.length > MAX_ALTERNATIVES) {
      throw new UsageError('bad-pattern', `pattern '${printableName(pattern)}' has too many alternatives`, {
        hint: 'use `*`, or write several patterns',
      });
    }
    open = next;
  }
  return [...new Set(done)];
}

function firstBrace(text: string): { before: string; choices: string[]; after: string } | undefined {
  for (let start = 0; start < text.length; start++) {
    if (text[start] === '\\') start++;
    else if (text[start] === '{') {
      const brace = braceAt(text, start);
      if (brace !== undefined) return brace;
    }
  }
  return undefined;
}

function braceAt(text: string, start: number): ReturnType<typeof firstBrace> {
  const cuts = [start];
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const character = text[at];
    if (character === '\\') at++;
    else if (character === '{') depth++;
    else if (character === ',' && depth === 1) cuts.push(at);
    else if (character === '}' && --depth === 0) {
      if (cuts.length === 1) return undefined;
      cuts.push(at);
      const choices = cuts.slice(1).map((cut, index) => text.slice(cuts[index]! + 1, cut));
      return { before: text.slice(0, start), choices, after: text.slice(at + 1) };
    }
  }
  return undefined;
}
