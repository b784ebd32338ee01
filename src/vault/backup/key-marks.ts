// Owns telling which files may hold a private key, in clear or in base64 as in a Kubernetes Secret, at the price of one
// look at each. Knows what such keys begin with, and not what opens which vault.

const MARKS = ['AGE-SECRET-KEY-', 'PRIVATE KEY-----'];
// What may stand before a mark and belongs to it: `-----BEGIN OPENSSH `, in whole groups of base64.
const BEFORE = 28;
const GROUP = /^[\w+/-]{4}$/;

interface Hidden {
  /** The characters of the base64 of a mark that do not depend on what surrounds it. */
  readonly text: string;
  /** How many characters they stand behind the beginning of a group of four. */
  readonly skip: number;
}

// A mark begins at the first, second or third byte of a group of three.
const HIDDEN: readonly Hidden[] = MARKS.flatMap((mark) =>
  [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(mark)]);
    const skip = Math.ceil((shift * 8) / 6);
    return { text: bytes.toString('base64').slice(skip, Math.floor((bytes.length * 8) / 6)), skip };
  }),
);
// Base64 may be broken into lines. Then one half of the characters is still whole.
const HALF = 9;
const ANY = new RegExp(
  [...MARKS, ...HIDDEN.flatMap(({ text }) => [text.slice(0, HALF), text.slice(-HALF)])].join('|'),
);

/**
 * What has to be searched for private keys.
 *
 * @param content of a file
 * @returns nothing for nearly every file; else the content itself, and what base64 in it says around the beginning of
 *   a key. Base64 within base64 is not looked into.
 */
export function keySuspects(content: Buffer): Buffer[] {
  const text = content.toString('latin1');
  return ANY.test(text) ? [content, ...decoded(text)] : [];
}

function* decoded(text: string): Generator<Buffer> {
  const joined = text.replace(/\\[nr]|\s+/g, '');
  const outside = /[^\w+/-]/g;
  for (const { text: hidden, skip } of HIDDEN) {
    for (let at = joined.indexOf(hidden), end = 0; at !== -1; at = joined.indexOf(hidden, end)) {
      let start = at - skip;
      const first = Math.max(end, start - BEFORE);
      while (start - 4 >= first && GROUP.test(joined.slice(start - 4, start))) start -= 4;
      outside.lastIndex = at;
      end = outside.exec(joined)?.index ?? joined.length;
      yield Buffer.from(joined.slice(Math.max(0, start), end), 'base64');
    }
  }
}
