// What of a file's keys and sections may be shown. They are names mostly, but a map may have tokens for keys, and a
// line that was taken for an assignment may be the rest of a value: what looks random is never shown.

/** Longer names are cut: there are as many names as values, so none may be a book. */
const MAX_NAME = 200;
const MAX_KEY = 100;
/** What is hidden must be known by so much of it; no more than MAX_KEY is shown. */
const LOOKED_AT = 2 * MAX_KEY;

/** How known tokens, keys and addresses with a password begin, anywhere. */
const KNOWN =
  /(?:gh[pousr]_|glpat-|sk-|rk_live_|sk_live_|xox[abeoprs]-|AKIA|ASIA|AIza|SG\.|npm_|pypi-|hvs\.|dop_v1_|eyJ)[A-Za-z\d]{12}|github_pat_|AGE-SECRET-KEY-|-----BEGIN |:\/\/[^\s/]*@/;
const HEXADECIMAL = /[\da-f]{16}|[\dA-F]{16}|(?:[\da-f]{4,8}-){3,4}[\da-f]{4,12}/i;
/** Groups such as those of licence keys and recovery codes: letters and digits mixed in every one of them. */
const GROUPS = /(?:^|[^A-Za-z\d])(?:(?=[A-Za-z]{0,7}\d)(?=\d{0,7}[A-Za-z])[A-Za-z\d]{4,8}[-_ ]){2}/;
const WORD = /[\w+/=-]{12,}/g;
const SEGMENT = /[A-Za-z\d+/]{12,}/g;
/** Words as names have them, in camel case or not, and numbers. */
const CHUNK = /[A-Z]?[a-z]+|[A-Z]+|\d+/g;
const UNSPEAKABLE = /[bcdfghjklmnpqrstvwxz]{7}/i;
const WINDOW = 16;

/**
 * Whether a key or name has the form of a token, a key or random bytes, in hexadecimal, base64 or base32. It errs
 * towards yes: a name that is hidden is a nuisance, a secret that is shown is in a ticket.
 */
export function looksRandom(key: string): boolean {
  const text = key.slice(0, LOOKED_AT);
  if (KNOWN.test(text) || GROUPS.test(text)) return true;
  const hexadecimal = HEXADECIMAL.exec(text)?.[0];
  if (hexadecimal && /\d/.test(hexadecimal)) return true;
  return (text.match(WORD) ?? []).some(isRandomWord) || (text.match(SEGMENT) ?? []).some(isRandomSegment);
}

function isRandomWord(word: string): boolean {
  const isMixed = /[a-z]/.test(word) && /[A-Z]/.test(word) && /\d/.test(word);
  return densest(word) > (isMixed ? 5 : 8);
}

/** Random text goes from case to case and digit at every other character; words and numbers are longer. */
function isRandomSegment(segment: string): boolean {
  if (densest(segment) >= 6) return true;
  if (segment.length >= WINDOW && UNSPEAKABLE.test(segment)) return true;
  if (segment.length < 20 || !/\d[A-Za-z]/.test(segment)) return false;
  const isOfOneCase = segment === segment.toLowerCase() || segment === segment.toUpperCase();
  return isOfOneCase || segment.length / chunksOf(segment) < 3.5;
}

const chunksOf = (text: string): number => text.match(CHUNK)?.length ?? 0;

/** The most chunks that begin within any window of a text. */
function densest(text: string): number {
  const starts = [...text.matchAll(CHUNK)].map(({ index }) => index);
  let most = 0;
  let from = 0;
  for (const [i, start] of starts.entries()) {
    while (start - starts[from]! >= WINDOW) from += 1;
    most = Math.max(most, i - from + 1);
  }
  return most;
}

/** How a key that may not be shown is called. */
export function hiddenKey(key: string): string {
  return `(a key of ${key.length} characters)`;
}

/** A key as it may stand in a name. */
export function shownKey(key: string): string {
  if (key === '') return '""';
  if (looksRandom(key)) return hiddenKey(key);
  return key.length > MAX_KEY ? `${key.slice(0, MAX_KEY)}…` : key;
}

/** A name of bounded length: its beginning and its end, which tells most. */
export function clipName(name: string): string {
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME / 2 - 1)}…${name.slice(-MAX_NAME / 2)}`;
}

/**
 * Whether what stands before and after the first `=` or `:` of a line is the end of some base64 instead of a name and
 * its value: the `=` at its end was taken for the one in between.
 */
export function isPadding(name: string, value: string): boolean {
  if (/^=[^\w\s]*$/.test(value)) return true;
  return /^[^\w\s]*$/.test(value) && /^[A-Za-z\d+/]{20,}$/.test(name);
}

/** Whether a line goes on in the next one: it ends in a backslash that stands for itself. */
export function goesOn(line: string): boolean {
  let from = line.length;
  while (from > 0 && line[from - 1] === '\\') from -= 1;
  return (line.length - from) % 2 === 1;
}
