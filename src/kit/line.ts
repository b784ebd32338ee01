// One line of a share as people type it: 15 bytes as 30 letters, of which the last six are a checksum (BIP 350,
// bech32m) over the letters and the line's number. It finds errors and says where; it never mends one by itself.
import { bech32m } from '@scure/base';

/** Bytes in a line. */
export const LINE_BYTES = 15;
/** Lines in a share; a share of another length has another version. */
export const LINES = 5;

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
/** Letters in a line. */
export const LETTERS = 30;
const GROUP = 5;
/** What looks alike on paper and is no letter of the alphabet. */
const ALIKE: Readonly<Record<string, string>> = { o: '0', i: 'l', '1': 'l', b: '8' };

/** What a typed line came to. */
export type Line =
  | { readonly isRight: true; readonly number: number; readonly bytes: Uint8Array }
  | { readonly isRight: false; readonly number: number | undefined; readonly why: string };

/** @param number from 1 @param bytes 15 of them @returns six groups of five letters, upper case */
export function writeLine(number: number, bytes: Uint8Array): string {
  const text = bech32m.encode(prefixOf(number), bech32m.toWords(bytes));
  const letters = text.slice(prefixOf(number).length + 1).toUpperCase();
  return (letters.match(/.{5}/g) ?? []).join(' ');
}

/**
 * Reads a line, with or without its number, in upper or lower case, in any grouping, and with letters that look alike
 * taken for each other. Up to four wrong letters are always found (BIP 173), so every swap of two is too.
 */
export function readLine(text: string): Line {
  const typed = [...text.toLowerCase()].filter((letter) => /[0-9a-z]/.test(letter)).join('');
  // A group of one letter is none of ours.
  const isNumbered = /^\s*[1-9][\s.:)]/.test(text) || (typed.length === LETTERS + 1 && /^[1-9]/.test(typed));
  const number = isNumbered ? Number(typed[0]) : undefined;
  const letters = [...(isNumbered ? typed.slice(1) : typed)]
    .map((letter) => ALIKE[letter] ?? letter)
    .join('');
  const wrong = (why: string): Line => ({ isRight: false, number, why });
  if (letters.length !== LETTERS) return wrong(`has ${letters.length} letters, not ${LETTERS}`);
  const numbers = Array.from({ length: LINES }, (_, i) => i + 1);
  for (const own of numbers) {
    const bytes = bytesOf(own, letters);
    if (bytes === undefined) continue;
    if (number === undefined || number === own) return { isRight: true, number: own, bytes };
    return wrong(`is line ${own} of its page`);
  }
  for (const own of number === undefined ? numbers : [number]) {
    const at = groupOfError(own, letters);
    if (at !== undefined)
      return wrong(`has a typing error, most likely in group ${at} of ${LETTERS / GROUP}`);
  }
  return wrong('has more than one typing error');
}

/**
 * Whether letters are right as this line, told by their checksum alone: quick, and silent about what is wrong.
 * @param letters 30 of them, in upper or lower case
 */
export function isLine(number: number, letters: string): boolean {
  const own = [...letters.toLowerCase()].map((letter) => ALIKE[letter] ?? letter).join('');
  return bytesOf(number, own) !== undefined;
}

function prefixOf(number: number): string {
  return `strongroom${number}`;
}

/** The bytes of letters whose checksum is right. */
function bytesOf(number: number, letters: string): Uint8Array | undefined {
  try {
    const text = `${prefixOf(number)}1${letters}` as const;
    return bech32m.fromWords(bech32m.decode(text).words);
  } catch {
    // The decoder quotes what it was given, so its error goes no further.
    return undefined;
  }
}

/** The group where one other letter, or two that change places, make the line right. Only one place can. */
function groupOfError(number: number, letters: string): number | undefined {
  const isRight = (changed: readonly string[]) => bytesOf(number, changed.join('')) !== undefined;
  const groupAt = (at: number) => Math.floor(at / GROUP) + 1;
  const all = [...letters];
  for (const [at, old] of all.entries()) {
    for (const letter of ALPHABET) {
      if (letter !== old && isRight(all.with(at, letter))) return groupAt(at);
    }
    for (let other = at + 1; other < all.length; other++) {
      if (isRight(all.with(at, all[other]!).with(other, old))) return groupAt(at);
    }
  }
  return undefined;
}
