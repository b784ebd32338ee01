// Words and numbers for people: what is safe to show, sizes, ages, tables. Pure functions; nothing is written here.

export { age, count } from '../commands/counted.ts';

// Control characters and line separators move the cursor or forge a line; the bidirectional ones show `exe.txt`
// for `txt.exe`; zero-width ones hide; a lone surrogate is no character. (Unicode TR 36, section 3.)
const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Cs}/gu;

const plain = /^[\x20-\x7e]*$/;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text with every character that could steer a terminal or deceive a reader spelled out, as `\x1b` or `\u202e`. */
export function safeText(text: string): string {
  // Nearly everything is that plain, and a table of ten thousand lines has many times as many texts.
  if (plain.test(text)) return text;
  return text.replace(unsafe, (character) => short[character] ?? escapeCode(character.charCodeAt(0)));
}

function escapeCode(code: number): string {
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, '0')}` : `\\u${hex.padStart(4, '0')}`;
}

/**
 * One line of JSON that is safe to show on a terminal too: JSON itself escapes only the characters below U+0020.
 * Still the same JSON value.
 */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    unsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** `512 B`, `1.5 KiB`, `32.0 MiB`. @param bytes not negative */
export function size(bytes: number): string {
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** `2026-11-20 05:58:12 UTC`. */
export function utc(time: Date): string {
  if (Number.isNaN(time.getTime())) return 'no time';
  return `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `a`, `a or b`, `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words[words.length - 1]}`;
}

/** How many columns a text takes, near enough: wide East Asian characters and emoji take two, marks none. */
export function width(text: string): number {
  if (plain.test(text)) return text.length;
  let columns = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    columns +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
        character,
      ) || character > '\u{1f2ff}'
        ? 2
        : 1;
  }
  return columns;
}

/** Text cut to so many columns, with an ellipsis where something is missing. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let kept = '';
  for (const character of text) {
    if (width(kept + character) > columns - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
