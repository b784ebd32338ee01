// Names, ids and times as docs/format.md section 1 writes them. Pure; knows nothing of a store.
import { randomInt } from 'node:crypto';
import { UsageError } from '../errors.ts';

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const SNAPSHOT_ID = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-[0-9a-hjkmnp-tv-z]{6}$/;
const CROCKFORD = '0123456789abcdefghjkmnpqrstvwxyz';

/** Whether `text` may name a set, host, slot, stream, label or tag. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/**
 * Checks a name that a person gave.
 * @param kind what it names, for the message, such as `set`
 * @throws UsageError `bad-name`
 */
export function checkName(text: string, kind: string): string {
  if (isName(text)) return text;
  throw new UsageError('bad-name', `not a valid ${kind} name: ${JSON.stringify(text)}`, {
    hint: 'use lower-case letters, digits, dots, dashes and underscores, at most 63, beginning with a letter or digit',
  });
}

/** The nearest valid name to `text` (a host name, a directory name), or `fallback` when nothing of it is usable. */
export function nameFrom(text: string, fallback: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, 63);
  return isName(name) ? name : fallback;
}

/** `length` characters of Crockford base32, from the system's generator. */
export function randomName(length: number): string {
  let name = '';
  for (let i = 0; i < length; i++) name += CROCKFORD[randomInt(32)];
  return name;
}

/** RFC 3339 UTC in whole seconds, as documents write times. */
export function documentTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** `YYYYMMDDTHHMMSSZ`, as object names write times. */
export function compactTime(date: Date): string {
  return documentTime(date).replace(/[-:]/g, '');
}

/**
 * A new snapshot id for a backup that began at `date`.
 * @param after id of the snapshot before it: two that begin within a second must not be in a random order, or
 *   `latest` would be either of them
 */
export function newSnapshotId(date: Date, after = ''): string {
  const second = `${compactTime(date)}-`;
  const next = after.startsWith(second) ? numberOf(after.slice(second.length)) + randomInt(1, STEP) : TAILS;
  return second + tailOf(next < TAILS ? next : randomInt(TAILS));
}

/** How many there are of the random part of a snapshot id, and the most that one is past the one before it. */
const TAILS = 32 ** 6;
const STEP = 32 ** 3;

function tailOf(n: number): string {
  return [...n.toString(32).padStart(6, '0')].map((digit) => CROCKFORD[Number.parseInt(digit, 32)]).join('');
}

function numberOf(tail: string): number {
  return [...tail].reduce((n, letter) => n * 32 + CROCKFORD.indexOf(letter), 0);
}

/** The document time (`2026-11-20T05:58:12Z`) that a snapshot id holds, or undefined when it is no snapshot id. */
export function timeOfSnapshotId(id: string): string | undefined {
  const match = SNAPSHOT_ID.exec(id);
  if (!match) return undefined;
  const [, y, mo, d, h, mi, s] = match;
  return `${y}-${mo}-${d}T${h}:${mi}:${s}Z`;
}

/** Whether a set name matches one of the globs of a host's scope (`*` matches any run of characters). */
export function inScope(set: string, globs: readonly string[]): boolean {
  return globs.some((glob) => {
    if (glob === '*') return true;
    // Walks the literal pieces in order instead of building a regular expression: the globs come from a document.
    const pieces = glob.split('*');
    if (pieces.length === 1) return glob === set;
    const first = pieces[0] ?? '';
    const last = pieces[pieces.length - 1] ?? '';
    if (set.length < first.length + last.length || !set.startsWith(first) || !set.endsWith(last))
      return false;
    let at = first.length;
    const end = set.length - last.length;
    for (const piece of pieces.slice(1, -1)) {
      const found = set.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  });
}
