// Owns telling which files may hold a private key or a share of one, in clear or in base64 as in a Kubernetes Secret, at
// the price of one look at each. Knows what such keys begin with, and not what opens which vault.

const MARKS = [
  'AGE-SECRET-KEY-',
  'age-secret-key-',
  'PRIVATE KEY-----',
  'data-strongroom-share',
  'STRONGROOM SHARE',
  'strongroom share',
];
// A share without its title: its first letters are its version, its kind and a small number (docs/format.md section 13).
const BEGINNINGS = ['ZQQQQ Q', 'ZQQQQQQ', 'ZYQQQ Q', 'ZYQQQQQ'].flatMap((text) => [text, text.toLowerCase()]);
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
const TEXTS = [
  ...MARKS,
  ...BEGINNINGS,
  ...HIDDEN.flatMap(({ text }) => [text.slice(0, HALF), text.slice(-HALF)]),
];
const ANY = new RegExp(TEXTS.join('|'));
const LONGEST = Math.max(...TEXTS.map((text) => text.length));

// Each text is long enough to hold, wherever it stands, four bytes that begin at a multiple of four. So it is enough
// to look at every fourth place for one of a few dozen numbers, at a tenth of the price of the expression.
const WORD = 4;
const WORDS = new Set(TEXTS.flatMap(wordsOf));
const WORD_MARKS = new Uint8Array(2 ** 16);
for (const word of WORDS) WORD_MARKS[markOf(word)] = 1;

/**
 * What has to be searched for private keys.
 *
 * @param content of a file
 * @returns nothing for nearly every file; else the content itself, and what base64 in it says around the beginning of
 *   a key. Base64 within base64 is not looked into.
 */
export function keySuspects(content: Buffer): Buffer[] {
  return holdsMark(content) ? [content, ...decoded(content.toString('latin1'))] : [];
}

function holdsMark(content: Buffer): boolean {
  const { buffer, byteOffset, length } = content;
  const isAligned = byteOffset % WORD === 0;
  const count = Math.floor(length / WORD);
  const words = new Uint32Array(
    isAligned ? buffer : Uint8Array.from(content).buffer,
    isAligned ? byteOffset : 0,
    count,
  );
  for (let at = 0; at < count; at++) {
    const word = words[at]!;
    if (WORD_MARKS[markOf(word)] === 1 && WORDS.has(word) && isMarkAt(content, at * WORD)) return true;
  }
  return false;
}

/** Whether a word is of a text, of which it is within the first seven bytes. Plain English has many such words. */
function isMarkAt(content: Buffer, at: number): boolean {
  return ANY.test(content.toString('latin1', Math.max(0, at - WORD), at + LONGEST));
}

// The four words, one of which a text shows to whoever looks at every fourth byte.
function wordsOf(text: string): number[] {
  return [0, 1, 2, 3].map((at) => {
    const bytes = Uint8Array.from(Buffer.from(text.slice(at, at + WORD), 'latin1'));
    return new Uint32Array(bytes.buffer)[0]!;
  });
}

// Sixteen bits of a product spread well (Knuth, The Art of Computer Programming, volume 3, section 6.4).
function markOf(word: number): number {
  return Math.imul(word, 0x9e3779b1) >>> 16;
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
