// Finds keys on paper that were put into a file: age identities, whole or in the groups of a page, and shares of a
// recovery key. Says what stands there, and not what it opens.
import { isLine, LETTERS, LINES } from '../../kit/line.ts';

// What may stand between two letters of a key that a page shows, or that was copied from one: blanks, line breaks, also
// as JSON and mail write them, and tags. No two of them begin alike, so the expression looks at nothing twice.
const GAP = String.raw`(?:[\s\xc2]|\\[nrt]|=\r?\n|<[^<>]{0,200}>|&nbsp;)`;
// 32 bytes and a checksum in bech32, for either kind of identity.
const IDENTITY = new RegExp(`(AGE-SECRET-KEY-(?:PQ-)?1)((?:${GAP}{0,200}[0-9A-Z]){58})`, 'gi');
const GAPS = new RegExp(GAP, 'g');

/**
 * @param text of a file, a character for each byte
 * @returns what looks like identities, as the age program writes them
 */
export function* identitiesIn(text: string): Generator<string> {
  for (const [, prefix = '', letters = ''] of text.matchAll(IDENTITY))
    yield (prefix + letters.replace(GAPS, '')).toUpperCase();
}

// What a line of a share is not broken by; a quote, a tag, a slash and a line break are ends of lines.
const LINE_ENDS = /[^0-9A-Za-z \t.:)\xa0\xc2-]+/;

/**
 * Whether the five lines of a share stand in a text one after the other, whatever is around and between them, and
 * whatever vault it is for.
 * @param text of a file, a character for each byte
 */
export function holdsShare(text: string): boolean {
  let next = 1;
  for (const line of text
    .replace(/=\r?\n/g, '')
    .replace(/\\[nrt]/g, '\n')
    .split(LINE_ENDS)) {
    // The last of them: a number or a name may stand before.
    const letters = line.replace(/[^0-9A-Za-z]/g, '').slice(-LETTERS);
    if (letters.length === LETTERS && isLine(next, letters)) next++;
    if (next > LINES) return true;
  }
  return false;
}
